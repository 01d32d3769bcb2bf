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

  /// Holds those that die in another order than they were made, for who asks for them.
  public let pool: TensorPool

  /// Runners that share these parameters, one a thread, once they were asked for.
  private var helpers: [NetworkRunner] = []

  /// Told how long each layer took in a pass whose gradients are wanted, for those who measure.
  public var observe: ((Layer, Pass, Duration) -> Void)?

  /// A way through a network.
  public enum Pass: Hashable, Sendable {
    case forward
    case backward
  }

  /// Creates a runner.
  ///
  /// - Parameters:
  ///   - engine: What computes.
  ///   - parameters: The parameters, which are not copied.
  ///   - precision: How activations and their gradients lie in memory.
  ///   - capacity: The most bytes that the arena, and as many that the pool can hold.
  /// - Throws: ``KernelError`` if no memory can be reserved.
  public init(
    engine: Engine, parameters: Parameters, precision: ElementType = .float32,
    capacity: Int = Arena.machineMemory
  ) throws(KernelError) {
    self.engine = engine
    self.parameters = parameters
    self.precision = precision
    arena = try Arena(capacity: capacity)
    pool = try TensorPool(capacity: capacity)
  }

  /// Runners that share this one's parameters and precision, one for each thread of the pool.
  ///
  /// - Returns: The same ones each time.
  /// - Throws: ``KernelError`` if no memory can be reserved.
  public func crew() throws(KernelError) -> [NetworkRunner] {
    // Addresses are scarce where threads and memory are many.
    let share = Arena.machineMemory / engine.threadsAtOnce
    while helpers.count < engine.threadsAtOnce {
      helpers.append(
        try NetworkRunner(
          engine: Engine(backend: engine.backend, capacity: share), parameters: parameters,
          capacity: share))
    }
    for helper in helpers { helper.precision = precision }
    return helpers
  }

  // MARK: One layer

  /// Where a layer's normalisation takes mean and variance from.
  public enum Normalization {
    /// The batch at hand; the closure is told what they were.
    case batch((ChannelStatistics) -> Void)
    /// Statistics found earlier.
    case fixed(ChannelStatistics)
  }

  /// What a layer computed.
  public struct LayerOutput {
    /// What it hands on.
    public let value: NormalizedTensor

    /// What lay in memory before normalisation or bias, and its statistics, where there is either.
    let computed: (x: Tensor, statistics: ChannelStatistics)?

    /// What a function with a pass of its own was applied to, in single precision.
    let argument: Tensor?

    /// What a convolution computed whose widths were then mixed, and how.
    var mixed: (x: Tensor, statistics: ChannelStatistics, mixing: WidthMixing)?

    init(
      _ value: NormalizedTensor, computed: (x: Tensor, statistics: ChannelStatistics)? = nil,
      argument: Tensor? = nil
    ) {
      self.value = value
      self.computed = computed
      self.argument = argument
    }
  }

  /// Computes one layer.
  ///
  /// With statistics found earlier, normalisation, residual sum and activation are part of the
  /// convolution; with those of the batch they wait until the value is read. Activations that are
  /// not piecewise linear, and layers other than convolutions, are passes of their own.
  ///
  /// - Parameters:
  ///   - layer: The layer.
  ///   - input: The value it reads, of shape `[batch]` times ``Layer/input``, or a wider one that begins with it.
  ///   - operand: The second value it takes, if it takes one; it too may be wider.
  ///   - keeping: Whether what a backward pass needs is kept.
  ///   - mixing: How several widths become one, for a convolution over the statistics of the batch.
  ///   - weights: A convolution's weights, if they were packed for it (``packedWeights(of:)``).
  ///   - place: Where a convolution's output goes; by default into this runner's arena.
  ///   - normalization: Asked only for layers that normalise.
  /// - Returns: What it computes, in this runner's arena.
  /// - Throws: ``KernelError`` if a kernel fails.
  public func compute(
    _ layer: Layer, input: NormalizedTensor, operand: NormalizedTensor?, keeping: Bool = false,
    mixing: MixedNetwork.WidthMix? = nil, weights: WeightView? = nil, into place: Tensor? = nil,
    normalization: () -> Normalization
  ) throws(KernelError) -> LayerOutput {
    let input = read(input, by: layer)
    let operand = operand.map { taken($0, by: layer) }
    switch layer.operation {
    case .convolution(let convolution):
      return try compute(
        layer, convolution, input: input, addend: operand, keeping: keeping, mixing: mixing,
        weights: weights, into: place, normalization: normalization)
    case .normalize(let activation):
      let x = final(input)
      let statistics: ChannelStatistics
      switch normalization() {
      case .batch(let tell):
        statistics = engine.statistics(of: x)
        tell(statistics)
      case .fixed(let known): statistics = known
      }
      return activated(
        NormalizedTensor(x, transform(layer, statistics), activation.nonlinearity ?? .none),
        by: activation, computed: (x, statistics))
    case .activate(let activation):
      return applied(activation, to: final(input))
    case .pool(let pool):
      return output(layer.output, batch: input.shape.batch) { y in
        engine.pool(layer.sizes(pool, batch: input.shape.batch), final(input), into: y)
      }
    case .globalAveragePool:
      return output(layer.output, batch: input.shape.batch) { engine.averagePool(input, into: $0) }
    case .linear(let activation):
      let y = arena.tensor(layer.output.tensorShape(batch: input.shape.batch))
      let mark = arena.mark
      applyLinear(layer, input: flat(input), into: y)
      arena.release(to: mark)
      return applied(activation, to: y)
    case .scale:
      return output(layer.output, batch: input.shape.batch) { y in
        engine.scale(final(input), by: final(required(operand, by: layer)), into: y)
      }
    case .concatenate:
      return output(layer.output, batch: input.shape.batch) { y in
        var place = 0
        for part in [final(input), final(required(operand, by: layer))] {
          engine.moveChannels(part.shape.channels, of: part, from: 0, to: y, at: place)
          place += part.shape.channels
        }
      }
    }
  }

  private func compute(
    _ layer: Layer, _ convolution: ConvolutionOperation, input: NormalizedTensor,
    addend: NormalizedTensor?, keeping: Bool, mixing: MixedNetwork.WidthMix?,
    weights packed: WeightView?, into place: Tensor?, normalization: () -> Normalization
  ) throws(KernelError) -> LayerOutput {
    let sizes = layer.sizes(convolution, batch: input.shape.batch)
    let weights = packed ?? parameters.weights(of: layer, convolution, in: arena)
    let nonlinearity = convolution.activation.nonlinearity ?? .none
    let x = place ?? arena.tensor(sizes.output, precision)
    if convolution.completion == .normalization, case .fixed(let statistics) = normalization() {
      try engine.convolve(
        sizes, input: input, weights: weights,
        normalizing: Normalizing(transform(layer, statistics), adding: addend, nonlinearity),
        into: x)
      return activated(NormalizedTensor(x), by: convolution.activation)
    }
    let statistics = try engine.convolve(sizes, input: input, weights: weights, into: x)
    if convolution.completion == .normalization, case .batch(let tell) = normalization() {
      tell(statistics)
    }
    var computed = (x: x, statistics: statistics)
    var value = NormalizedTensor(x, completion(of: layer, convolution, statistics), nonlinearity)
    var mixed: (x: Tensor, statistics: ChannelStatistics, mixing: WidthMixing)?
    if let mixing {
      let mixing = widthMixing(mixing, of: layer, convolution, statistics)
      let mixture = mixedWidths(of: x, mixing)
      mixed = (x, statistics, mixing)
      computed = (mixture, .none(channels: x.shape.channels))
      value = NormalizedTensor(mixture, .identity(channels: x.shape.channels), nonlinearity)
    }
    var output: LayerOutput
    if let addend {
      // Several layers read a residual sum, so it is computed at once.
      let sum = keeping ? arena.tensor(x.shape, precision) : x
      engine.normalize(value, adding: addend, into: sum)
      output = activated(NormalizedTensor(sum), by: convolution.activation, computed: computed)
    } else {
      output = activated(value, by: convolution.activation, computed: computed)
    }
    output.mixed = mixed
    return output
  }

  // MARK: The parts of a layer

  /// What becomes of a convolution's sums before anything is added to them.
  private func completion(
    of layer: Layer, _ convolution: ConvolutionOperation, _ statistics: ChannelStatistics
  ) -> ChannelTransform {
    let channels = layer.output.channels
    switch convolution.completion {
    case .normalization: return transform(layer, statistics)
    case .bias:
      return ChannelTransform(
        scale: [Float](repeating: 1, count: channels),
        shift: parameters.firstValues(channels, of: "\(layer.name).bias"))
    case .none:
      return .identity(channels: channels)
    }
  }

  /// Applies an activation that is not applied on reading, if it is such a one.
  func activated(
    _ value: NormalizedTensor, by activation: Activation,
    computed: (x: Tensor, statistics: ChannelStatistics)? = nil
  ) -> LayerOutput {
    guard activation.nonlinearity == nil else { return LayerOutput(value, computed: computed) }
    return applied(activation, to: final(value), computed: computed)
  }

  private func applied(
    _ activation: Activation, to argument: Tensor,
    computed: (x: Tensor, statistics: ChannelStatistics)? = nil
  ) -> LayerOutput {
    guard let function = activation.function else {
      return LayerOutput(NormalizedTensor(argument), computed: computed)
    }
    let made = output(argument.shape) { engine.apply(function, to: argument, into: $0) }
    return LayerOutput(made.value, computed: computed, argument: argument)
  }

  private func output(_ shape: Shape, batch: Int, fill: (Tensor) -> Void) -> LayerOutput {
    output(shape.tensorShape(batch: batch), fill: fill)
  }

  /// Makes an output in a pass of its own, in single precision.
  ///
  /// It is kept as this runner keeps maps; vectors stay in single precision. What the pass needs
  /// beside it is released.
  func output(_ shape: TensorShape, fill: (Tensor) -> Void) -> LayerOutput {
    let type = shape.height * shape.width > 1 ? precision : .float32
    let kept = arena.tensor(shape, type)
    let mark = arena.mark
    defer { arena.release(to: mark) }
    let y = type == .float32 ? kept : arena.tensor(shape)
    fill(y)
    if type != .float32 { engine.convert(y, into: kept) }
    return LayerOutput(NormalizedTensor(kept))
  }

  private func required(_ operand: NormalizedTensor?, by layer: Layer) -> NormalizedTensor {
    guard let operand else { preconditionFailure("\(layer.name) needs a second value") }
    return operand
  }

  func transform(_ layer: Layer, _ statistics: ChannelStatistics) -> ChannelTransform {
    let norm = parameters.normalization(of: layer)
    return ChannelTransform(
      normalizing: statistics,
      scale: parameters.firstValues(layer.output.channels, of: "\(norm).weight"),
      shift: parameters.firstValues(layer.output.channels, of: "\(norm).bias"))
  }

  /// A value as single precision in memory: what passes of their own read.
  public func final(_ value: NormalizedTensor) -> Tensor {
    if value.transform == nil && value.x.type == .float32 { return value.x }
    let y = arena.tensor(value.shape)
    engine.gather(value, into: y)
    return y
  }

  /// A map as the vector that a linear layer reads.
  func flat(_ value: NormalizedTensor) -> Tensor {
    let x = final(value)
    let shape = x.shape
    guard shape.height * shape.width > 1 else { return x }
    let y = arena.tensor(TensorShape(rows: shape.batch, channels: shape.count / shape.batch))
    engine.flatten(x, into: y)
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
          operand: layer.operand?.tensor(in: values, images: images)
        ) {
          guard let known = statistics[index] else {
            preconditionFailure("\(layer.name) has no statistics to normalise with")
          }
          return .fixed(known)
        }.value)
    }
    return final(values[values.count - 1])
  }
}
