import CKernels

/// A convolution of 1×1 windows before a depthwise one that alone reads it.
///
/// It is computed a band at a time as the other one reads it, so that the widest value of an inverted
/// residual never lies in memory.
public struct Expansion {
  let sizes: ConvolutionSizes
  let weights: WeightView
  let transform: ChannelTransform
  let nonlinearity: Nonlinearity

  /// Creates an expansion.
  ///
  /// - Parameters:
  ///   - sizes: Its sizes, for any number of images.
  ///   - weights: Its weights, packed; see ``Engine/packed(_:for:reading:in:)``.
  ///   - transform: Its normalisation.
  ///   - nonlinearity: What is applied then.
  public init(
    _ sizes: ConvolutionSizes, weights: WeightView, normalizing transform: ChannelTransform,
    _ nonlinearity: Nonlinearity
  ) {
    self.sizes = sizes
    self.weights = weights
    self.transform = transform
    self.nonlinearity = nonlinearity
  }
}

extension Engine {
  /// Whether a convolution can be computed as another one reads it.
  ///
  /// - Parameters:
  ///   - expansion: The convolution.
  ///   - depthwise: The one that reads what it computes, all of it.
  /// - Returns: `true` of two that this engine's own loops compute.
  public func expands(_ expansion: ConvolutionSizes, before depthwise: ConvolutionSizes) -> Bool {
    backend == .fused && depthwise.isDepthwise && !expansion.isDepthwise
      && expansion.kernel == 1 && expansion.stride == 1 && expansion.groups == 1
      && expansion.ofOneImage.output == depthwise.ofOneImage.input
  }

  /// Writes nonlinearity(transform(convolution)) of what an expansion computes, rounded to the output's type.
  ///
  /// - Parameters:
  ///   - sizes: The sizes of the depthwise convolution.
  ///   - expansion: What computes its input.
  ///   - input: What the expansion reads, or a wider one that begins with it.
  ///   - weights: The weights of the depthwise convolution.
  ///   - normalizing: What becomes of it.
  ///   - output: Where it goes.
  /// - Precondition: ``expands(_:before:)``, and the expansion's weights are packed for the input's type.
  public func convolve(
    _ sizes: ConvolutionSizes, expanding expansion: Expansion, input: NormalizedTensor,
    weights: WeightView, normalizing: Normalizing, into output: Tensor
  ) {
    precondition(expands(expansion.sizes, before: sizes), "\(expansion.sizes) cannot be expanded")
    precondition(
      expansion.weights.packed?.serves(expansion.sizes, reading: input.x.type) ?? false,
      "an expansion by weights that were not packed for it")
    var read = sizes.input
    read.channels = expansion.sizes.input.channels
    precondition(
      input.shape.channels >= read.channels && input.shape.rows == read.rows,
      "\(input.shape) read by \(expansion.sizes)")
    sizes.require(weights: weights, output: output)
    fused(
      sizes, expanding: expansion, input: input, weights: weights, normalizing: normalizing,
      into: output)
  }
}
