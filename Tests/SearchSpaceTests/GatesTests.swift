import SearchSpace
import Testing

@Suite struct GatesTests {
  private let input = Shape(channels: 3, height: 32, width: 32)

  /// The layers that the gates of each decision act behind.
  private func sites(_ space: SearchSpace) -> [String: [String]] {
    let gated = space.gatedNetwork()
    return Dictionary(
      uniqueKeysWithValues: zip(space.gatedGroups, gated.sites).map { group, sites in
        (space.decisions[group.decision].name, sites.map { gated.network.layers[$0.layer].name })
      })
  }

  @Test func `gates the first convolution of each block where residual streams are fixed`() throws {
    var settings = Family.Settings()
    settings.residual = .fixed
    let sites = try sites(
      Family("resnet-20").space(input: input, classes: 10, settings: settings))
    // The paper's placement for residual networks of small images.
    #expect(sites.count == 9)
    for (decision, layers) in sites {
      #expect(layers == [decision.replacing(".inner", with: ".conv1")])
    }
  }

  @Test func `gates behind the depthwise convolution that follows`() throws {
    var settings = Family.Settings()
    settings.residual = .fixed
    let inverted = try sites(
      Family("mobilenet-v2").space(input: input, classes: 10, settings: settings))
    #expect(inverted["stage3.block1.inner"] == ["stage3.block1.depthwise"])
    let separable = try sites(Family("mobilenet-v1").space(input: input, classes: 10))
    #expect(separable["stem"]?.count == 1)
    #expect(separable["stem"]?.first?.hasSuffix("depthwise") == true)
  }

  @Test func `gates every layer that adds to a tied stream, and no layer that gates others`() throws
  {
    let space = try SearchSpace(name: "own", input: input) {
      Convolution(name: "stem", width: [4, 8], kernel: 3)
      Stage(
        .bottleneck(inner: [4, 8], gate: SqueezeAndExcitation()), width: [4, 8], depth: 2)
      Stage(.fire(squeeze: 4), width: [8, 16])
      GlobalAveragePool()
      Linear(classes: 10)
    }
    let sites = sites(space)
    #expect(
      sites["stem"] == ["stem", "stage1.block1.conv3", "stage1.block2.conv3"])
    #expect(sites["stage1.block1.inner2"] == ["stage1.block1.conv2"])
    #expect(sites["stage2.block1"] == ["stage2.block1.expand1", "stage2.block1.expand3"])
    let halves = space.gatedNetwork().sites.last ?? []
    #expect(halves.map(\.first) == [0, 8])
  }

  @Test(arguments: Family.names.filter { !$0.contains("N") } + ["resnet-20", "resnet-50"])
  func `widens every family to a network that can be computed`(name: String) throws {
    let space = try Family(name).space(
      input: Shape(channels: 3, height: 64, width: 64), classes: 10)
    let groups = space.gatedGroups
    let counts = groups.map { $0.channels(widenedBy: 1.25) }
    // A network checks its own shapes.
    let wide = space.gatedNetwork(channels: counts)
    let largest = space.network(of: space.largest)
    #expect(space.gatedNetwork().network == largest)
    #expect(groups.isEmpty || wide.network.cost.macs > largest.cost.macs)
    for (count, sites) in zip(counts, wide.sites) {
      let channels = sites.map { $0.first + wide.network.layers[$0.layer].output.channels }
      #expect(channels.max() == count)
    }
  }

  @Test func `maps the multiples of an expansion to the channels they make`() throws {
    let space = try SearchSpace(name: "own", input: input) {
      Convolution(width: 8, kernel: 3)
      Stage(.invertedResidual(expand: [2, 3, 6]), width: 8)
      GlobalAveragePool()
      Linear(classes: 10)
    }
    let group = try #require(space.gatedGroups.first)
    #expect(group.channels == [16, 24, 48])
    #expect(group.choice(within: 47) == 1)
    #expect(group.choice(within: 60) == 2)
    #expect(group.choice(within: 3) == 0)
    #expect(group.channels(widenedBy: 1.25) == 60)
  }
}
