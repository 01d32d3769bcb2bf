import SearchSpace
import Testing

@Suite struct WidthRuleTests {
  @Test func `steps as AutoSlim's published lists do`() {
    // 240 / 96 is 2.5 and rounds to the even 2: steps of 16, not of 24.
    #expect(WidthRule().choices(of: 240).values == Array(stride(from: 16, through: 240, by: 16)))
    #expect(
      WidthRule(scale: 1.5).choices(of: 96).values
        == Array(stride(from: 16, through: 144, by: 16)))
    #expect(WidthRule(scale: 0.5).choices(of: 16).values == [8])
    #expect(WidthRule(groups: 1).choices(of: 64).values == [64])
  }

  @Test func `has the widths of TAS`() {
    // Section 4.1 of arXiv:1905.09717, rounded down as in the authors' code.
    let rule = WidthRule(divisor: 1, shares: [30, 40, 50, 60, 70, 80, 90, 100])
    #expect(rule.choices(of: 16).values == [4, 6, 8, 9, 11, 12, 14, 16])
    #expect(rule.choices(of: 32).values == [9, 12, 16, 19, 22, 25, 28, 32])
    #expect(rule.choices(of: 64).values == [19, 25, 32, 38, 44, 51, 57, 64])
    #expect(WidthRule(divisor: 8, shares: [10, 60]).choices(of: 32).values == [8, 16, 32])
  }

  @Test func `has the depths of TAS`() throws {
    func depths(blocks: Int, step: Int) throws -> [Int] {
      var settings = Family.Settings()
      (settings.smallestDepth, settings.depthStep) = (1, step)
      let space = try Family.resNet(layers: 6 * blocks + 2).space(
        input: [3, 32, 32], classes: 10, settings: settings)
      return space.decisions.first { $0.name == "stage1.depth" }?.choices ?? []
    }
    #expect(try depths(blocks: 3, step: 1) == [1, 2, 3])
    #expect(try depths(blocks: 9, step: 2) == [1, 3, 5, 7, 9])
    #expect(try depths(blocks: 18, step: 2) == [1, 3, 5, 7, 9, 11, 13, 15, 17, 18])
    #expect(try depths(blocks: 1, step: 2) == [])
  }

  @Test func `stops at a share of the widest`() {
    let rule = WidthRule(groups: 1000, divisor: 4, smallest: 0.25)
    #expect(rule.choices(of: 32).values == [8, 12, 16, 20, 24, 28, 32])
    #expect(rule.choices(of: 24).values == [4, 8, 12, 16, 20, 24])  // a quarter is 6
    #expect(rule.choices(of: 144).largest == 144)
    #expect(rule.choices(of: 144).values.first == 36)
  }

  @Test func `rounds to the divisor, never below nine tenths`() {
    #expect(WidthRule.divisible(11, by: 8) == 16)
    #expect(WidthRule.divisible(8.1, by: 8) == 8)
    #expect(WidthRule.divisible(3, by: 8) == 8)
    #expect(WidthRule.divisible(24 * 0.35, by: 8) == 8)
  }
}

@Suite struct SearchSpaceTests {
  private func space(residual: Family.Residual = .tied) throws -> SearchSpace {
    var settings = Family.Settings()
    settings.width = WidthRule(scale: 0.5)
    settings.smallestDepth = 1
    settings.residual = residual
    return try Family.mobileNetV2.space(
      input: Shape(channels: 1, height: 28, width: 28), classes: 10, settings: settings)
  }

  @Test func `ties the blocks of a residual stage and says why`() throws {
    let stage = try #require(try space().groups.first { $0.name == "stage4" })
    #expect(stage.members.map(\.layer) == (1...4).map { "stage4.block\($0).project" })
    #expect(stage.members[0].reason == nil)
    #expect(stage.members[2].reason == "stage4.block3 adds its input to its output")
  }

  @Test func `ties the first stage of a residual network to its stem`() throws {
    let space = try Family("resnet-20").space(
      input: Shape(channels: 3, height: 32, width: 32), classes: 10)
    let stem = try #require(space.groups.first { $0.name == "stem" })
    #expect(stem.members.map(\.layer).contains("stage1.block3.conv2"))
    #expect(!space.groups.contains { $0.name == "stage1" })
  }

  @Test func `leaves only inner widths elastic when residual streams are fixed`() throws {
    let names = try space(residual: .fixed).decisions.map(\.name)
    #expect(!names.contains("stage4") && names.contains("stage4.block1.inner"))
  }

  @Test func `has twenty-five groups where AutoSlim had them`() throws {
    var settings = Family.Settings()
    settings.width = WidthRule(scale: 1.5)
    let space = try Family.mobileNetV2.space(
      input: Shape(channels: 3, height: 224, width: 224), classes: 1000, settings: settings)
    #expect(space.decisions.count == 25)
  }

