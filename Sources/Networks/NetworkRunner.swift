public import Kernels
public import SearchSpace

/// Computes networks with given parameters, forward and backward.
///
/// The network may be any whose layers the parameters know, at most as wide: a runner over a
/// supernet's parameters runs every subnet.
public final class NetworkRunner {
  public let engine: Engine
  public let parameters: Parameters

  /// How activations and their gradients lie in memory.
  public var precision: ElementType

  /// Holds the activations.
  public let arena: Arena

  /// Told how long each layer took in a pass whose gradients are wanted, for those who measure.
  public var observe: ((Layer, Pass, Duration) -> Void)?

  /// A way through a network.
  public enum Pass: Hashable, Sendable {
    case forward
    case backward
  }

  /// Creates a runner.
  ///
  /// - Throws: ``KernelError`` if no memory can be reserved.
  public init(
    engine: Engine, parameters: Parameters, precision: ElementType = .float32
  ) throws(KernelError) {
    self.engine = engine
    self.parameters = parameters
    self.precision = precision
    arena = try Arena()
  }

  // MARK: One layer

  /// Where a layer's normalisation takes mean and variance from.
  public enum Normalization {
    /// The batch at hand; the closure is told what they were.
    case batch((ChannelStatistics) -> Void)
    /// Statistics found earlier.
    case fixed(ChannelStatistics)
  }

  /// Computes one layer without keeping what a backward pass would need.
  ///
  /// With statistics found earlier, normalisation, residual sum and activation are part of the
  /// convolution; with those of the batch they wait until the value is read.
  ///
  /// - Parameters:
  ///   - layer: The layer.
  ///   - input: The value it reads, of shape `[batch]` times ``Layer/input``.
  ///   - addend: The value it adds, if it adds one.
  ///   - normalization: Asked only for layers that normalise.
  /// - Returns: What it computes, in this runner's arena.
  /// - Throws: ``KernelError`` if a kernel fails.
  public func compute(
    _ layer: Layer, input: NormalizedTensor, addend: NormalizedTensor?,
    normalization: () -> Normalization
  ) throws(KernelError) -> NormalizedTensor {
    switch layer.operation {
    case .convolution(let convolution):
      switch normalization() {
      case .batch(let tell):
        let (x, statistics) = try convolve(layer, convolution, input)
        tell(statistics)
        return normalized(layer, convolution, x, statistics, addend: addend, into: x)
      case .fixed(let known):
        let y = arena.tensor(layer.output.tensorShape(batch: input.shape.batch), precision)
        try engine.convolve(
          layer.sizes(convolution, batch: input.shape.batch), input: input,
          weights: parameters.weightView("\(layer.name).weight"),
          normalizing: Normalizing(
            transform(layer, known), adding: addend, convolution.activation.nonlinearity),
          into: y)
        return NormalizedTensor(y)
      }
    case .globalAveragePool:
      let output = arena.tensor(layer.output.tensorShape(batch: input.shape.batch))
      engine.averagePool(input, into: output)
      return NormalizedTensor(output)
    case .linear(activation: .none):
      let output = arena.tensor(layer.output.tensorShape(batch: input.shape.batch))
      applyLinear(layer, input: final(input), into: output)
      return NormalizedTensor(output)
    case .linear, .normalize, .activate, .pool, .scale, .concatenate:
      cannotRun(layer.name)
    }
  }

  /// Computes a convolution and the statistics of what it computed.
  func convolve(
    _ layer: Layer, _ convolution: ConvolutionOperation, _ input: NormalizedTensor
  ) throws(KernelError) -> (Tensor, ChannelStatistics) {
    let sizes = layer.sizes(convolution, batch: input.shape.batch)
    let x = arena.tensor(sizes.output, precision)
    let statistics = try engine.convolve(
      sizes, input: input, weights: parameters.weightView("\(layer.name).weight"), into: x)
    return (x, statistics)
  }

