public import Kernels
public import SearchSpace

/// Computes networks with given parameters, forward and backward.
///
/// The network may be any whose layers the parameters know, at most as wide: a runner over a
/// supernet's parameters runs every subnet.
public final class NetworkRunner {
  public let engine: Engine
  public let parameters: Parameters

  /// Holds the activations.
  public let arena: Arena

  /// Creates a runner.
  ///
  /// - Throws: ``KernelError`` if no memory can be reserved.
  public init(engine: Engine, parameters: Parameters) throws(KernelError) {
    self.engine = engine
    self.parameters = parameters
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
  /// - Parameters:
  ///   - layer: The layer.
  ///   - input: The value it reads, of shape `[batch]` times ``Layer/input``.
  ///   - addend: The value it adds, if it adds one.
  ///   - normalization: Asked only for layers that normalise.
  /// - Returns: What it computes, in this runner's arena.
  /// - Throws: ``KernelError`` if a kernel fails.
  public func compute(
    _ layer: Layer, input: Tensor, addend: Tensor?, normalization: () -> Normalization
  ) throws(KernelError) -> Tensor {
    let output = arena.tensor(layer.output.tensorShape(batch: input.shape.batch))
    switch layer.operation {
    case .convolution(let convolution):
      try engine.convolve(
        layer.sizes(convolution, batch: input.shape.batch), input: input,
        weights: parameters.weightView("\(layer.name).weight"), into: output)
      let statistics: ChannelStatistics
      switch normalization() {
      case .batch(let tell):
        statistics = engine.statistics(of: output)
        tell(statistics)
      case .fixed(let known):
        statistics = known
      }
      normalize(layer, convolution, output, statistics, addend: addend, into: output)
    case .globalAveragePool:
      engine.averagePool(input, into: output)
    case .linear:
      applyLinear(layer, input: input, into: output)
    }
    return output
  }

  private func normalize(
    _ layer: Layer, _ convolution: ConvolutionOperation, _ x: Tensor,
    _ statistics: ChannelStatistics, addend: Tensor?, into y: Tensor
  ) {
    let channels = layer.output.channels
    let scale = parameters.firstValues(channels, of: "\(layer.name).norm.weight")
    let shift = parameters.firstValues(channels, of: "\(layer.name).norm.bias")
    var factor = scale
    var offset = shift
    for channel in 0..<channels {
      factor[channel] =
        scale[channel] / (statistics.variance[channel] + normalizationEpsilon).squareRoot()
      offset[channel] = shift[channel] - statistics.mean[channel] * factor[channel]
    }
    engine.normalize(
      x, scale: factor, shift: offset, addend: addend,
      nonlinearity: convolution.activation.nonlinearity, into: y)
  }

  private func applyLinear(_ layer: Layer, input: Tensor, into output: Tensor) {
    engine.multiply(input, parameters.weightView("\(layer.name).weight"), into: output)
    let bias = parameters.firstValues(layer.output.channels, of: "\(layer.name).bias")
    engine.normalize(
      output, scale: [Float](repeating: 1, count: bias.count), shift: bias, nonlinearity: .none,
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
    var values: [Tensor] = []
    for (index, layer) in network.layers.enumerated() {
      values.append(
        try compute(
          layer, input: layer.source.tensor(in: values, images: images),
          addend: layer.addend?.tensor(in: values, images: images)
        ) {
          guard let known = statistics[index] else {
            preconditionFailure("\(layer.name) has no statistics to normalise with")
          }
          return .fixed(known)
        })
    }
    return values[values.count - 1]
  }

  // MARK: A whole network, for its gradients

  /// What a forward pass leaves for the backward pass.
  public struct Tape {
    public let network: Network
    let images: Tensor

    /// What each layer computed.
    var values: [Tensor] = []

    /// What each convolution computed before normalisation, and its statistics.
    var convolved: [(x: Tensor, statistics: ChannelStatistics)?] = []

    /// The network's outputs, of shape `[batch, classes]`.
    public var outputs: Tensor { values[values.count - 1] }

    /// The statistics that each convolution's layer was normalised with.
    public var statistics: [ChannelStatistics?] { convolved.map { $0?.statistics } }
  }

  /// Computes a network with the statistics of the batch itself, and keeps what a backward pass
  /// needs.
  ///
  /// The tape's tensors lie in this runner's arena, which the caller releases.
  public func forward(_ network: Network, images: Tensor) throws(KernelError) -> Tape {
    var tape = Tape(network: network, images: images)
    for layer in network.layers {
      let input = layer.source.tensor(in: tape.values, images: images)
      guard case .convolution(let convolution) = layer.operation else {
        tape.values.append(
          try compute(layer, input: input, addend: nil) {
            preconditionFailure("\(layer.name) does not normalise")
          })
        tape.convolved.append(nil)
        continue
      }
      let shape = layer.output.tensorShape(batch: input.shape.batch)
      let x = arena.tensor(shape)
      try engine.convolve(
        layer.sizes(convolution, batch: shape.batch), input: input,
        weights: parameters.weightView("\(layer.name).weight"), into: x)
      let statistics = engine.statistics(of: x)
      let y = arena.tensor(shape)
      normalize(
        layer, convolution, x, statistics,
        addend: layer.addend?.tensor(in: tape.values, images: images), into: y)
      tape.values.append(y)
      tape.convolved.append((x, statistics))
    }
    return tape
  }

  /// Adds the gradients of a network's parameters to those of ``parameters``.
  ///
  /// - Parameters:
  ///   - tape: What the forward pass left.
  ///   - outputGradient: The gradient of the loss by the outputs, of shape `[batch, classes]`.
  /// - Throws: ``KernelError`` if a kernel fails.
  public func backward(_ tape: Tape, outputGradient: Tensor) throws(KernelError) {
    let mark = arena.mark
    defer { arena.release(to: mark) }
    let pool = GradientPool(arena: arena, network: tape.network, batch: outputGradient.shape.batch)
    var gradients = [PooledGradient?](repeating: nil, count: tape.network.layers.count)
    gradients[gradients.count - 1] = PooledGradient(room: nil, values: outputGradient)

    /// Gives `compute` the place for a value's gradient, and adds what it wrote to what other
    /// readers of the value contributed.
    func contribute(
      to value: Value, _ compute: (Tensor) throws(KernelError) -> Void
    ) throws(KernelError) {
      guard case .layer(let index) = value else { return }
      let place = pool.take(tape.values[index].shape)
      try compute(place.values)
      if let before = gradients[index] {
        engine.add(place.values, to: before.values)
        pool.giveBack(place)
      } else {
        gradients[index] = place
      }
    }

    for index in tape.network.layers.indices.reversed() {
      let layer = tape.network.layers[index]
      guard let gradient = gradients[index] else { continue }
      let input = layer.source.tensor(in: tape.values, images: tape.images)
      switch layer.operation {
      case .convolution(let convolution):
        guard let (x, statistics) = tape.convolved[index] else { continue }
        // The addend needs the gradient as it is before that of the convolution replaces it.
        let xGradient = layer.addend == nil ? gradient : pool.take(x.shape)
        let normalized = engine.normalizeBackward(
          gradient: gradient.values, x: x, y: tape.values[index], statistics: statistics,
          scale: parameters.firstValues(
            layer.output.channels, of: "\(layer.name).norm.weight"),
          nonlinearity: convolution.activation.nonlinearity, into: xGradient.values)
        parameters.addToGradient(normalized.scale, of: "\(layer.name).norm.weight")
        parameters.addToGradient(normalized.shift, of: "\(layer.name).norm.bias")
        if let addend = layer.addend {
          try contribute(to: addend) { place throws(KernelError) in place.copy(gradient.values) }
        }
        let sizes = layer.sizes(convolution, batch: input.shape.batch)
        try engine.convolveBackwardWeights(
          sizes, input: input, outputGradient: xGradient.values,
          addingTo: parameters.weightView("\(layer.name).weight", gradient: true))
        try contribute(to: layer.source) { place throws(KernelError) in
          try engine.convolveBackwardData(
            sizes, outputGradient: xGradient.values,
            weights: parameters.weightView("\(layer.name).weight"), into: place)
        }
        if layer.addend != nil { pool.giveBack(xGradient) }
      case .globalAveragePool:
        try contribute(to: layer.source) { place throws(KernelError) in
          engine.averagePoolBackward(outputGradient: gradient.values, into: place)
        }
      case .linear:
        engine.multiplyBackwardWeights(
          input: input, outputGradient: gradient.values,
          addingTo: parameters.weightView("\(layer.name).weight", gradient: true))
        parameters.addToGradient(columnSums(of: gradient.values), of: "\(layer.name).bias")
        try contribute(to: layer.source) { place throws(KernelError) in
          engine.multiplyBackwardData(
            outputGradient: gradient.values,
            weights: parameters.weightView("\(layer.name).weight"), into: place)
        }
      }
      pool.giveBack(gradient)
      gradients[index] = nil
    }
  }

  private func columnSums(of tensor: Tensor) -> [Float] {
    let channels = tensor.shape.channels
    var sums = [Float](repeating: 0, count: channels)
    tensor.withElements { elements in
      for index in 0..<elements.count { sums[index % channels] += elements[index] }
    }
    return sums
  }
}

/// The gradient of a value, and the place in a pool that it occupies.
private struct PooledGradient {
  let room: Tensor?
  let values: Tensor
}

/// Room for the few gradients that are alive at one time in a backward pass.
private final class GradientPool {
  private let arena: Arena
  private let largest: TensorShape
  private var free: [Tensor] = []

  init(arena: Arena, network: Network, batch: Int) {
    self.arena = arena
    let count = network.layers.map(\.output.count).max() ?? 0
    largest = TensorShape(rows: batch, channels: count)
  }

  func take(_ shape: TensorShape) -> PooledGradient {
    let room = free.popLast() ?? arena.tensor(largest)
    return PooledGradient(room: room, values: room.part(at: 0, shape))
  }

  func giveBack(_ gradient: PooledGradient) {
    if let room = gradient.room { free.append(room) }
  }
}

// MARK: - From descriptions to kernels

extension Value {
  func tensor(in values: [Tensor], images: Tensor) -> Tensor {
    switch self {
    case .image: images
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
    ConvolutionSizes(
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
    }
  }
}
