import CKernels

// Depthwise convolution over channels-last activations, for both backends: oneDNN's is two to
// four times slower in this layout than loops along the channels.

extension Engine {
  func depthwise(
    _ sizes: ConvolutionSizes, input: Tensor, weights: WeightView, into output: Tensor
  ) {
    withScratch(sizes.depthwiseWeights) { packed in
      var description = sizes.depthwiseSizes
      unsafe nas_depthwise_forward(
        &description, input.start, weights.start, packed.start, output.start)
    }
  }

  func depthwiseBackwardData(
    _ sizes: ConvolutionSizes, outputGradient: Tensor, weights: WeightView,
    into inputGradient: Tensor
  ) {
    withScratch(sizes.depthwiseWeights) { packed in
      var description = sizes.depthwiseSizes
      unsafe nas_depthwise_backward_data(
        &description, outputGradient.start, weights.start, packed.start, inputGradient.start)
    }
  }

  func depthwiseBackwardWeights(
    _ sizes: ConvolutionSizes, input: Tensor, outputGradient: Tensor,
    addingTo weightGradient: WeightView
  ) {
    withScratch(sizes.depthwiseWeights * Engine.threads) { sums in
      var description = sizes.depthwiseSizes
      unsafe nas_depthwise_backward_weights(
        &description, input.start, outputGradient.start, weightGradient.start, sums.start)
    }
  }

  private func withScratch(_ count: Int, _ body: (Tensor) -> Void) {
    let mark = scratch.mark
    body(scratch.tensor(TensorShape(rows: 1, channels: count)))
    scratch.release(to: mark)
  }
}

extension ConvolutionSizes {
  fileprivate var depthwiseWeights: Int { kernel * kernel * input.channels }

  fileprivate var depthwiseSizes: nas_depthwise_sizes {
    nas_depthwise_sizes(
      batch: input.batch, channels: input.channels, input_height: input.height,
      input_width: input.width, output_height: output.height, output_width: output.width,
      kernel: kernel, stride: stride)
  }
}
