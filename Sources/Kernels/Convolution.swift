import CKernels

/// The sizes of one convolution, its padding being half its window.
public struct ConvolutionSizes: Hashable, Sendable, CustomStringConvertible {
  /// The shape read.
  public let input: TensorShape

  /// The shape computed.
  public let output: TensorShape

  /// The side of the square window.
  public let kernel: Int

  /// The step of the window in both directions.
  public let stride: Int

  /// Whether each channel is convolved on its own.
  public let isDepthwise: Bool

  /// Creates the sizes of a convolution that computes `channels` from `input`.
  ///
  /// - Precondition: The window is odd; a depthwise convolution keeps the number of channels.
  public init(
    input: TensorShape, channels: Int, kernel: Int, stride: Int = 1, isDepthwise: Bool = false
  ) {
    precondition(kernel % 2 == 1, "a window of \(kernel) has no middle")
    precondition(
      !isDepthwise || channels == input.channels,
      "a depthwise convolution of \(input.channels) channels cannot compute \(channels)")
    self.input = input
    self.kernel = kernel
    self.stride = stride
    self.isDepthwise = isDepthwise
    output = TensorShape(
      batch: input.batch, height: (input.height + stride - 1) / stride,
      width: (input.width + stride - 1) / stride, channels: channels)
  }

  /// The weights of one output channel.
  public var weightsPerOutput: Int { kernel * kernel * (isDepthwise ? 1 : input.channels) }

  public var description: String {
    "a \(kernel)×\(kernel) convolution\(isDepthwise ? ", depthwise," : "") of stride \(stride) "
      + "from \(input.channels) to \(output.channels) channels, "
      + "\(input.batch) images of \(input.height)×\(input.width)"
  }

  /// Checks operands once, before their addresses go to a library.
  func require(input: Tensor, weights: WeightView, output: Tensor) {
    precondition(input.shape == self.input, "\(input.shape) read by \(self)")
    precondition(output.shape == self.output, "\(output.shape) computed by \(self)")
    weights.require(outputs: self.output.channels, used: weightsPerOutput)
  }
}

extension Engine {
  /// Writes the convolution of `input` and `weights` into `output`.
  ///
  /// - Throws: ``KernelError`` if the library refuses the sizes.
  public func convolve(
    _ sizes: ConvolutionSizes, input: Tensor, weights: WeightView, into output: Tensor
  ) throws(KernelError) {
    sizes.require(input: input, weights: weights, output: output)
    if sizes.isDepthwise {
      depthwise(sizes, input: input, weights: weights, into: output)
      return
    }
    switch backend {
    case .oneDNN: try oneDNN(.forward, sizes, input: input, weights: weights, output: output)
    case .openBLAS: unfolded(sizes, input: input, weights: weights, into: output)
    }
  }

  /// Writes the gradient of what a convolution read, given that of what it computed.
  ///
  /// - Throws: ``KernelError`` if the library refuses the sizes.
  public func convolveBackwardData(
    _ sizes: ConvolutionSizes, outputGradient: Tensor, weights: WeightView,
    into inputGradient: Tensor
  ) throws(KernelError) {
    sizes.require(input: inputGradient, weights: weights, output: outputGradient)
    if sizes.isDepthwise {
      depthwiseBackwardData(
        sizes, outputGradient: outputGradient, weights: weights, into: inputGradient)
      return
    }
    switch backend {
    case .oneDNN:
      try oneDNN(
        .backwardData, sizes, input: inputGradient, weights: weights, output: outputGradient)
    case .openBLAS:
      unfoldedBackwardData(
        sizes, outputGradient: outputGradient, weights: weights, into: inputGradient)
    }
  }

  /// Adds the gradient of a convolution's weights to `weightGradient`.
  ///
  /// - Throws: ``KernelError`` if the library refuses the sizes.
  public func convolveBackwardWeights(
    _ sizes: ConvolutionSizes, input: Tensor, outputGradient: Tensor,
    addingTo weightGradient: WeightView
  ) throws(KernelError) {
    sizes.require(input: input, weights: weightGradient, output: outputGradient)
    if sizes.isDepthwise {
      depthwiseBackwardWeights(
        sizes, input: input, outputGradient: outputGradient, addingTo: weightGradient)
      return
    }
    switch backend {
    case .oneDNN:
      try oneDNN(
        .backwardWeights, sizes, input: input, weights: weightGradient, output: outputGradient)
    case .openBLAS:
      unfoldedBackwardWeights(
        sizes, input: input, outputGradient: outputGradient, addingTo: weightGradient)
    }
  }
}
