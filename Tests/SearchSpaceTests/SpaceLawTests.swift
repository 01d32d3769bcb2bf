import SearchSpace
import Testing

/// What holds for every space, whatever its blocks.
@Suite struct SpaceLawTests {
  static let input = Shape(channels: 3, height: 20, width: 18)

  /// A space of each kind of block, with everything open that can be.
  static let all: [SearchSpace] = {
    do {
      func space(
        _ name: String, @SearchSpaceBuilder _ parts: () throws -> [any SpaceElement]
      ) throws -> SearchSpace {
        try SearchSpace(
          name: name, input: input, classes: 5,
          elements: [Convolution(name: "stem", width: [4, 8, 12], kernel: [3, 5])] + parts()
            + [GlobalAveragePool(), Linear(width: [6, 10], activation: .swish), Linear()])
      }
      let depth = Choices.range(1...3)
      return [
        try space("plain") {
          Stage(.plain(kernel: [1, 3]), width: [5, 9], depth: depth, completion: .bias)
          Pool(.max, kernel: 3, stride: 2)
        },
        try space("separable") {
          Stage(.depthwiseSeparable(kernel: [3, 7]), width: [5, 9], depth: depth, stride: 2)
        },
        try space("inverted") {
          Stage(
            .invertedResidual(
              expand: [2, 3, 6], kernel: [3, 5],
              gate: SqueezeAndExcitation(of: .input, activation: .swish)),
            width: [6, 8], depth: depth, stride: 2, activation: .hardSwish)
        },
        try space("inverted-untied") {
          Stage(
            .invertedResidual(inner: [8, 16], gate: SqueezeAndExcitation(share: 50)),
            width: [6, 8], depth: depth, residual: .shortcut)
        },
        try space("basic") { Stage(.basic(inner: [4, 6]), width: [4, 8, 12], depth: depth) },
        try space("basic-untied") {
          for stride in [1, 2] {
            Stage(
              .basic(inner: .percent([50, 100])), width: [4, 8, 12], depth: [1, 3], stride: stride,
              residual: .shortcut, projection: .pooledPlain)
          }
        },
        try space("bottleneck") {
          Stage(
            .bottleneck(inner: [4, 8], gate: SqueezeAndExcitation()), width: [16, 24],
            depth: depth, stride: 2, projection: .pooled)
        },
        try space("grouped") {
          Stage(
            .bottleneck(inner: [4, 6, 8, 12], in: .groups(4)), width: [16, 20, 24], depth: depth)
          Stage(
            .bottleneck(inner: [4, 6, 8, 12], in: .width(4)), width: [16, 20, 24], depth: depth)
          Convolution(width: [8, 12, 16, 18], kernel: 3, groups: 8)
        },
        try space("fire") { Stage(.fire(squeeze: [2, 4]), width: [8, 12, 13], depth: depth) },
        try space("alternatives") {
          OneOf {
            Alternative {}
            Alternative {
              Convolution(width: [4, 20], kernel: 3)
              DepthwiseConvolution(kernel: [3, 5])
            }
            Alternative {
              OneOf {
                Alternative { Stage(.basic(), width: [8, 16], depth: [1, 2]) }
                Alternative { Stage(.fire(), width: 32) }
              }
            }
          }
          Normalization()
        },
        try space("nothing") {},
      ]
    } catch {
      preconditionFailure("\(error)")
    }
  }()

  /// The largest, the smallest and many random architectures.
  private func architectures(_ space: SearchSpace) -> [Architecture] {
    var generator = SeededGenerator(seed: 11)
    return [space.largest, space.smallest]
      + (0..<200).map { _ in space.randomArchitecture(using: &generator) }
  }

  @Test(arguments: all)
  func `makes networks whose layers are among the supernet's, and no larger`(
    space: SearchSpace
  ) throws {
    let layers = space.supernetLayers
    let known = Dictionary(uniqueKeysWithValues: layers.map { ($0.name, $0) })
    var used: Set<String> = []
    for architecture in architectures(space) {
      // Making a network checks every shape in it.
      let network = space.network(of: architecture)
      #expect(network.classes == 5)
      for layer in network.layers {
        let whole = try #require(known[layer.name])
        used.insert(layer.name)
        #expect(layer.input.channels <= whole.input.channels)
        #expect(layer.output.channels <= whole.output.channels)
        #expect((layer.input.height, layer.input.width) == (whole.input.height, whole.input.width))
        #expect(layer.cost.parameters <= whole.cost.parameters)
        if case .convolution(let part) = layer.operation,
          case .convolution(let all) = whole.operation
        {
          #expect(part.kernel <= all.kernel && part.completion == all.completion)
        }
      }
    }
    #expect(used == Set(known.keys), "no layer is there in vain")
  }

