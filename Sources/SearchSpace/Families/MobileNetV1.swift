extension SearchSpace {
  /// MobileNet: depthwise-separable convolutions throughout.
  ///
  /// > A. G. Howard et al. "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision
  /// > Applications." [arXiv:1704.04861](https://arxiv.org/abs/1704.04861), table 1.
  ///
  /// Each convolution's width is elastic on its own, as in AutoSlim: fourteen groups.
  public static func mobileNetV1(
    input: Shape, classes: Int, settings: Family.Settings = .init()
  ) throws -> SearchSpace {
    // Channels c, repetitions n, stride s of each row of the table.
    let stages: [(c: Int, n: Int, s: Int)] = [
      (64, 1, 1),
      (128, 2, 2),
      (256, 2, 2),
      (512, 6, 2),
      (1024, 2, 2),
    ]
    let strides = try settings.strides(of: [2] + stages.map(\.s), for: input)

    return try SearchSpace(name: "mobilenet-v1", input: input) {
      Convolution(
        name: "stem", width: settings.width.choices(of: 32), kernel: 3, stride: strides[0])
      for (stage, stride) in zip(stages, strides.dropFirst()) {
        Stage(
          .depthwiseSeparable(), width: settings.width.choices(of: stage.c),
          depth: settings.depths(stage.n), stride: stride)
      }
      GlobalAveragePool()
      Linear(classes: classes)
    }
  }
}
