public import Kernels
public import SearchSpace

extension NetworkRunner {
  /// What a forward pass leaves for the backward pass.
  public struct Tape {
    public let network: Network
    let images: Tensor

    /// What each layer handed on.
    var values: [NormalizedTensor] = []

    /// What each convolution computed before normalisation, and its statistics.
    var convolved: [(x: Tensor, statistics: ChannelStatistics)?] = []

    /// The network's outputs, of shape `[batch, classes]`.
    public var outputs: Tensor { values[values.count - 1].x }

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
      let start = observe == nil ? nil : ContinuousClock.now
      defer { if let start { observe?(layer, .forward, ContinuousClock.now - start) } }
      let input = layer.source.tensor(in: tape.values, images: images)
      guard case .convolution(let convolution) = layer.operation else {
        tape.values.append(
          try compute(layer, input: input, addend: nil) {
            preconditionFailure("\(layer.name) does not normalise")
          })
        tape.convolved.append(nil)
        continue
      }
      let (x, statistics) = try convolve(layer, convolution, input)
      tape.values.append(
        normalized(
          layer, convolution, x, statistics,
          addend: layer.operand?.tensor(in: tape.values, images: images),
          into: arena.tensor(x.shape, precision)))
      tape.convolved.append((x, statistics))
    }
    return tape
  }

  /// Adds the gradients of a network's parameters to those of ``parameters``.
  ///
  /// Layers are visited last to first. A value's gradient is complete when the first layer that
  /// reads it has been visited; that visit also takes it on through the value's activation and sums
  /// it for the normalisation before, while it is in the cache.
  ///
  /// - Parameters:
  ///   - tape: What the forward pass left.
  ///   - outputGradient: The gradient of the loss by the outputs, of shape `[batch, classes]`.
  /// - Throws: ``KernelError`` if a kernel fails.
  public func backward(_ tape: Tape, outputGradient: Tensor) throws(KernelError) {
    let mark = arena.mark
    defer { arena.release(to: mark) }
    var gradients = PendingGradients(
      of: tape, in: GradientPool(arena: arena, tape: tape), precision: precision)
    gradients.set(tape.network.layers.count - 1, to: outputGradient)
    for index in tape.network.layers.indices.reversed() {
      let layer = tape.network.layers[index]
      guard let gradient = gradients.take(index) else { continue }
      let start = observe == nil ? nil : ContinuousClock.now
      defer { if let start { observe?(layer, .backward, ContinuousClock.now - start) } }
      let input = layer.source.tensor(in: tape.values, images: tape.images)
      switch layer.operation {
      case .convolution(let convolution):
        guard let (x, statistics) = tape.convolved[index] else { continue }
        let sums =
          gradient.sums
          ?? engine.finishGradient(
            of: tape.values[index],
            GradientSink(
              gradient.values, adds: true,
              finish: gradients.finish(of: index)))
        guard let sums else { preconditionFailure("a finished gradient has sums") }
        let normalization = NormalizationGradient(
          gradient.values, of: x, sums: sums, statistics: statistics,
          scale: parameters.firstValues(
            layer.output.channels, of: "\(layer.name).norm.weight"))
        parameters.addToGradient(normalization.scale, of: "\(layer.name).norm.weight")
        parameters.addToGradient(normalization.shift, of: "\(layer.name).norm.bias")
        let sink = gradients.sink(for: layer.source, visiting: index)
        let inputSums = try engine.convolveBackward(
          layer.sizes(convolution, batch: input.shape.batch), input: input,
          weights: parameters.weightView("\(layer.name).weight"), gradient: normalization,
          addingTo: parameters.weightView("\(layer.name).weight", gradient: true), sink: sink)
        gradients.note(inputSums, for: layer.source)
        if case .layer(let addend) = layer.operand {
          // The gradient of a sum is that of its parts: it is handed on, not copied.
          gradients.hand(gradient, to: addend, engine)
          continue
        }
      case .globalAveragePool:
        if let sink = gradients.sink(for: layer.source, visiting: index) {
          let sums = engine.averagePoolBackward(
            outputGradient: gradient.values, input: input, sink: sink)
          gradients.note(sums, for: layer.source)
        }
      case .linear(activation: .none):
        engine.multiplyBackwardWeights(
          input: final(input), outputGradient: gradient.values,
          addingTo: parameters.weightView("\(layer.name).weight", gradient: true))
        parameters.addToGradient(columnSums(of: gradient.values), of: "\(layer.name).bias")
        if case .layer(let source) = layer.source {
          let place = arena.tensor(input.shape)
          engine.multiplyBackwardData(
            outputGradient: gradient.values,
            weights: parameters.weightView("\(layer.name).weight"), into: place)
          gradients.set(source, to: place)
        }
      case .linear, .normalize, .activate, .pool, .scale, .concatenate:
        cannotRun(layer.name)
      }
      gradients.drop(gradient)
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

/// The gradients that a backward pass has begun and not yet used.
private struct PendingGradients {
  struct Gradient {
    /// The place in the pool; `nil` if the values lie elsewhere.
    let room: Tensor?
    let values: Tensor

    /// Set once the gradient is complete and taken through the activation.
    var sums: GradientSums?
  }

  private let tape: NetworkRunner.Tape
  private let pool: GradientPool
  private let precision: ElementType
  private var gradients: [Gradient?]

  /// For each layer's value, the first layer that reads it to compute on, unless an earlier one
  /// adds it.
  private var finishers: [Int?]

  init(of tape: NetworkRunner.Tape, in pool: GradientPool, precision: ElementType) {
    self.tape = tape
    self.pool = pool
    self.precision = precision
    let layers = tape.network.layers
    gradients = Array(repeating: nil, count: layers.count)
    finishers = Array(repeating: nil, count: layers.count)
    for (index, layer) in layers.enumerated().reversed() {
      if case .layer(let source) = layer.source {
        if case .linear = layer.operation {
          finishers[source] = nil
        } else {
          finishers[source] = index
        }
      }
      if case .layer(let addend) = layer.operand { finishers[addend] = nil }
    }
  }

  /// What the gradient of a convolution's value goes through.
  func finish(of index: Int) -> GradientSink.Finish? {
    guard case .convolution(let convolution) = tape.network.layers[index].operation,
      let (x, statistics) = tape.convolved[index]
    else { return nil }
    return GradientSink.Finish(
      nonlinearity: convolution.activation.nonlinearity, x: x, mean: statistics.mean)
  }

  /// The place for a contribution to a value's gradient; `nil` if nobody needs it.
  mutating func sink(for value: Value, visiting layer: Int) -> GradientSink? {
    guard case .layer(let index) = value else { return nil }
    let finish = finishers[index] == layer ? finish(of: index) : nil
    if let begun = gradients[index] {
      return GradientSink(begun.values, adds: true, finish: finish)
    }
    let gradient = pool.take(tape.values[index].shape, precision)
    gradients[index] = gradient
    return GradientSink(gradient.values, adds: false, finish: finish)
  }

  /// Keeps the sums of a gradient that is complete.
  mutating func note(_ sums: GradientSums?, for value: Value) {
    guard case .layer(let index) = value, let sums else { return }
    gradients[index]?.sums = sums
  }

  /// Makes a tensor outside the pool a value's gradient.
  mutating func set(_ index: Int, to values: Tensor) {
    gradients[index] = Gradient(room: nil, values: values)
  }

  mutating func take(_ index: Int) -> Gradient? {
    defer { gradients[index] = nil }
    return gradients[index]
  }

  /// Makes a gradient another value's, or adds it to what that one has.
  mutating func hand(_ gradient: Gradient, to index: Int, _ engine: Engine) {
    if let begun = gradients[index] {
      engine.add(gradient.values, to: begun.values)
      drop(gradient)
    } else {
      gradients[index] = Gradient(room: gradient.room, values: gradient.values)
    }
  }

  func drop(_ gradient: Gradient) {
    if let room = gradient.room { pool.giveBack(room) }
  }
}

/// Room for the few gradients that are alive at one time in a backward pass.
private final class GradientPool {
  private let arena: Arena
  private let largest: Int
  private var free: [Tensor] = []

  init(arena: Arena, tape: NetworkRunner.Tape) {
    self.arena = arena
    largest = tape.values.map(\.shape.count).max() ?? 0
  }

  func take(_ shape: TensorShape, _ type: ElementType) -> PendingGradients.Gradient {
    let room = free.popLast() ?? arena.tensor(TensorShape(rows: 1, channels: largest), type)
    return PendingGradients.Gradient(room: room, values: room.part(at: 0, shape))
  }

  func giveBack(_ room: Tensor) { free.append(room) }
}
