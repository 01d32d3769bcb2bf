/// One of the EfficientNets: how deep it is; images of 224 and 240 pixels belong to them.
public enum EfficientNetVariant: Hashable, Sendable {
  case b0
  case b1

  /// How many blocks there are where B0 has `blocks`: 1.1 times as many in B1, rounded up.
  func depth(_ blocks: Int) -> Int {
    switch self {
    case .b0: blocks
    case .b1: (11 * blocks + 9) / 10
    }
  }
}

extension SearchSpace {
  /// EfficientNet: inverted residuals with gates.
  ///
  /// > M. Tan, Q. V. Le. "EfficientNet: Rethinking Model Scaling for Convolutional Neural
  /// > Networks." ICML 2019. [arXiv:1905.11946](https://arxiv.org/abs/1905.11946), table 1.
  ///
  /// Elastic widths are those of ``mobileNetV2(input:classes:settings:)``. The gates squeeze to a
  /// quarter of the channels that their block reads. Departs from the paper: blocks are not dropped
  /// at random while training.
  public static func efficientNet(
    _ variant: EfficientNetVariant, input: Shape, classes: Int, settings: Family.Settings = .init()
  ) throws -> SearchSpace {
    let rows: [InvertedResidualTable.Row] = [
      (t: 1, c: 16, n: 1, s: 1, k: 3),
      (t: 6, c: 24, n: 2, s: 2, k: 3),
      (t: 6, c: 40, n: 2, s: 2, k: 5),
      (t: 6, c: 80, n: 3, s: 2, k: 3),
      (t: 6, c: 112, n: 3, s: 1, k: 5),
      (t: 6, c: 192, n: 4, s: 2, k: 5),
      (t: 6, c: 320, n: 1, s: 1, k: 3),
    ]
    return try InvertedResidualTable(
      name: variant == .b0 ? "efficientnet-b0" : "efficientnet-b1",
      rows: rows.map { ($0.t, $0.c, variant.depth($0.n), $0.s, $0.k) },
      activation: .swish, gate: SqueezeAndExcitation(share: 25, of: .input, activation: .swish)
    ).space(input: input, classes: classes, settings: settings)
  }
}
