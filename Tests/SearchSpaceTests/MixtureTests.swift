import SearchSpace
import TestSupport
import Testing

@Suite struct MixtureTests {
  /// Untied blocks whose shortcuts come and go, a depth, and a stage behind it.
  private func space() throws -> SearchSpace {
    try SearchSpace(name: "untied", input: [3, 8, 8]) {
      Convolution(name: "stem", width: [4, 6, 8], kernel: 3)
      Stage(
        .basic(inner: [4, 8]), width: [4, 6, 8], depth: [1, 3], residual: .shortcut,
        projection: .pooledPlain)
      Stage(
        .basic(inner: [8, 12]), width: [8, 10], depth: [1, 2], stride: 2, residual: .shortcut)
      GlobalAveragePool()
      Linear(classes: 4)
    }
  }

  private func mixture(of space: SearchSpace, _ choices: [[Int]]) -> Mixture {
    Mixture(
      blends: choices.map {
        Mixture.Blend(choices: $0, weights: $0.map { _ in 1 / Double(choices.count) })
      })
  }

  @Test func `of one architecture is its network`() throws {
    let space = try space()
    var generator = SeededGenerator(seed: 1)
    for _ in 0..<50 {
      let architecture = space.randomArchitecture(using: &generator)
      let mixed = space.network(mixing: Mixture(architecture))
      #expect(mixed.network == space.network(of: architecture))
      #expect(mixed.widths.isEmpty)
      #expect(mixed.depths.isEmpty)
    }
  }

  @Test func `has the layers of its largest choices, and one where depths are mixed`() throws {
    let space = try space()
    let all = mixture(of: space, space.decisions.map { Array($0.choices.indices) })
    let mixed = space.network(mixing: all)
    let names = mixed.network.layers.map(\.name)
    #expect(
      names.filter { !["stage1.depth", "stage2.depth"].contains($0) }
        == space.network(of: space.largest).layers.map(\.name))

    // A depth of 1 or 3 hands on the first block's output or the third's.
    let place = try #require(names.firstIndex(of: "stage1.depth"))
    let mix = try #require(mixed.depths[place])
    func output(of block: String) throws -> Value {
      .layer(try #require(names.lastIndex { $0.hasPrefix(block) && !$0.hasSuffix("shortcut") }))
    }
    #expect(mix.values == [try output(of: "stage1.block1"), try output(of: "stage1.block3")])
    #expect(space.decisions[mix.decision].name == "stage1.depth")
    // What follows reads the mixture.
    #expect(
      mixed.network.layers.filter { $0.name.hasPrefix("stage2.block1") }.contains {
        $0.source == .layer(place)
      })
  }

  @Test func `mixes the channels of every convolution whose width is mixed`() throws {
    let space = try space()
    let stem = try #require(space.decisions.firstIndex { $0.name == "stem" })
    var choices = space.largest.choices.map { [$0] }
    choices[stem] = [0, 2]
    let mixed = space.network(mixing: mixture(of: space, choices))
    #expect(mixed.widths.count == 1)
    let (index, mix) = try #require(mixed.widths.first)
    #expect(mixed.network.layers[index].name == "stem")
    #expect(mix.channels == [4, 8])
    #expect(mixed.network.layers[index].output.channels == 8)
  }

  @Test func `names the decisions that cannot be mixed`() throws {
    #expect(try space().unmixableDecisions.isEmpty)
    let other = try SearchSpace(name: "kernels", input: [3, 8, 8]) {
      Convolution(name: "stem", width: [4, 8], kernel: [3, 5])
      GlobalAveragePool()
      Linear(classes: 4)
    }
    #expect(other.unmixableDecisions.map(\.name) == ["stem.kernel"])
  }
}

