/// An inverted residual with a linear bottleneck: MobileNetV2's block.
///
/// ```
/// input ─▶ 1×1 expand ─▶ k×k depthwise ─▶ (gate) ─▶ 1×1 project, no activation ─▶ + ─▶ output
///   └──────────────────────────────────────────────────────────────────────────────┘
/// ```
///
/// > M. Sandler, A. Howard, M. Zhu, A. Zhmoginov, L.-C. Chen. "MobileNetV2: Inverted Residuals and
/// > Linear Bottlenecks." CVPR 2018. [arXiv:1801.04381](https://arxiv.org/abs/1801.04381), figure 4.
///
/// The input is added by every block but the first, so the blocks of a stage share one width, and
/// by the first if it changes neither size nor a fixed number of channels. With
/// ``Stage/Residual/shortcut`` each block has its own width.
public struct InvertedResidual: StageBlock {
  /// The channels that the depthwise convolution works on.
  ///
  /// Multiples are of the block's input; `nil` leaves the expansion out.
  public var inner: Inner?
  public var kernel: Choices
  public var gate: SqueezeAndExcitation?

  public var isResidual: Bool { true }

  public func layOut(_ block: inout BlockBuilder) throws(SearchSpaceError) {
    var x = LayerTemplate.Source.blockInput
    var channels: Int?
    if let inner {
      let expanded = try block.inner(inner, producer: "expand")
      x = block.convolution("expand", of: x, to: expanded)
      channels = expanded
    }
    let kernel = try block.kernel(kernel)
    x = block.depthwise("depthwise", of: x, kernel: kernel, stride: block.stride)
    if let gate { x = try block.gated(x, by: gate, channels: channels) }
    let output = try block.residualOutput(producer: "project", projects: false)
    _ = block.convolution(
      "project", of: x, to: output.group, activation: Activation.none, adding: output.shortcut)
  }
}

extension StageBlock where Self == InvertedResidual {
  /// Inverted residuals whose inner channels are decided on their own; `nil` leaves the expansion
  /// out.
  public static func invertedResidual(
    inner: Inner?, kernel: Choices = 3, gate: SqueezeAndExcitation? = nil
  ) -> Self {
    InvertedResidual(inner: inner, kernel: kernel, gate: gate)
  }

  /// Inverted residuals whose inner channels are a multiple of those that the block reads.
  ///
  /// An expansion that can only be 1 is left out.
  public static func invertedResidual(
    expand: Choices, divisor: Int = 1, kernel: Choices = 3, gate: SqueezeAndExcitation? = nil
  ) -> Self {
    InvertedResidual(
      inner: expand.values == [1] ? nil : .times(expand, divisor: divisor), kernel: kernel,
      gate: gate)
  }
}