  @Test(arguments: all)
  func `gives equal keys to equal networks, and finds an architecture by its sizes`(
    space: SearchSpace
  ) throws {
    var networks: [String: Network] = [:]
    for architecture in architectures(space) {
      let key = space.key(of: architecture)
      let network = space.network(of: architecture)
      #expect(networks[key] ?? network == network)
      networks[key] = network
      let sizes = Dictionary(uniqueKeysWithValues: space.sizes(of: architecture).map { ($0, $1) })
      #expect(space.key(of: try space.architecture(sizes: sizes)) == key)
    }
  }

  @Test(arguments: all.filter { !$0.name.contains("untied") && $0.name != "alternatives" })
  func `becomes cheaper with every step down`(space: SearchSpace) {
    for architecture in architectures(space) {
      let cost = space.network(of: architecture).cost
      for decision in space.decisions.indices {
        guard let lowered = space.lowering(decision, of: architecture) else { continue }
        let less = space.network(of: lowered).cost
        #expect(less.macs < cost.macs && less.parameters < cost.parameters)
      }
    }
  }

  @Test(arguments: all)
  func `shares costs among the groups that layers stand between`(space: SearchSpace) {
    for architecture in architectures(space).prefix(20) {
      let cost = space.network(of: architecture).cost
      let shares = space.costByGroup(of: architecture)
      #expect(shares.count == space.groups.count)
      #expect(shares.allSatisfy { $0.macs <= cost.macs && $0.parameters <= cost.parameters })
      #expect(shares.reduce(0) { $0 + $1.macs } >= cost.macs)
    }
  }

  @Test(arguments: all)
  func `needs memory for what is read later, and for no more`(space: SearchSpace) {
    for architecture in architectures(space).prefix(20) {
      let network = space.network(of: architecture)
      // What is alive at each layer, found by looking ahead from it.
      let alive = network.layers.indices.map { index in
        let values = [Value.image] + network.layers[0...index].indices.map { .layer($0) }
        return values.filter { value in
          value == .layer(index)
            || network.layers[index...].contains { $0.source == value || $0.operand == value }
        }.reduce(0) { $0 + 4 * network.shape(of: $1).count }
      }
      #expect(network.activationMemory == alive.max())
    }
  }

  @Test func `offers no width that a grouped convolution cannot have`() throws {
    let space = try #require(Self.all.first { $0.name == "grouped" })
    let inner = space.groups.filter { $0.name.hasSuffix("inner") }
    #expect(inner.count == 6 && inner.allSatisfy { $0.choices == [4, 8, 12] })
    #expect(space.groups.first { $0.name == "conv1" }?.choices == [8, 16])
    // The stages before, whose widths are one, must give them in eights, too.
    #expect(space.groups.first { $0.name == "stage1" }?.choices == [16, 24])
    #expect(throws: SearchSpaceError.noGroupedWidth(layer: "conv1", divisor: 5, choices: [4, 8])) {
      try SearchSpace(name: "none", input: Self.input) {
        Convolution(name: "stem", width: [4, 8], kernel: 1)
        Convolution(width: [5, 10], kernel: 3, groups: 5)
        Linear(classes: 2)
      }
    }
  }

  @Test func `leaves shortcuts out where widths agree`() throws {
    let space = try #require(Self.all.first { $0.name == "basic-untied" })
    func shortcuts(_ architecture: Architecture) -> Int {
      space.network(of: architecture).layers.count { $0.name.hasSuffix(".shortcut") }
    }
    #expect(shortcuts(space.largest) == 1)  // where the map is halved
    #expect(space.supernetLayers.count { $0.name.hasSuffix(".shortcut") } == 6)
    var sizes = Dictionary(uniqueKeysWithValues: space.sizes(of: space.largest).map { ($0, $1) })
    sizes["stage1.block2"] = 4
    #expect(shortcuts(try space.architecture(sizes: sizes)) == 3)
  }
}
