extension SearchSpace {
  /// The residual networks for small images, of 6n + 2 layers.
  ///
  /// > K. He, X. Zhang, S. Ren, J. Sun. "Deep Residual Learning for Image Recognition." CVPR 2016.
  /// > [arXiv:1512.03385](https://arxiv.org/abs/1512.03385), section 4.2.
  ///
  /// Three stages of n basic blocks work on maps of the image's size, half and a quarter of it.
  /// The first stage is tied to the stem, whose output it adds.
  ///
  /// Departs from the paper: where a stage changes the width, a 1×1 convolution with
  /// normalisation stands in the shortcut (option B), not a padding with zeros, so that both
  /// widths can change on their own.
  ///
  /// - Precondition: `layers` is 6n + 2 for an n of at least 1; ``Family/init(_:)`` sees to it.
  public static func resNet(
    layers: Int, input: Shape, classes: Int, settings: Family.Settings = .init()
  ) throws -> SearchSpace {
    precondition(layers >= 8 && (layers - 2) % 6 == 0, "no residual network has \(layers) layers")
    let blocks = (layers - 2) / 6
    let widths = [16, 32, 64]
    let strides = settings.strides ?? [1, 1, 2, 2]
    guard strides.count == 4 else {
      throw SearchSpaceError.badStrides(count: strides.count, expected: 4)
    }

    return try SearchSpace(name: "resnet-\(layers)", input: input) {
      Convolution(
        name: "stem", width: settings.stream(widths[0]), kernel: 3, stride: strides[0])
      for (width, stride) in zip(widths, strides.dropFirst()) {
        Stage(
          .basic(inner: settings.width.choices(of: width)), width: settings.stream(width),
          depth: settings.depths(blocks), stride: stride)
      }
      GlobalAveragePool()
      Linear(classes: classes)
    }
  }
}
