extension SearchSpace {
  /// MobileNet V2: inverted residuals with linear bottlenecks.
  ///
  /// > M. Sandler, A. Howard, M. Zhu, A. Zhmoginov, L.-C. Chen. "MobileNetV2: Inverted Residuals
  /// > and Linear Bottlenecks." CVPR 2018. [arXiv:1801.04381](https://arxiv.org/abs/1801.04381),
  /// > table 2.
  ///
  /// As in AutoSlim, the blocks of a stage share one elastic output width, each expansion is an
  /// elastic width of its own, and so are the stem and the last convolution: twenty-five groups.
  /// A scale below 1 does not narrow the last convolution, as in the paper.
  public static func mobileNetV2(
    input: Shape, classes: Int, settings: Family.Settings = .init()
  ) throws -> SearchSpace {
    try InvertedResidualTable(
      name: "mobilenet-v2",
      rows: [
        (t: 1, c: 16, n: 1, s: 1, k: 3),
        (t: 6, c: 24, n: 2, s: 2, k: 3),
        (t: 6, c: 32, n: 3, s: 2, k: 3),
        (t: 6, c: 64, n: 4, s: 2, k: 3),
        (t: 6, c: 96, n: 3, s: 1, k: 3),
        (t: 6, c: 160, n: 3, s: 2, k: 3),
        (t: 6, c: 320, n: 1, s: 1, k: 3),
      ],
      activation: .relu6
    ).space(input: input, classes: classes, settings: settings)
  }
}
