extension SearchSpace {
  /// The space of NAS-Bench-Macro: eight layers, each left out or one of two inverted residuals.
  ///
  /// > X. Su, T. Huang, Y. Li, S. You, F. Wang, C. Qian, C. Zhang, C. Xu. "Prioritized Architecture
  /// > Sampling with Monto-Carlo Tree Search." CVPR 2021.
  /// > [arXiv:2103.11922](https://arxiv.org/abs/2103.11922), section 4.
  ///
  /// The digits of the benchmark's architectures are the alternatives here, in the same order. The
  /// first layer of a stage cannot be left out: a 1×1 convolution changes size and channels then.
  public static func nasBenchMacro(input: Shape, classes: Int) throws -> SearchSpace {
    // Channels c and layers n of each stage, whose first layer has stride 2.
    let stages: [(c: Int, n: Int)] = [(64, 2), (128, 3), (256, 3)]
    return try SearchSpace(name: "nas-bench-macro", input: input) {
      Convolution(name: "stem", width: 32, kernel: 3, activation: .relu6)
      for stage in stages {
        for position in 0..<stage.n {
          let stride = position == 0 ? 2 : 1
          let width = Choices([stage.c])
          OneOf {
            Alternative {
              if stride > 1 {
                Convolution(width: width, kernel: 1, stride: stride, activation: .none)
              }
            }
            Alternative {
              Stage(
                .invertedResidual(expand: 3), width: width, stride: stride, activation: .relu6)
            }
            Alternative {
              Stage(
                .invertedResidual(expand: 6, kernel: 5), width: width, stride: stride,
                activation: .relu6)
            }
          }
        }
      }
      Convolution(name: "head", width: 1280, kernel: 1, activation: .relu6)
      GlobalAveragePool()
      Linear(classes: classes)
    }
  }
}
