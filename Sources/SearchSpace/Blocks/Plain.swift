/// One convolution: the layer that VGG stacks.
///
/// > K. Simonyan, A. Zisserman. "Very Deep Convolutional Networks for Large-Scale Image
/// > Recognition." ICLR 2015. [arXiv:1409.1556](https://arxiv.org/abs/1409.1556), table 1.
///
/// Nothing is added, so each has a width of its own.
public struct Plain: StageBlock {
  public var kernel: Choices

  public var isResidual: Bool { false }

  public func layOut(_ block: inout BlockBuilder) throws(SearchSpaceError) {
    let output = try block.ownWidth(producer: "conv")
    _ = block.convolution(
      "conv", of: .blockInput, kernel: try block.kernel(kernel), stride: block.stride, to: output)
  }
}

extension StageBlock where Self == Plain {
  /// One convolution.
  public static func plain(kernel: Choices = 3) -> Self { Plain(kernel: kernel) }
}
