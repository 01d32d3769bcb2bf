public import Kernels
public import SearchSpace

/// A layer with known statistics, ready to be computed for a few images after the other.
///
/// A convolution's weights are packed, and its normalisation is a factor and an offset for each channel.
/// Runners of several threads may read one at the same time.
public struct PreparedLayer {
  let layer: Layer

  /// What a layer that normalises has learnt of its input.
  let statistics: ChannelStatistics?

  /// What a convolution that normalises needs.
  let convolution: Convolution?

  struct Convolution {
    let operation: ConvolutionOperation
    let weights: WeightView
    let transform: ChannelTransform

    /// The convolution before it, if that is computed on the way.
    let expansion: Expansion?
  }
}

extension NetworkRunner {
  /// Packs a convolution's weights, to compute it for several batches.
  ///
  /// - Parameter layer: The layer.
  /// - Returns: The weights, in this runner's arena; `nil` if the layer is no convolution.
  public func packedWeights(of layer: Layer) -> WeightView? {
    guard case .convolution(let operation) = layer.operation else { return nil }
    return engine.packed(
      parameters.weights(of: layer, operation, in: arena), for: layer.sizes(operation, batch: 1),
      reading: layer.source == .image ? .float32 : precision, in: arena)
  }

  /// Whether a layer with known statistics can be computed on the way of one that reads it.
  ///
  /// What the latter computes does not change, to the last bit.
  ///
  /// - Parameters:
  ///   - layer: A layer.
  ///   - reader: The layer that alone reads what it computes.
  /// - Returns: `true` of the first two convolutions of an inverted residual.
  public func expands(_ layer: Layer, before reader: Layer) -> Bool {
    guard case .convolution(let expansion) = layer.operation,
      case .convolution(let depthwise) = reader.operation,
      expansion.completion == .normalization, depthwise.completion == .normalization,
      expansion.activation.nonlinearity != nil, layer.operand == nil
    else { return false }
    return engine.expands(
      layer.sizes(expansion, batch: 1), before: reader.sizes(depthwise, batch: 1))
  }

  /// Prepares a layer.
  ///
  /// - Parameters:
  ///   - layer: The layer.
  ///   - weights: What ``packedWeights(of:)`` made of it.
  ///   - statistics: Its mean and variance; `nil` if it does not normalise.
  ///   - expansion: The layer before it, if that is to be computed on the way: then the prepared layer reads
  ///     what that one reads.
  /// - Returns: The layer.
  public func prepare(
    _ layer: Layer, weights: WeightView?, normalizing statistics: ChannelStatistics?,
    after expansion: PreparedLayer? = nil
  ) -> PreparedLayer {
    guard case .convolution(let operation) = layer.operation,
      operation.completion == .normalization, let weights, let statistics
    else { return PreparedLayer(layer: layer, statistics: statistics, convolution: nil) }
    return PreparedLayer(
      layer: layer, statistics: statistics,
      convolution: PreparedLayer.Convolution(
        operation: operation, weights: weights, transform: transform(layer, statistics),
        expansion: expansion.flatMap(expanding)))
  }

  private func expanding(_ prepared: PreparedLayer) -> Expansion? {
    prepared.convolution.map {
      Expansion(
        prepared.layer.sizes($0.operation, batch: 1), weights: $0.weights,
        normalizing: $0.transform,
        $0.operation.activation.nonlinearity ?? .none)
    }
  }

  /// Computes a layer that this runner prepared, or another one that shares its parameters.
  ///
  /// - Parameters:
  ///   - prepared: The layer.
  ///   - input: The value it reads, of shape `[batch]` times ``Layer/input``, or a wider one that begins with it.
  ///   - operand: The second value it takes, if it takes one; it too may be wider.
  ///   - place: Where a convolution's output goes; by default into this runner's arena.
  /// - Returns: What ``compute(_:input:operand:keeping:mixing:weights:into:normalization:)`` returns, to
  ///   the last bit.
  /// - Throws: ``KernelError`` if a kernel fails.
  public func compute(
    _ prepared: PreparedLayer, input: NormalizedTensor, operand: NormalizedTensor?,
    into place: Tensor? = nil
  ) throws(KernelError) -> NormalizedTensor {
    let layer = prepared.layer
    guard let convolution = prepared.convolution else {
      return try compute(layer, input: input, operand: operand, into: place) {
        guard let statistics = prepared.statistics else {
          preconditionFailure("\(layer.name) was prepared without statistics")
        }
        return .fixed(statistics)
      }.value
    }
    let sizes = layer.sizes(convolution.operation, batch: input.shape.batch)
    let activation = convolution.operation.activation
    let y = place ?? arena.tensor(sizes.output, precision)
    let normalizing = Normalizing(
      convolution.transform, adding: operand.map { taken($0, by: layer) },
      activation.nonlinearity ?? .none)
    if let expansion = convolution.expansion {
      engine.convolve(
        sizes, expanding: expansion, input: input, weights: convolution.weights,
        normalizing: normalizing, into: y)
    } else {
      try engine.convolve(
        sizes, input: read(input, by: layer), weights: convolution.weights,
        normalizing: normalizing,
        into: y)
    }
    return activated(NormalizedTensor(y), by: activation).value
  }
}
