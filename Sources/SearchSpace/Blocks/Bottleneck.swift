/// Three convolutions, the middle one on few channels, and a shortcut: the block of ResNet-50.
///
/// ```
/// input ─▶ 1×1 ─▶ k×k, stride, in groups ─▶ (gate) ─▶ 1×1 ─▶ + ─▶ activation ─▶ output
///   └────────────────────────────────────────────────────────┘
/// ```
///
/// > K. He, X. Zhang, S. Ren, J. Sun. "Deep Residual Learning for Image Recognition." CVPR 2016.
/// > [arXiv:1512.03385](https://arxiv.org/abs/1512.03385), figure 5, right.
/// >
/// > S. Xie, R. Girshick, P. Dollár, Z. Tu, K. He. "Aggregated Residual Transformations for Deep
/// > Neural Networks." CVPR 2017. [arXiv:1611.05431](https://arxiv.org/abs/1611.05431), figure 3c.
///
/// Its widths are tied as those of ``Basic`` blocks. The stride is in the middle convolution, as
/// everyone trains these networks, not in the first as the paper has it.
public struct Bottleneck: StageBlock {
  /// The channels of the first two convolutions.
  ///
  /// Multiples are of the block's output. Widths are decided for each of the two, unless the middle
  /// convolution is in groups.
  public var inner: Inner
  public var kernel: Choices
  public var cardinality: Cardinality
  public var gate: SqueezeAndExcitation?

  public var isResidual: Bool { true }

  public func layOut(_ block: inout BlockBuilder) throws(SearchSpaceError) {
    let kernel = try block.kernel(kernel)
    let known = inner.refersToOthers ? try block.residualOutput(producer: "conv3") : nil
    var x = LayerTemplate.Source.blockInput
    let gated: Int
    if case .widths = inner.size, cardinality == .groups(1) {
      let reduced = try block.inner(inner, named: "inner1", producer: "conv1")
      gated = try block.inner(inner, named: "inner2", producer: "conv2")
      x = block.convolution("conv1", of: x, to: reduced)
      x = block.convolution("conv2", of: x, kernel: kernel, stride: block.stride, to: gated)
    } else {
      gated = try block.inner(inner, of: known?.group, producer: "conv1")
      block.blueprint.tie(
        "\(block.name).conv2", to: gated, because: "its groups are the same channels as before")
      x = block.convolution("conv1", of: x, to: gated)
      x = try block.grouped(
        "conv2", cardinality, of: x, kernel: kernel, stride: block.stride, group: gated)
    }
    if let gate { x = try block.gated(x, by: gate, channels: gated) }
    let output = if let known { known } else { try block.residualOutput(producer: "conv3") }
    _ = block.convolution("conv3", of: x, to: output.group, adding: output.shortcut)
  }
}

extension StageBlock where Self == Bottleneck {
  /// A convolution down to `inner` channels, one on these, and one up to the stage's width.
  public static func bottleneck(
    inner: Inner = .percent(25), kernel: Choices = 3, in cardinality: Cardinality = .groups(1),
    gate: SqueezeAndExcitation? = nil
  ) -> Self {
    Bottleneck(inner: inner, kernel: kernel, cardinality: cardinality, gate: gate)
  }
}
