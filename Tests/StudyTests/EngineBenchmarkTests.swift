import SearchSpace
import Study
import Testing

@Suite struct EngineBenchmarkTests {
  @Test(arguments: [
    // The 40.55 million of ResNet-20 and its two 1×1 convolutions in shortcuts.
    (EngineBenchmark.Network.resNet(layers: 20), 12, 40_813_184, 272_474),
    // As `Benchmarks/peer.py` counts PyTorch's.
    (.mobileNetV2, 25, 87_976_448, 2_236_682),
  ])
  func `measures the networks that it names`(
    network: EngineBenchmark.Network, groups: Int, macs: Int, parameters: Int
  ) throws {
    let space = try network.space()
    #expect(space.decisions.count == groups)
    #expect(space.network(of: space.largest).cost == Cost(macs: macs, parameters: parameters))
    for decision in space.decisions {
      let widest = decision.choices.last ?? 0
      #expect(decision.choices.first == max(4, widest / 4 / 4 * 4))
      #expect(decision.choices.count == (widest - decision.choices[0]) / 4 + 1)
    }
  }

  @Test(arguments: EngineBenchmark.Network.all)
  func `finds a network by its name`(network: EngineBenchmark.Network) {
    #expect(EngineBenchmark.Network(network.name) == network)
    #expect(EngineBenchmark.Network("mobilenet-v2") == nil)
    #expect(EngineBenchmark.Network("resnet9") == nil)
  }
}
