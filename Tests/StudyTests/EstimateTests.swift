import Kernels
import Networks
import SearchSpace
import Study
import Testing

@Suite struct EstimateTests {
  @Test(
    arguments: ["resnet-14", "mobilenet-v1", "mobilenet-v2", "efficientnet-b0"],
    [ElementType.float32, ElementType.bfloat16])
  func `reckons the memory of a training step as the step takes it`(
    family: String, precision: ElementType
  ) throws {
    let space = try Family(family).space(
      input: Shape(channels: 3, height: 32, width: 32), classes: 10)
    let network = space.network(of: space.largest)
    let parameters = try Parameters(of: network)
    parameters.initialize(seed: 1)
    let runner = try NetworkRunner(engine: Engine(), parameters: parameters, precision: precision)
    let batch = 16
    let images = runner.arena.zeros(network.input.tensorShape(batch: batch))
    let tape = try runner.forward(network, images: images)
    try runner.backward(tape, outputGradient: runner.arena.zeros(tape.outputs.shape))

    let estimate = MemoryEstimate(of: network, batch: batch, precision: precision)
    // Weights, gradients and momentum have an arena of their own.
    let activations = estimate.trainingBytes - 12 * network.cost.parameters
    let ratio = Double(activations) / Double(runner.arena.peakBytes)
    #expect((0.95...1.5).contains(ratio), "\(activations) for \(runner.arena.peakBytes)")
  }

  @Test func `shares the cost among the decisions by the layers that they size`() throws {
    let space = try SearchSpace(name: "hand", input: Shape(channels: 2, height: 4, width: 4)) {
      Convolution(name: "first", width: [4, 8], kernel: 3)
      Stage(.depthwiseSeparable(), width: [4, 16], depth: [1, 2])
      GlobalAveragePool()
      Linear(classes: 5)
    }
    let layers = Dictionary(
      uniqueKeysWithValues: space.network(of: space.largest).layers.map { ($0.name, $0.cost) })
    func cost(_ names: String...) -> Cost {
      names.compactMap { layers[$0] }.reduce(Cost(macs: 0, parameters: 0)) { $0 + $1 }
    }
    let shares = Dictionary(
      uniqueKeysWithValues: space.decisions.indices.map {
        (space.decisions[$0].name, space.costShare(of: $0))
      })
    // A depthwise convolution has the channels of what it reads.
    #expect(
      shares["first"] == cost("first", "stage1.block1.depthwise", "stage1.block1.pointwise"))
    #expect(
      shares["stage1.block1"]
        == cost(
          "stage1.block1.pointwise", "stage1.block2.depthwise", "stage1.block2.pointwise"))
    #expect(shares["stage1.block2"] == cost("stage1.block2.pointwise", "classifier"))
    // The classifier reads 16 channels whether or not the second block is there.
    #expect(
      shares["stage1.depth"] == cost("stage1.block2.depthwise", "stage1.block2.pointwise"))
  }

  @Test func `finds the speed that two measurements imply`() throws {
    let space = try Family("resnet-8").space(
      input: Shape(channels: 3, height: 16, width: 16), classes: 10)
    func work(_ architecture: Architecture) -> Workload {
      Workload(of: space.network(of: architecture).layers)
    }
    func seconds(_ work: Workload) -> Double { 1e-10 * work.macs + 3e-9 * work.elements }
    let (large, small) = (work(space.largest), work(space.smallest))
    let speed = Speed(large: (large, seconds(large)), small: (small, seconds(small)))
    var generator = SeededGenerator(seed: 1)
    for _ in 0..<20 {
      let other = work(space.randomArchitecture(using: &generator))
      #expect(abs(speed.seconds(for: other) / seconds(other) - 1) < 1e-6)
    }
    // Of one network alone the multiply-adds have to explain everything.
    let single = Speed(large: (large, 2), small: (large, 2))
    #expect(abs(single.seconds(for: large) - 2) < 1e-9)
    #expect(abs(single.seconds(for: large * 3) - 6) < 1e-9)
  }
}
