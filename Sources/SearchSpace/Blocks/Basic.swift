/// Two convolutions and a shortcut around them: the block of ResNet-18 and -34.
///
/// ```
/// input ─▶ k×k ─▶ k×k ─▶ + ─▶ activation ─▶ output
///   └────────────────────┘
/// ```
///
/// > K. He, X. Zhang, S. Ren, J. Sun. "Deep Residual Learning for Image Recognition." CVPR 2016.
/// > [arXiv:1512.03385](https://arxiv.org/abs/1512.03385), figure 5, left.
///
/// Every block adds its input to its output. Where the first block keeps the resolution and may
/// have every width that its input may have, the two are tied; otherwise a 1×1 convolution brings
/// its input to the stage's width.
public struct Basic: StageBlock {
  /// The channels between the two; multiples are of the block's output.
  public var inner: Inner
  public var kernel: Choices

  public var isResidual: Bool { true }

  public func layOut(_ block: inout BlockBuilder) throws(SearchSpaceError) {
    let kernel = try block.kernel(kernel)
    let known = inner.refersToOthers ? try block.residualOutput(producer: "conv2") : nil
    let channels = try block.inner(inner, of: known?.group, producer: "conv1")
    let x = block.convolution(
      "conv1", of: .blockInput, kernel: kernel, stride: block.stride, to: channels)
    let output = if let known { known } else { try block.residualOutput(producer: "conv2") }
    _ = block.convolution("conv2", of: x, kernel: kernel, to: output.group, adding: output.shortcut)
  }
}

extension StageBlock where Self == Basic {
  /// Two convolutions, the first with `inner` channels, and a shortcut.
  public static func basic(inner: Inner = .percent(100), kernel: Choices = 3) -> Self {
    Basic(inner: inner, kernel: kernel)
  }
}
