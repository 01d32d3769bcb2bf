import Datasets
import Evaluator
import Kernels
import Networks
import SearchSpace
import TestSupport
import Testing

@Suite struct GateLearnerTests {
  private func space() throws -> SearchSpace {
    try SearchSpace(name: "small", input: Shape(channels: 1, height: 8, width: 8)) {
      Convolution(name: "stem", width: [4, 8], kernel: 3)
      Stage(.basic(inner: [4, 8]), width: [4, 8], depth: [1, 2])
      GlobalAveragePool()
      Linear(classes: 4)
    }
  }

  private func images() throws -> StudyImages {
    let synthetic = SyntheticImages(count: 800)
    return try StudyImages(
      ImageDataset(
        pixels: synthetic.pixels, labels: synthetic.labels, height: 8, width: 8, channels: 1,
        classes: 4), holdOut: 200, augmentation: Augmentation(crop: 1, flip: true), seed: 3)
  }

  private func settings(_ paths: Supernet.Paths) -> Supernet.Settings {
    var settings = Supernet.Settings()
    settings.batch = 40
    settings.paths = paths
    return settings
  }

  @Test func `gives the same answer to the same question, whatever was asked before`() throws {
    let space = try space()
    let counts = space.gatedGroups.map { $0.channels(widenedBy: 1.25) }
    func learner() throws -> GateLearner {
      try GateLearner(
        space: space, channels: counts, images: images(), settings: settings(.single),
        engine: Engine())
    }
    let first = try learner()
    let gates = ChannelGates(repeating: 0.8, counts: counts)
    var other = gates
    other.values[3] = 0
    let answer = try first.gradient(of: gates, step: 5)
    #expect(answer.loss.isFinite)
    #expect(try first.gradient(of: other, step: 5) != answer)
    #expect(try first.gradient(of: gates, step: 6) != answer)
    #expect(try first.gradient(of: gates, step: 5) == answer)
    #expect(try learner().gradient(of: gates, step: 5) == answer)
    #expect(answer.gradient.values.contains { $0 != 0 })
  }

  @Test func `says what channels are worth as their weights do`() throws {
    let space = try space()
    let supernet = try Supernet(
      space: space, images: images(), settings: settings(.largest(sparsity: 0.01)),
      engine: Engine())
    for _ in 0..<3 { try supernet.trainStep() }
    let file = supernet.checkpoint()
    func tensor(_ name: String) throws -> [Float] { try #require(file[name]).values }
    // The stem's channels are those of all the blocks' outputs.
    let producers = ["stem", "stage1.block1.conv2", "stage1.block2.conv2"]
    let scales = try (0..<8).map { channel in
      try producers.map { Double(abs(try tensor("\($0).norm.weight")[channel])) }.max()
    }
    #expect(supernet.worth(by: .normalizationScale).groups.first == scales.compactMap { $0 })

    let norms = try producers.map { name in
      let weights = try tensor("\(name).weight")
      let size = weights.count / 8
      let sums = (0..<8).map { channel in
        (0..<size).reduce(0.0) { $0 + Double(abs(weights[channel * size + $1])) }
      }
      return sums.map { $0 * 8 / sums.reduce(0, +) }
    }
    let worths = supernet.worth(by: .filterNorm).groups[0]
    for channel in 0..<8 {
      #expect(abs(worths[channel] - (norms.map { $0[channel] }.max() ?? 0)) < 1e-9)
    }
  }

  @Test func `presses the scales of normalisations towards zero, and nothing else`() throws {
    func weights(_ sparsity: Double) throws -> Safetensors {
      let supernet = try Supernet(
        space: space(), images: images(), settings: settings(.largest(sparsity: sparsity)),
        engine: Engine())
      #expect(supernet.subnets(ofStep: 0) == [supernet.space.largest])
      try supernet.trainStep()
      return supernet.checkpoint()
    }
    let (plain, sparse) = (try weights(0), try weights(0.01))
    // Nesterov's first step is the rate times 1.9 gradients; all scales begin at 1.
    let step: Float = 0.1 * 1.9 * 0.01
    for tensor in plain.tensors where !tensor.name.hasPrefix("optimizer") {
      let other = try #require(sparse[tensor.name]).values
      let isScale = tensor.name.hasSuffix("norm.weight")
      for (before, after) in zip(tensor.values, other) {
        #expect(abs(before - after - (isScale ? step : 0)) < 1e-6, "\(tensor.name)")
      }
    }
  }
}
