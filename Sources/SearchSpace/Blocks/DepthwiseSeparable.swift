/// A depthwise-separable convolution: MobileNet's block.
///
/// ```
/// input ─▶ k×k depthwise ─▶ 1×1 pointwise ─▶ output
/// ```
///
/// > A. G. Howard et al. "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision
/// > Applications." [arXiv:1704.04861](https://arxiv.org/abs/1704.04861), figure 3.
///
/// Nothing is added, so each block has a width of its own.
public struct DepthwiseSeparable: StageBlock {
  public var kernel: Choices

  public var isResidual: Bool { false }

  public func layOut(_ block: inout BlockBuilder) throws(SearchSpaceError) {
    let output = try block.ownWidth(producer: "pointwise")
    let kernel = try block.kernel(kernel)
    let x = block.depthwise("depthwise", of: .blockInput, kernel: kernel, stride: block.stride)
    _ = block.convolution("pointwise", of: x, to: output)
  }
}

extension StageBlock where Self == DepthwiseSeparable {
  /// A depthwise convolution and a 1×1 convolution.
  public static func depthwiseSeparable(kernel: Choices = 3) -> Self {
    DepthwiseSeparable(kernel: kernel)
  }
}
