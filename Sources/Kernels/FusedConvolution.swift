import CKernels

// Convolutions that normalise what they read and measure what they write: convolution.c.

extension Engine {
  func fused(
    _ sizes: ConvolutionSizes, input: NormalizedTensor, weights: WeightView, into output: Tensor
  ) -> ChannelStatistics {
    var mean = [Float](repeating: 0, count: sizes.output.channels)
    var variance = mean
    unsafe mean.withUnsafeMutableBufferPointer { mean in
      unsafe variance.withUnsafeMutableBufferPointer { variance in
        var result = unsafe nas_result(
          y: output.address, type: output.type.code, mean: mean.baseAddress,
          variance: variance.baseAddress, scale: nil, shift: nil, addend: nil, activation: 0)
        unsafe forward(sizes, input, weights, &result)
      }
    }
    return ChannelStatistics(mean: mean, variance: variance)
  }

  func fused(
    _ sizes: ConvolutionSizes, expanding expansion: Expansion? = nil, input: NormalizedTensor,
    weights: WeightView, normalizing: Normalizing, into output: Tensor
  ) {
    let mark = scratch.mark
    defer { scratch.release(to: mark) }
    let scale = scratch.tensor(of: normalizing.transform.scale)
    let shift = scratch.tensor(of: normalizing.transform.shift)
    unsafe withAddend(normalizing.addend) { addend in
      var result = unsafe nas_result(
        y: output.address, type: output.type.code, mean: nil, variance: nil,
        scale: scale.start, shift: shift.start, addend: addend,
        activation: normalizing.nonlinearity.rawValue)
      unsafe forward(sizes, input, weights, &result, expanding: expansion)
    }
  }

  private func forward(
    _ sizes: ConvolutionSizes, _ input: NormalizedTensor, _ weights: WeightView,
    _ result: UnsafePointer<nas_result>, expanding expansion: Expansion? = nil
  ) {
    let mark = scratch.mark
    defer { scratch.release(to: mark) }
    var description = sizes.description(weightRowStride: weights.rowStride)
    description.source_channels = expansion?.sizes.input.channels ?? 0
    let packed = weights.packed.flatMap {
      $0.serves(sizes, reading: input.x.type) ? $0.tensor : nil
    }
    unsafe withSource(input, expanding: expansion) { source in
      let room = unsafe scratch.room(nas_fused_scratch(&description, input.x.type.code, 0))
      unsafe nas_fused_forward(&description, source, weights.start, packed?.start, result, room)
    }
  }

  func fusedBackward(
    _ sizes: ConvolutionSizes, input: NormalizedTensor, weights: WeightView,
    gradient: NormalizationGradient, addingTo weightGradient: WeightView?, sink: GradientSink?
  ) -> GradientSums? {
    precondition(
      weightGradient.map { $0.rowStride == weights.rowStride } ?? true,
      "weights and gradient of one layout")
    let mark = scratch.mark
    defer { scratch.release(to: mark) }
    func run(_ sink: UnsafePointer<nas_sink>?) {
      var description = sizes.description(weightRowStride: weights.rowStride)
      unsafe withSource(input) { source in
        unsafe withGradient(gradient) { gradient in
          let room = unsafe scratch.room(nas_fused_scratch(&description, input.x.type.code, 1))
          unsafe nas_fused_backward(
            &description, source, weights.start, gradient, weightGradient?.start, sink, room)
        }
      }
    }
    guard let sink else {
      run(nil)
      return nil
    }
    return unsafe withSink(sink, of: input) { sink in unsafe run(sink) }
  }
}

/// Weights as the engine's loops read them.
struct PackedWeights {
  let tensor: Tensor
  fileprivate let sizes: ConvolutionSizes
  fileprivate let source: ElementType

  /// Whether they are those of a convolution, which may be one of more or fewer images.
  func serves(_ sizes: ConvolutionSizes, reading type: ElementType) -> Bool {
    type == source && sizes.ofOneImage == self.sizes
  }
}

extension Engine {
  /// The same weights, packed beforehand for a convolution that is computed again and again.
  ///
  /// What is computed with them does not change, to the last bit.
  ///
  /// - Parameters:
  ///   - weights: The weights, which must not change while the result is used.
  ///   - sizes: The convolution's sizes, for any number of images.
  ///   - type: The type of what it will read.
  ///   - arena: Where the packed weights lie.
  /// - Returns: The weights as given, if this engine reads them as they are.
  public func packed(
    _ weights: WeightView, for sizes: ConvolutionSizes, reading type: ElementType, in arena: Arena
  ) -> WeightView {
    guard readsBeginnings(sizes) else { return weights }
    var description = sizes.description(weightRowStride: weights.rowStride)
    let count = unsafe nas_packed_bytes(&description, type.code) / ElementType.float32.bytes
    let tensor = arena.tensor(TensorShape(rows: 1, channels: count))
    unsafe nas_pack(&description, type.code, weights.start, tensor.start)
    var result = weights
    result.packed = PackedWeights(tensor: tensor, sizes: sizes.ofOneImage, source: type)
    return result
  }
}

extension Engine {
  /// Whether one convolution computes the first channels of what a wider one computes, to the last bit.
  ///
  /// Each channel is summed on its own and in the same order, unless only one of the two is computed by
  /// Winograd's filtering, for which the other has too few channels.
  ///
  /// - Parameters:
  ///   - narrow: A convolution.
  ///   - wide: One that differs in that it has more channels: on the side that it computes, or, if it is
  ///     depthwise, on both.
  ///   - type: The type of what they read.
  /// - Returns: `false` if this engine gives no such promise.
  public func computesBeginning(
    _ narrow: ConvolutionSizes, of wide: ConvolutionSizes, reading type: ElementType
  ) -> Bool {
    guard readsBeginnings(narrow), readsBeginnings(wide) else { return false }
    var narrow = narrow.description(weightRowStride: narrow.weightsPerOutput)
    var wide = wide.description(weightRowStride: wide.weightsPerOutput)
    return unsafe nas_rounds_alike(&narrow, &wide, type.code) != 0
  }
}

extension ConvolutionSizes {
  var ofOneImage: ConvolutionSizes {
    var image = input
    image.batch = 1
    return ConvolutionSizes(
      input: image, channels: output.channels, kernel: kernel, stride: stride,
      isDepthwise: isDepthwise, groups: groups)
  }

  fileprivate func description(weightRowStride: Int) -> nas_convolution {
    nas_convolution(
      batch: input.batch, input_height: input.height, input_width: input.width,
      input_channels: input.channels, output_height: output.height, output_width: output.width,
      output_channels: output.channels, kernel: kernel, stride: stride,
      depthwise: isDepthwise ? 1 : 0, weight_row_stride: weightRowStride, source_channels: 0)
  }
}
