import SearchSpace
import Testing

/// What is seen to when the parts of a space are put together.
@Suite struct BlueprintTests {
  private static let input = Shape(channels: 3, height: 24, width: 24)

  private func space(_ parts: any SpaceElement...) throws -> SearchSpace {
    try SearchSpace(
      name: "own", input: Self.input, elements: parts + [GlobalAveragePool(), Linear(classes: 4)])
  }

  /// Parts with a kernel of 3 whose stride is too long for it, though not for the largest.
  static let steep: [any SpaceElement] = [
    Convolution(width: 8, kernel: [3, 7], stride: 5),
    DepthwiseConvolution(kernel: [3, 5], stride: 6),
    Stage(.plain(kernel: [3, 9]), width: 8, stride: 6),
  ]

  @Test(arguments: steep.indices)
  func `checks the stride against every kernel on offer`(part: Int) {
    let error = #expect(throws: SearchSpaceError.self) { try space(Self.steep[part]) }
    guard case .misfit(_, "has an impossible window") = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  /// Parts with a kernel of 1, which any stride suits.
  static let skipping: [any SpaceElement] = [
    Convolution(width: 8, kernel: [1, 3], stride: 3),
    DepthwiseConvolution(kernel: [1, 5], stride: 4),
    Stage(.plain(kernel: [1, 5]), width: 8, stride: 4),
    Stage(.basic(), width: 16, stride: 3),
    Stage(.bottleneck(), width: 16, stride: 4),
  ]

  @Test(arguments: skipping.indices)
  func `lets a kernel of 1 leave pixels out`(part: Int) throws {
    let space = try space(Self.skipping[part])
    // Making a network checks every shape in it.
    for architecture in [space.smallest, space.largest] {
      let network = space.network(of: architecture)
      #expect(network.layers.contains { [6, 8].contains($0.output.height) })
    }
  }

  @Test func `lets every alternative have a classifier of its own`() throws {
    let space = try SearchSpace(
      name: "own", input: Self.input, classes: 4,
      elements: [
        Convolution(width: 8, kernel: 3),
        OneOf(alternatives: [
          Alternative(elements: [GlobalAveragePool(), Linear()]),
          Alternative(elements: [Convolution(width: 16, kernel: 3), GlobalAveragePool(), Linear()]),
        ]),
      ])
    let names = [space.smallest, space.largest].map { space.network(of: $0).layers.last?.name }
    #expect(names == ["classifier", "classifier2"])
  }

  @Test func `refuses two decisions of one name`() {
    #expect(throws: SearchSpaceError.duplicateName("stage1")) {
      try space(
        Convolution(name: "stage1", width: [8, 16], kernel: 3), Stage(.basic(), width: [8, 24]))
    }
    let choice = OneOf(alternatives: [
      Alternative(elements: []), Alternative { Stage(.basic(), width: 8) },
    ])
    #expect(throws: SearchSpaceError.duplicateName("choice1")) {
      try space(Convolution(name: "choice1", width: [8, 16], kernel: 3), choice)
    }
  }

  @Test func `takes away the widths that a grouped convolution cannot read`() throws {
    let stem = Convolution(name: "stem", width: [8, 18], kernel: 3)
    let grouped = Convolution(width: 16, kernel: 3, groups: 4)
    func choices(_ space: SearchSpace, _ group: String) -> [Int]? {
      space.groups.first { $0.name == group }?.choices
    }
    let plain = try space(stem, grouped)
    #expect(choices(plain, "stem") == [8] && plain.decisions.isEmpty)

    // What has been added before the convolution follows: a gate, and what reads the stem.
    let gate = SqueezeAndExcitation(share: 50, of: .input)
    let gated = try space(
      stem,
      OneOf(alternatives: [
        Alternative(elements: []),
        Alternative { Stage(.invertedResidual(inner: 12, gate: gate), width: [4, 6, 20]) },
      ]), grouped)
    #expect(choices(gated, "stem") == [8] && choices(gated, "stage1") == [4, 20])
    #expect(choices(gated, "stage1.block1.squeeze") == [4])
    let inputs = Dictionary(
      uniqueKeysWithValues: gated.supernetLayers.map { ($0.name, $0.input.channels) })
    #expect(inputs["stage1.block1.expand"] == 8 && inputs["conv1"] == 20)
    for architecture in try gated.allArchitectures(atMost: 10) {
      #expect(gated.network(of: architecture).classes == 4)
    }
  }

  @Test func `keeps the shares that can be cut into groups at every width`() throws {
    // Half of 24 is no multiple of 8, a whole is one of all widths.
    let space = try space(
      Stage(.bottleneck(inner: .percent([50, 100]), in: .groups(8)), width: [16, 24, 32]))
    #expect(space.decisions.map(\.name) == ["stage1"])
    #expect(space.groups.first { $0.name.hasSuffix("inner") }?.choices == [16, 24, 32])
    for width in space.decisions[0].choices {
      let network = space.network(of: try space.architecture(sizes: ["stage1": width]))
      #expect(network.layers.contains { $0.name.hasSuffix("conv2") && $0.input.channels == width })
    }
    #expect(throws: SearchSpaceError.self) {
      try self.space(
        Stage(.bottleneck(inner: .percent([25, 50]), in: .groups(8)), width: [16, 24]))
    }
  }
}
