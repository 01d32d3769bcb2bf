extension SearchSpace {
  /// SqueezeNet 1.1: fire modules, and a convolution that gives each class its map of scores.
  ///
  /// > F. N. Iandola, S. Han, M. W. Moskewicz, K. Ashraf, W. J. Dally, K. Keutzer. "SqueezeNet:
  /// > AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size."
  /// > [arXiv:1602.07360](https://arxiv.org/abs/1602.07360); version 1.1 is the authors' own, with
  /// > the same accuracy at less cost.
  ///
  /// Departs from the authors' network: convolutions are padded by half their kernel, the first
  /// included, so maps are 56, 28 and 14 elements wide where theirs are 55, 27 and 13; no dropout.
  public static func squeezeNet(
    input: Shape, classes: Int, settings: Family.Settings = .init()
  ) throws -> SearchSpace {
    // Squeezed channels s, channels c of the output, modules n behind each pooling.
    let stages: [[(s: Int, c: Int, n: Int)]] = [
      [(16, 128, 2)],
      [(32, 256, 2)],
      [(48, 384, 2), (64, 512, 2)],
    ]
    let strides = try settings.strides(of: [2, 2, 2, 2], for: input)
    return try SearchSpace(name: "squeezenet", input: input) {
      Convolution(
        name: "stem", width: settings.width.choices(of: 64), kernel: 3, stride: strides[0],
        completion: .bias)
      for (stages, stride) in zip(stages, strides.dropFirst()) {
        if stride > 1 { Pool(.max, kernel: 3, stride: stride, padding: 0, roundsUp: true) }
        for stage in stages {
          Stage(
            .fire(squeeze: Inner(settings.width.choices(of: stage.s))),
            width: settings.width.choices(of: stage.c), depth: settings.depths(stage.n),
            completion: .bias)
        }
      }
      Convolution(name: "classifier", width: Choices([classes]), kernel: 1, completion: .bias)
      GlobalAveragePool()
    }
  }
}
