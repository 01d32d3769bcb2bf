extension SearchSpace {
  /// MNasNet without gates, in the form that AutoSlim slims.
  ///
  /// > M. Tan, B. Chen, R. Pang, V. Vasudevan, M. Sandler, A. Howard, Q. V. Le. "MnasNet:
  /// > Platform-Aware Neural Architecture Search for Mobile." CVPR 2019.
  /// > [arXiv:1807.11626](https://arxiv.org/abs/1807.11626).
  ///
  /// Elastic widths are those of ``mobileNetV2(input:classes:settings:)``: twenty-five groups.
  public static func mnasNet(
    input: Shape, classes: Int, settings: Family.Settings = .init()
  ) throws -> SearchSpace {
    try InvertedResidualTable(
      name: "mnasnet",
      rows: [
        (t: 1, c: 16, n: 1, s: 1, k: 3),
        (t: 3, c: 24, n: 3, s: 2, k: 3),
        (t: 3, c: 40, n: 3, s: 2, k: 5),
        (t: 6, c: 80, n: 3, s: 2, k: 5),
        (t: 6, c: 96, n: 2, s: 1, k: 3),
        (t: 6, c: 192, n: 4, s: 2, k: 5),
        (t: 6, c: 320, n: 1, s: 1, k: 3),
      ],
      activation: .relu
    ).space(input: input, classes: classes, settings: settings)
  }
}
