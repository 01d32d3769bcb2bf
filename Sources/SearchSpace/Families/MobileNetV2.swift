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
    // Expansion t, channels c, repetitions n, stride s of each row of the table.
    let stages: [(t: Int, c: Int, n: Int, s: Int)] = [
      (1, 16, 1, 1),
      (6, 24, 2, 2),
      (6, 32, 3, 2),
      (6, 64, 4, 2),
      (6, 96, 3, 1),
      (6, 160, 3, 2),
      (6, 320, 1, 1),
    ]
    let strides = try settings.strides(of: [2] + stages.map(\.s), for: input)
    let width = settings.width
    var head = width
    head.scale = max(1, width.scale)

    return try SearchSpace(name: "mobilenet-v2", input: input) {
      Convolution(
        name: "stem", width: width.choices(of: 32), kernel: 3, stride: strides[0],
        activation: .relu6)
      for (index, stage) in stages.enumerated() {
        let before = width.widest(of: index == 0 ? 32 : stages[index - 1].c)
        let inner = StageBlock.Inner(
          first: width.choices(downFrom: stage.t * before),
          others: width.choices(downFrom: stage.t * width.widest(of: stage.c)))
        Stage(
          .invertedResidual(inner: stage.t == 1 ? nil : inner),
          width: settings.stream(stage.c), depth: settings.depths(stage.n),
          stride: strides[index + 1], activation: .relu6)
      }
      Convolution(name: "head", width: head.choices(of: 1280), kernel: 1, activation: .relu6)
      GlobalAveragePool()
      Linear(classes: classes)
    }
  }
}