  @Test(arguments: [
    (224, [2, 1, 2, 2, 2, 1, 2, 1]), (32, [1, 1, 1, 2, 2, 1, 2, 1]),
    (28, [1, 1, 1, 2, 2, 1, 2, 1]), (8, [1, 1, 1, 1, 1, 1, 2, 1]), (1, [1, 1, 1, 1, 1, 1, 1, 1]),
  ])
  func `drops the first halvings when images are small`(side: Int, strides: [Int]) {
    #expect(
      SearchSpace.strides(
        of: [2, 1, 2, 2, 2, 1, 2, 1], for: Shape(channels: 3, height: side, width: side))
        == strides)
  }

  @Test func `every network of the space lies between the smallest and the largest`() throws {
    let space = try space()
    let (low, high) = (
      space.network(of: space.smallest).cost, space.network(of: space.largest).cost
    )
    var generator = SeededGenerator(seed: 1)
    for _ in 0..<200 {
      let cost = space.network(of: space.randomArchitecture(using: &generator)).cost
      #expect((low.macs...high.macs).contains(cost.macs))
      #expect((low.parameters...high.parameters).contains(cost.parameters))
    }
  }

  @Test func `lowering any active decision makes the network cheaper`() throws {
    let space = try space()
    var generator = SeededGenerator(seed: 2)
    for _ in 0..<50 {
      let architecture = space.randomArchitecture(using: &generator)
      let cost = space.network(of: architecture).cost
      for decision in space.decisions.indices {
        guard let lowered = space.lowering(decision, of: architecture) else { continue }
        let less = space.network(of: lowered).cost
        #expect(less.macs < cost.macs && less.parameters < cost.parameters)
      }
    }
  }

  @Test func `gives networks that are the same one key, and others another`() throws {
    let space = try space()
    var shallow = [String: Int](
      uniqueKeysWithValues: space.sizes(of: space.largest).map { ($0, $1) })
    shallow["stage4.depth"] = 1
    let full = try space.architecture(sizes: shallow)
    // The widths of blocks that are left out make no difference.
    shallow["stage4.block3.inner"] =
      space.decisions.first { $0.name == "stage4.block3.inner" }?
      .choices.first
    let other = try space.architecture(sizes: shallow)
    #expect(full != other)
    #expect(space.key(of: full) == space.key(of: other))
    #expect(space.network(of: full) == space.network(of: other))
    #expect(space.key(of: full) != space.key(of: space.largest))
  }

  @Test func `builds every depth of stages whose blocks have widths of their own`() throws {
    // What reads such a stage must not count on the width of its last block, nor be tied to it.
    let space = try SearchSpace(name: "untied", input: Shape(channels: 3, height: 8, width: 8)) {
      Convolution(width: [4, 8], kernel: 3)
      Stage(.depthwiseSeparable(), width: [4, 8], depth: [1, 2, 3])
      Stage(.basic(inner: [4]), width: [4, 8], depth: [1, 2])
      Stage(.depthwiseSeparable(), width: [6, 12], depth: [1, 2])
      Stage(.invertedResidual(inner: nil), width: [6, 12], depth: [1, 2])
      GlobalAveragePool()
      Linear(classes: 3)
    }
    var generator = SeededGenerator(seed: 5)
    for _ in 0..<300 {
      let network = space.network(of: space.randomArchitecture(using: &generator))
      for layer in network.layers {
        #expect(network.shape(of: layer.source) == layer.input)
      }
    }
  }

  @Test func `is written as the guide shows`() throws {
    let space = try SearchSpace(input: [3, 32, 32], classes: 10) {
      Convolution(width: .range(8...32, step: 8), kernel: 3)
      Stage(
        .invertedResidual(expand: [3, 6], kernel: [3, 5]), width: [16, 24, 32], depth: 1...3,
        stride: 2)
      Stage(
        .basic(inner: .range(16...64, step: 8)), width: .range(32...64, step: 8), depth: 2,
        stride: 2)
      Convolution(width: 128, kernel: 1)
      GlobalAveragePool()
      Linear()
    }
    #expect(space.name == "own" && space.input == Shape(channels: 3, height: 32, width: 32))
    #expect(space.decisions.first { $0.name == "stage1.depth" }?.choices == [1, 2, 3])
  }

  @Test func `finds an architecture by its sizes and names a size it does not have`() throws {
    let space = try space()
    var generator = SeededGenerator(seed: 3)
    let architecture = space.randomArchitecture(using: &generator)
    let sizes = [String: Int](uniqueKeysWithValues: space.sizes(of: architecture).map { ($0, $1) })
    #expect(space.key(of: try space.architecture(sizes: sizes)) == space.key(of: architecture))
    #expect(throws: SearchSpaceError.badChoice(decision: "stem", value: "3", choices: [8, 16])) {
      try space.architecture(sizes: sizes.merging(["stem": 3]) { $1 })
    }
    #expect(throws: SearchSpaceError.self) {
      try space.architecture(sizes: sizes.merging(["stam": 8]) { $1 })
    }
  }

  @Test func `says what is wrong with a description`() {
    let input = Shape(channels: 3, height: 8, width: 8)
    #expect(throws: SearchSpaceError.noClassifier) {
      try SearchSpace(name: "open", input: input) { Convolution(width: 8, kernel: 3) }
    }
    #expect(throws: SearchSpaceError.badChoices(name: "conv1", values: [0, 8])) {
      try SearchSpace(name: "zero", input: input) {
        Convolution(width: [8, 0], kernel: 3)
        Linear(classes: 2)
      }
    }
    #expect(throws: SearchSpaceError.self) { _ = try Family("resnet-21") }
    #expect(throws: SearchSpaceError.self) { _ = try Family("mobilenet-v9") }
  }
}
