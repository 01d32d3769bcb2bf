extension SearchSpace {
  /// VGG: stacks of 3×3 convolutions, pooling, three linear layers.
  ///
  /// > K. Simonyan, A. Zisserman. "Very Deep Convolutional Networks for Large-Scale Image
  /// > Recognition." ICLR 2015. [arXiv:1409.1556](https://arxiv.org/abs/1409.1556), table 1, columns
  /// > D and E.
  ///
  /// Every layer's width is elastic on its own, the two hidden linear layers' too. With
  /// normalisation, which came after the paper, it takes the place of the biases. Departs from the
  /// paper: no dropout.
  ///
  /// - Precondition: `layers` is 16 or 19.
  public static func vgg(
    layers: Int, isNormalized: Bool, input: Shape, classes: Int,
    settings: Family.Settings = .init()
  ) throws -> SearchSpace {
    precondition(layers == 16 || layers == 19, "VGG has 16 or 19 layers, not \(layers)")
    let deep = layers == 16 ? 3 : 4
    let stages = [(64, 2), (128, 2), (256, deep), (512, deep), (512, deep)]
    let strides = try settings.strides(of: [2, 2, 2, 2, 2], for: input)
    let name = "vgg-\(layers)" + (isNormalized ? "-bn" : "")
    return try SearchSpace(name: name, input: input) {
      for ((width, depth), stride) in zip(stages, strides) {
        Stage(
          .plain(), width: settings.width.choices(of: width), depth: settings.depths(depth),
          completion: isNormalized ? .normalization : .bias)
        if stride > 1 { Pool(.max, kernel: 2, stride: stride) }
      }
      Linear(width: settings.width.choices(of: 4096))
      Linear(width: settings.width.choices(of: 4096))
      Linear(classes: classes)
    }
  }
}
