import CKernels

// Convolutions of a library that knows nothing of normalisation: what the fused ones do on the way
// is done here before and after, in passes of its own and in single precision.

extension Engine {
  func composed(
    _ sizes: ConvolutionSizes, input: NormalizedTensor, weights: WeightView, into output: Tensor
  ) throws(KernelError) -> ChannelStatistics {
    let mark = scratch.mark
    defer { scratch.release(to: mark) }
    let y = output.type == .float32 ? output : scratch.tensor(output.shape)
    try library(.forward, sizes, input: gathered(input), weights: weights, output: y)
    if output.type != .float32 {
      unsafe nas_convert(y.start, y.count, output.address, output.type.code)
      // The statistics are those of what was written.
      gather(NormalizedTensor(output), into: y)
    }
    return statistics(of: y)
  }

  func composed(
    _ sizes: ConvolutionSizes, input: NormalizedTensor, weights: WeightView,
    normalizing: Normalizing, into output: Tensor
  ) throws(KernelError) {
    let mark = scratch.mark
    defer { scratch.release(to: mark) }
    let y = output.type == .float32 ? output : scratch.tensor(output.shape)
    try library(.forward, sizes, input: gathered(input), weights: weights, output: y)
    normalize(
      NormalizedTensor(y, normalizing.transform, normalizing.nonlinearity),
      adding: normalizing.addend, into: output)
  }

  func composedBackward(
    _ sizes: ConvolutionSizes, input: NormalizedTensor, weights: WeightView,
    gradient: NormalizationGradient, addingTo weightGradient: WeightView?, sink: GradientSink?
  ) throws(KernelError) -> GradientSums? {
    let mark = scratch.mark
    defer { scratch.release(to: mark) }
    let outputGradient = scratch.tensor(sizes.output)
    gather(gradient, into: outputGradient)
    if let weightGradient {
      try library(
        .backwardWeights, sizes, input: gathered(input), weights: weightGradient,
        output: outputGradient)
    }
    guard let sink else { return nil }
    let inputGradient = scratch.tensor(sizes.input)
    try library(
      .backwardData, sizes, input: inputGradient, weights: weights, output: outputGradient)
    let channels = sizes.input.channels
    let room = unsafe scratch.room(nas_stream_scratch(channels))
    return unsafe withSource(input) { source in
      unsafe withSink(sink, of: input) { sink in
        unsafe nas_give_gradient(
          inputGradient.start, source, sink, sizes.input.rows, channels, room)
      }
    }
  }

  /// What a convolution reads, in memory and in single precision.
  private func gathered(_ input: NormalizedTensor) -> Tensor {
    if input.transform == nil && input.x.type == .float32 { return input.x }
    let tensor = scratch.tensor(input.shape)
    unsafe withSource(input) { source in
      unsafe nas_gather(source, input.shape.rows, input.shape.channels, tensor.start)
    }
    return tensor
  }

  private func library(
    _ direction: OneDNNConvolution.Direction, _ sizes: ConvolutionSizes, input: Tensor,
    weights: WeightView, output: Tensor
  ) throws(KernelError) {
    guard backend == .openBLAS else {
      try oneDNN(direction, sizes, input: input, weights: weights, output: output)
      return
    }
    switch direction {
    case .forward: unfolded(sizes, input: input, weights: weights, into: output)
    case .backwardData:
      unfoldedBackwardData(sizes, outputGradient: output, weights: weights, into: input)
    case .backwardWeights:
      unfoldedBackwardWeights(sizes, input: input, outputGradient: output, addingTo: weights)
    }
  }
}
