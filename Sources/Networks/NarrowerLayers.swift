import Kernels
public import SearchSpace

// When a width narrows, the channels that stay are computed as before: a layer's values are the beginning of
// what the same layer computes at a larger width, and its readers may be given the wider value.

extension NetworkRunner {
  /// Whether a layer computes the first channels of what a wider one computes, to the last bit.
  ///
  /// This holds for convolutions, each channel of which has weights, statistics and a normalisation of its own:
  /// those that read the same value, and depthwise ones that read the beginning of the same value.
  ///
  /// - Parameters:
  ///   - narrow: A layer.
  ///   - wide: A layer at the same place of another network.
  /// - Returns: `false` also if they do not differ.
  public func computesBeginning(_ narrow: Layer, of wide: Layer) -> Bool {
    guard case .convolution(let convolution) = narrow.operation,
      narrow.output.channels < wide.output.channels, narrow.operation == wide.operation,
      narrow.name == wide.name, narrow.source == wide.source,
      narrow.operand == nil, wide.operand == nil
    else { return false }
    var (reads, computes) = (narrow.input, narrow.output)
    computes.channels = wide.output.channels
    if convolution.isDepthwise { reads.channels = wide.input.channels }
    return reads == wide.input && computes == wide.output
      && engine.computesBeginning(
        narrow.sizes(convolution, batch: 1), of: wide.sizes(convolution, batch: 1),
        reading: narrow.source == .image ? .float32 : precision)
  }

  /// A value as a layer can read it, which may be the beginning of a wider one.
  func read(_ value: NormalizedTensor, by layer: Layer) -> NormalizedTensor {
    if case .convolution(let convolution) = layer.operation,
      engine.readsBeginnings(layer.sizes(convolution, batch: value.shape.batch))
    {
      return value
    }
    return engine.beginning(layer.input.channels, of: value, in: arena)
  }

  /// The same for the second value that a layer takes.
  func taken(_ value: NormalizedTensor, by layer: Layer) -> NormalizedTensor {
    let channels =
      layer.operation == .concatenate
      ? layer.output.channels - layer.input.channels : layer.output.channels
    return engine.beginning(channels, of: value, in: arena)
  }
}
