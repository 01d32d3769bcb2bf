import Kernels
import Networks
import SearchSpace
import TestSupport

/// A small network of every family, and of every layer there is, with random weights and statistics.
enum SampleNetworks {
  static let families = [
    "efficientnet-b0", "mnasnet", "mobilenet-v1", "mobilenet-v2", "nas-bench-macro", "nats",
    "regnetx-200mf", "resnet-8", "resnet-11-bottleneck", "resnet-18", "resnet-50",
    "resnext-50-32x4d", "squeezenet", "vgg-16", "vgg-16-bn",
  ]

  /// Networks that are of no family.
  static let others = ["gated", "joined", "map-headed"]

  static var names: [String] { families + others }

  /// A space by its name.
  static func space(_ name: String) throws -> SearchSpace {
    let input: Shape = [3, 32, 30]
    switch name {
    case "gated":
      return try SearchSpace(name: name, input: input, classes: 5) {
        Convolution(width: 6, kernel: 5, stride: 2, activation: .hardSwish)
        Stage(
          .invertedResidual(expand: [3], gate: SqueezeAndExcitation(activation: .swish)),
          width: 8, depth: 2, stride: 2, activation: .swish)
        Pool(.average, kernel: 3, stride: 2, roundsUp: true)
        Linear(width: 7, activation: .sigmoid)
        Linear()
      }
    case "joined":
      return try SearchSpace(name: name, input: input, classes: 5) {
        Convolution(width: 6, kernel: 3, completion: .bias)
        Pool(.max, kernel: 3, stride: 2, roundsUp: true)
        Stage(.fire(squeeze: .percent(50)), width: 12, depth: 2, completion: .bias)
        Stage(.bottleneck(inner: .percent(50), in: .groups(2)), width: 16, depth: 2)
        Stage(.basic(), width: 8, depth: 2, stride: 2, residual: .shortcut, projection: .pooled)
        Convolution(width: 8, kernel: 1, completion: .none, activation: .none)
        Normalization(activation: .relu6)
        GlobalAveragePool()
        Linear()
      }
    case "map-headed":
      return try SearchSpace(name: name, input: input, classes: 5) {
        Pool(.average, kernel: 2)
        Convolution(width: 6, kernel: 3, activation: .sigmoid)
        GlobalAveragePool()
        Convolution(width: 5, kernel: 1, completion: .bias, activation: .none)
      }
    default:
      var settings = Family.Settings()
      settings.width = WidthRule(scale: 0.25, groups: 4, divisor: 8)
      return try Family(name).space(input: input, classes: 5, settings: settings)
    }
  }

  /// The largest network of a space.
  ///
  /// Its statistics are nearly those of random images, so that no layer's values run away.
  static func network(
    _ space: SearchSpace, engine: Engine, seed: UInt64 = 1
  ) throws -> TrainedNetwork {
    let network = space.network(of: space.largest)
    let parameters = try Parameters(of: network)
    parameters.initialize(seed: seed)
    for (index, entry) in parameters.entries.enumerated() {
      let isChannel = entry.sizes.count == 1
      let noise = randomNumbers(entry.count, seed: seed + UInt64(index))
      parameters.set(
        entry,
        to: zip(parameters.values(of: entry), noise).map { value, noise in
          value + (isChannel ? 0.1 : entry.kind == .linear ? 0.05 : 0) * noise
        })
    }
    let runner = try NetworkRunner(engine: engine, parameters: parameters)
    var values: [NormalizedTensor] = []
    var statistics = [ChannelStatistics?](repeating: nil, count: network.layers.count)
    let (images, _) = images(of: network.input, count: 16, in: runner.arena, seed: seed + 1000)
    func read(_ value: Value) -> NormalizedTensor {
      switch value {
      case .image: NormalizedTensor(images)
      case .layer(let index): values[index]
      }
    }
    for (index, layer) in network.layers.enumerated() {
      values.append(
        try runner.compute(
          layer, input: read(layer.source), operand: layer.operand.map(read)
        ) { .batch { statistics[index] = $0 } }.value)
    }
    return TrainedNetwork(
      network, slicing: parameters,
      statistics: statistics.enumerated().map { index, found in
        guard let found else { return nil }
        let noise = randomNumbers(2 * found.mean.count, seed: seed + UInt64(2000 + index))
        return ChannelStatistics(
          mean: zip(found.mean, noise).map { $0 + 0.05 * $1 },
          variance: zip(found.variance, noise.dropFirst(found.mean.count)).map {
            $0 * (1 + 0.1 * abs($1)) + 0.01
          })
      })
  }

  /// How ``images(of:count:in:seed:)`` are normalised, by channel.
  static let mean = [0.4, 0.5, 0.6]
  static let deviation = [0.2, 0.25, 0.3]

  /// Random pixels, `[count, height, width, channels]`, and the normalised images made of them.
  static func images(
    of shape: Shape, count: Int, in arena: Arena, seed: UInt64
  ) -> (Tensor, pixels: [Float]) {
    var generator = SeededGenerator(seed: seed)
    let pixels = (0..<count * shape.count).map { _ in
      Float(UInt8.random(in: 0...255, using: &generator))
    }
    let images = arena.tensor(shape.tensorShape(batch: count))
    images.copy(
      pixels.indices.map { index in
        let channel = index % shape.channels
        return pixels[index] * Float(1 / (255 * deviation[channel]))
          + Float(-mean[channel] / deviation[channel])
      })
    return (images, pixels)
  }
}