  /// What a convolution's layer hands on: a residual sum is computed at once, since several layers
  /// read it, and everything else when it is read.
  func normalized(
    _ layer: Layer, _ convolution: ConvolutionOperation, _ x: Tensor,
    _ statistics: ChannelStatistics, addend: NormalizedTensor?, into y: @autoclosure () -> Tensor
  ) -> NormalizedTensor {
    let value = NormalizedTensor(
      x, transform(layer, statistics), convolution.activation.nonlinearity)
    guard let addend else { return value }
    let y = y()
    engine.normalize(value, adding: addend, into: y)
    return NormalizedTensor(y)
  }

  private func transform(_ layer: Layer, _ statistics: ChannelStatistics) -> ChannelTransform {
    ChannelTransform(
      normalizing: statistics,
      scale: parameters.firstValues(layer.output.channels, of: "\(layer.name).norm.weight"),
      shift: parameters.firstValues(layer.output.channels, of: "\(layer.name).norm.bias"))
  }

  /// A value as single precision in memory: what a linear layer reads.
  func final(_ value: NormalizedTensor) -> Tensor {
    if value.transform == nil && value.x.type == .float32 { return value.x }
    let y = arena.tensor(value.shape)
    engine.gather(value, into: y)
    return y
  }

  private func applyLinear(_ layer: Layer, input: Tensor, into output: Tensor) {
    engine.multiply(input, parameters.weightView("\(layer.name).weight"), into: output)
    let bias = parameters.firstValues(layer.output.channels, of: "\(layer.name).bias")
    let ones = [Float](repeating: 1, count: bias.count)
    engine.normalize(
      NormalizedTensor(
        output.part(at: 0, TensorShape(rows: output.shape.batch, channels: bias.count)),
        ChannelTransform(scale: ones, shift: bias), .none),
      into: output)
  }

  // MARK: A whole network, for its answers

  /// Computes a network's outputs with known statistics.
  ///
  /// - Parameters:
  ///   - network: The network.
  ///   - images: Of shape `[batch]` times ``Network/input``.
  ///   - statistics: For each layer that normalises, its mean and variance; `nil` for the others.
  /// - Returns: The logits, of shape `[batch, classes]`, in this runner's arena, which the caller
  ///   releases.
  /// - Throws: ``KernelError`` if a kernel fails.
  public func outputs(
    of network: Network, images: Tensor, statistics: [ChannelStatistics?]
  ) throws(KernelError) -> Tensor {
    var values: [NormalizedTensor] = []
    for (index, layer) in network.layers.enumerated() {
      values.append(
        try compute(
          layer, input: layer.source.tensor(in: values, images: images),
          addend: layer.operand?.tensor(in: values, images: images)
        ) {
          guard let known = statistics[index] else {
            preconditionFailure("\(layer.name) has no statistics to normalise with")
          }
          return .fixed(known)
        })
    }
    return final(values[values.count - 1])
  }
}

// MARK: - From descriptions to kernels

extension Value {
  func tensor(in values: [NormalizedTensor], images: Tensor) -> NormalizedTensor {
    switch self {
    case .image: NormalizedTensor(images)
    case .layer(let index): values[index]
    }
  }
}

extension Shape {
  /// The shape of a batch of activations.
  public func tensorShape(batch: Int) -> TensorShape {
    TensorShape(batch: batch, height: height, width: width, channels: channels)
  }
}

extension Layer {
  func sizes(_ convolution: ConvolutionOperation, batch: Int) -> ConvolutionSizes {
    if !convolution.isRunnable { cannotRun(name) }
    return ConvolutionSizes(
      input: input.tensorShape(batch: batch), channels: output.channels,
      kernel: convolution.kernel, stride: convolution.stride,
      isDepthwise: convolution.isDepthwise)
  }
}

extension Activation {
  var nonlinearity: Nonlinearity {
    switch self {
    case .none: .none
    case .relu: .relu
    case .relu6: .relu6
    case .swish, .hardSwish, .sigmoid: cannotRun(rawValue)
    }
  }
}

// engine: what networks can describe and the kernels cannot compute yet ends here.
func cannotRun(_ name: String) -> Never { fatalError("the engine cannot compute \(name)") }

extension ConvolutionOperation {
  fileprivate var isRunnable: Bool {
    completion == .normalization && (grouping == .none || isDepthwise)
  }
}