@Suite struct ExpectedCostTests {
  private static func spaces() throws -> [SearchSpace] {
    [
      try SearchSpace(name: "untied", input: [3, 8, 8]) {
        Convolution(name: "stem", width: [4, 6], kernel: 3)
        Stage(.basic(inner: [4, 8]), width: [4, 6], depth: [1, 3], residual: .shortcut)
        Stage(.basic(inner: [8]), width: [6, 8], depth: [1, 2], stride: 2, residual: .shortcut)
        GlobalAveragePool()
        Linear(classes: 4)
      },
      try SearchSpace(name: "tied", input: [3, 8, 8]) {
        Convolution(name: "stem", width: [4, 6, 8], kernel: 3)
        Stage(.invertedResidual(inner: [8, 12]), width: [4, 8], depth: [1, 2])
        Stage(.basic(inner: [4, 8]), width: [8, 12], depth: [1, 2, 3], stride: 2)
        GlobalAveragePool()
        Linear(classes: 4)
      },
      try SearchSpace(name: "bottlenecks", input: [3, 8, 8]) {
        Convolution(name: "stem", width: [4, 8], kernel: 3)
        Stage(
          .bottleneck(inner: [4, 6]), width: [8, 12], depth: [1, 2], residual: .shortcut,
          projection: .pooledPlain)
        Stage(.fire(squeeze: [2, 4]), width: [8, 12], depth: 1)
        GlobalAveragePool()
        Linear(classes: 4)
      },
      try SearchSpace(name: "open", input: [3, 8, 8]) {
        Convolution(name: "stem", width: [4, 6], kernel: [1, 3])
        Stage(.fire(squeeze: [2, 4]), width: [8, 12], depth: 1)
        Stage(
          .invertedResidual(
            expand: [2, 3], kernel: [3, 5], gate: SqueezeAndExcitation(of: .input)), width: [4, 8],
          depth: [1, 2])
        GlobalAveragePool()
        Linear(classes: 4)
      },
    ].map { space in
      var table = LatencyTable.made(of: space)
      table.calibrate(
        on: [space.smallest, space.largest].map(space.network).map { network in
          (network, 5000 + 0.9 * Double(table.latency(of: network)))
        })
      return space.timed(by: table)
    }
  }

  @Test(arguments: try spaces(), Cost.Metric.allCases)
  func `is exact: the sum over all architectures of probability times cost`(
    space: SearchSpace, metric: Cost.Metric
  ) throws {
    var generator = SeededGenerator(seed: 3)
    let probabilities = space.decisions.map { decision in
      let weights = decision.choices.map { _ in 0.1 + generator.uniform() }
      return weights.map { $0 / weights.reduce(0, +) }
    }
    var expected = 0.0
    var slopes = probabilities.map { $0.map { _ in 0.0 } }
    var architecture = space.smallest.choices
    while true {
      let cost = Double(space.cost(of: Architecture(choices: architecture))[metric])
      let factors = architecture.indices.map { probabilities[$0][architecture[$0]] }
      expected += factors.reduce(cost, *)
      for decision in factors.indices {
        slopes[decision][architecture[decision]] +=
          factors.enumerated().reduce(cost) { $1.offset == decision ? $0 : $0 * $1.element }
      }
      guard
        let next = architecture.indices.last(where: {
          architecture[$0] < space.decisions[$0].choices.count - 1
        })
      else { break }
      architecture[next] += 1
      for later in architecture.indices.dropFirst(next + 1) { architecture[later] = 0 }
    }

    let value = ExpectedCost(of: space, in: metric).value(of: probabilities)
    // A latency is rounded to nanoseconds.
    let tolerance = metric == .latency ? 1 : 1e-9 * expected
    #expect(abs(value.cost - expected) < tolerance)
    for (own, wanted) in zip(value.gradient, slopes) {
      // A decision's slopes may differ by a constant from one writing of the expectation to another:
      // its probabilities add up to 1.
      let offset = own[0] - wanted[0]
      for (slope, other) in zip(own, wanted) {
        #expect(abs(slope - other - offset) < 4 * tolerance)
      }
    }
  }

  @Test func `of a certain architecture is its cost`() throws {
    var settings = Family.Settings()
    settings.residual = .shortcut
    settings.smallestDepth = 1
    settings.width = WidthRule(groups: 8, divisor: 1)
    let space = try Family("resnet-20").space(input: [3, 32, 32], classes: 10, settings: settings)
    let expected = ExpectedCost(of: space, in: .macs)
    var generator = SeededGenerator(seed: 5)
    for _ in 0..<20 {
      let architecture = space.randomArchitecture(using: &generator)
      let certain = zip(space.decisions, architecture.choices).map { decision, choice in
        decision.choices.indices.map { $0 == choice ? 1.0 : 0 }
      }
      let cost = expected.value(of: certain).cost
      #expect(cost == Double(space.network(of: architecture).cost.macs))
    }
  }
}
