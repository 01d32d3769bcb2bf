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

  /// Into how many groups of equal size the channels of both sides are cut, each convolved on its own.
  public let groups: Int

  /// Creates the sizes of a convolution that computes `channels` from `input`.
  ///
  /// - Precondition: The window is odd; a depthwise convolution keeps the number of channels, and
  ///   has no other groups; groups are of equal size.
  public init(
    input: TensorShape, channels: Int, kernel: Int, stride: Int = 1, isDepthwise: Bool = false,
    groups: Int = 1
  ) {
    precondition(kernel % 2 == 1, "a window of \(kernel) has no middle")
    precondition(
      !isDepthwise || channels == input.channels,
      "a depthwise convolution of \(input.channels) channels cannot compute \(channels)")
    precondition(
      groups > 0 && input.channels % groups == 0 && channels % groups == 0
        && (groups == 1 || !isDepthwise),
      "no \(groups) groups of \(input.channels) and \(channels) channels")
    self.input = input
    self.kernel = kernel
    self.stride = stride
    self.isDepthwise = isDepthwise
    self.groups = groups
    output = TensorShape(
      batch: input.batch, height: (input.height + stride - 1) / stride,
      width: (input.width + stride - 1) / stride, channels: channels)
  }

  /// The weights of one output channel.
  public var weightsPerOutput: Int {
    kernel * kernel * (isDepthwise ? 1 : input.channels / groups)
  }

  public var description: String {
    "a \(kernel)×\(kernel) convolution\(isDepthwise ? ", depthwise," : "")"
      + "\(groups > 1 ? " in \(groups) groups" : "") of stride \(stride) "
      + "from \(input.channels) to \(output.channels) channels, "
      + "\(input.batch) images of \(input.height)×\(input.width)"
  }

  /// Checks operands once, before their addresses go to a kernel.
  ///
  /// - Parameters:
  ///   - input: What is read; `nil` if that is not in memory.
  ///   - mayBeWider: Whether it may have more channels, of which the first are read.
  ///   - weights: The weights.
  ///   - output: What is computed.
  func require(
    input: Tensor? = nil, mayBeWider: Bool = false, weights: WeightView, output: Tensor
  ) {
    if var read = input?.shape {
      if mayBeWider { read.channels = min(read.channels, self.input.channels) }
      precondition(read == self.input, "\(read) read by \(self)")
    }
    precondition(output.shape == self.output, "\(output.shape) computed by \(self)")
    weights.require(outputs: self.output.channels, used: weightsPerOutput)
  }
}

/// What becomes of a convolution whose normalisation is known beforehand.
public struct Normalizing {
  /// The normalisation.
  public let transform: ChannelTransform

  /// The other branch of a residual sum.
  public let addend: NormalizedTensor?

  /// The function applied last.
  public let nonlinearity: Nonlinearity

  public init(
    _ transform: ChannelTransform, adding addend: NormalizedTensor? = nil,
    _ nonlinearity: Nonlinearity
  ) {
    self.transform = transform
    self.addend = addend
    self.nonlinearity = nonlinearity
  }
}

extension Engine {
  /// Whether a convolution's input may have more channels than it reads; it then reads the first ones.
  public func readsBeginnings(_ sizes: ConvolutionSizes) -> Bool {
    backend.computes(sizes) && sizes.groups == 1
  }

  /// Writes the convolution of `input` and `weights` into `output`, and measures it.
  ///
  /// - Returns: Mean and variance of each channel of what was written.
  /// - Throws: ``KernelError`` if the library refuses the sizes.
  public func convolve(
    _ sizes: ConvolutionSizes, input: NormalizedTensor, weights: WeightView, into output: Tensor
  ) throws(KernelError) -> ChannelStatistics {
    sizes.require(
      input: input.x, mayBeWider: readsBeginnings(sizes), weights: weights, output: output)
    if sizes.groups > 1 {
      return try grouped(sizes, input: input, weights: weights, into: output)
    }
    if backend.computes(sizes) {
      return fused(sizes, input: input, weights: weights, into: output)
    }
    return try composed(sizes, input: input, weights: weights, into: output)
  }

  /// Writes nonlinearity(transform(convolution) + addend), for when the normalisation is known.
  ///
  /// - Throws: ``KernelError`` if the library refuses the sizes.
  public func convolve(
    _ sizes: ConvolutionSizes, input: NormalizedTensor, weights: WeightView,
    normalizing: Normalizing, into output: Tensor
  ) throws(KernelError) {
    sizes.require(
      input: input.x, mayBeWider: readsBeginnings(sizes), weights: weights, output: output)
    precondition(
      normalizing.addend.map { $0.shape == sizes.output } ?? true, "an addend of another shape")
    if sizes.groups > 1 {
      try grouped(sizes, input: input, weights: weights, normalizing: normalizing, into: output)
      return
    }
    if backend.computes(sizes) {
      fused(sizes, input: input, weights: weights, normalizing: normalizing, into: output)
    } else {
      try composed(sizes, input: input, weights: weights, normalizing: normalizing, into: output)
    }
  }

  /// The backward pass of a convolution and the normalisation behind it.
  ///
  /// - Parameters:
  ///   - sizes: The sizes.
  ///   - input: What was read.
  ///   - weights: The weights.
  ///   - gradient: The gradient of what was computed.
  ///   - weightGradient: The gradient of the weights, which is added to; `nil` if nobody needs it.
  ///   - sink: Where the gradient of `input` goes; `nil` if nobody needs it.
  /// - Returns: The sums of the input's gradient, if the sink finishes it.
  /// - Throws: ``KernelError`` if the library refuses the sizes.
  public func convolveBackward(
    _ sizes: ConvolutionSizes, input: NormalizedTensor, weights: WeightView,
    gradient: NormalizationGradient, addingTo weightGradient: WeightView?, sink: GradientSink?
  ) throws(KernelError) -> GradientSums? {
    sizes.require(input: input.x, weights: weights, output: gradient.x)
    sizes.require(
      input: input.x, weights: weightGradient ?? weights, output: gradient.gradient)
    precondition(
      sink.map { $0.gradient.shape == sizes.input } ?? true, "a gradient of another shape")
    if sizes.groups > 1 {
      return try groupedBackward(
        sizes, input: input, weights: weights, gradient: gradient, addingTo: weightGradient,
        sink: sink)
    }
    if backend.computes(sizes) {
      return fusedBackward(
        sizes, input: input, weights: weights, gradient: gradient, addingTo: weightGradient,
        sink: sink)
    }
    return try composedBackward(
      sizes, input: input, weights: weights, gradient: gradient, addingTo: weightGradient,
      sink: sink)
  }
}

extension Engine.Backend {
  /// Whether the engine's own loops compute a convolution: the depthwise ones always, for which
  /// oneDNN is two to four times slower in this layout.
  func computes(_ sizes: ConvolutionSizes) -> Bool {
    self == .fused || sizes.isDepthwise
  }
}
