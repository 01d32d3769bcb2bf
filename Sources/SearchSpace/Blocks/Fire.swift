/// A 1×1 convolution that squeezes the channels, and two that expand them side by side: the module
/// of SqueezeNet.
///
/// ```
///                      ┌─▶ 1×1 expand ─┐
/// input ─▶ 1×1 squeeze ┤               ├─▶ channels behind each other ─▶ output
///                      └─▶ 3×3 expand ─┘
/// ```
///
/// > F. N. Iandola, S. Han, M. W. Moskewicz, K. Ashraf, W. J. Dally, K. Keutzer. "SqueezeNet:
/// > AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size."
/// > [arXiv:1602.07360](https://arxiv.org/abs/1602.07360), figure 1.
///
/// Each of the two gives half of the block's channels, which are therefore even. Nothing is added,
/// so each block has a width of its own. The weights that read a narrowed block meet the channels
/// of the second half further to the front than in the widest.
public struct Fire: StageBlock {
  /// The channels between squeezing and expanding; multiples are of the block's output.
  public var squeeze: Inner

  public var isResidual: Bool { false }

  public func layOut(_ block: inout BlockBuilder) throws(SearchSpaceError) {
    let output = try block.ownWidth(producer: "output")
    try block.blueprint.restrict(output, toMultiplesOf: 2, for: "\(block.name).output")
    let squeezed = try block.inner(squeeze, named: "squeeze", of: output, producer: "squeeze")
    let half = try block.inner(.percent(50), named: "half", of: output, producer: "expand1")
    block.blueprint.tie(
      "\(block.name).expand3", to: half, because: "the two halves have as many channels")
    let x = block.convolution("squeeze", of: .blockInput, stride: block.stride, to: squeezed)
    let narrow = block.convolution("expand1", of: x, to: half)
    let wide = block.convolution("expand3", of: x, kernel: .init(largest: 3), to: half)
    block.add("output", .concatenate, narrow, .group(output), operand: wide)
  }
}

extension StageBlock where Self == Fire {
  /// A convolution down to `squeeze` channels, and two side by side up to the stage's width.
  public static func fire(squeeze: Inner = .percent(12)) -> Self { Fire(squeeze: squeeze) }
}
