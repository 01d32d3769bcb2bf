extension SearchSpace {
  /// The residual networks for small images, of 6n + 2 layers, or 9n + 2 with bottlenecks.
  ///
  /// > K. He, X. Zhang, S. Ren, J. Sun. "Deep Residual Learning for Image Recognition." CVPR 2016.
  /// > [arXiv:1512.03385](https://arxiv.org/abs/1512.03385), section 4.2.
  ///
  /// Three stages of n blocks work on maps of the image's size, half and a quarter of it. The first
  /// stage of basic blocks is tied to the stem, whose output it adds. With untied widths the
  /// shortcuts are those of TAS: they pool where they halve the map.
  ///
  /// Departs from the paper: where a stage changes the width, a 1×1 convolution with
  /// normalisation stands in the shortcut (option B), not a padding with zeros, so that both
  /// widths can change on their own.
  ///
  /// - Precondition: `layers` is 6n + 2 or 9n + 2 for an n of at least 1; ``Family/init(_:)`` sees
  ///   to it.
  public static func resNet(
    layers: Int, hasBottlenecks: Bool = false, input: Shape, classes: Int,
    settings: Family.Settings = .init()
  ) throws -> SearchSpace {
    let blocks = (layers - 2) / (hasBottlenecks ? 9 : 6)
    precondition(
      blocks >= 1 && blocks * (hasBottlenecks ? 9 : 6) + 2 == layers,
      "no residual network has \(layers) layers")
    let widths = [16, 32, 64]
    let strides = settings.strides ?? [1, 1, 2, 2]
    guard strides.count == 4 else {
      throw SearchSpaceError.badStrides(count: strides.count, expected: 4)
    }

    let name = "resnet-\(layers)" + (hasBottlenecks ? "-bottleneck" : "")
    return try SearchSpace(name: name, input: input) {
      Convolution(
        name: "stem", width: settings.stream(widths[0]), kernel: 3, stride: strides[0])
      for (width, stride) in zip(widths, strides.dropFirst()) {
        let inner = Inner(settings.width.choices(of: width))
        Stage(
          hasBottlenecks ? Bottleneck.bottleneck(inner: inner) : Basic.basic(inner: inner),
          width: settings.stream(hasBottlenecks ? 4 * width : width),
          depth: settings.depths(blocks), stride: stride, residual: settings.residual,
          projection: settings.residual == .shortcut ? .pooledPlain : .strided)
      }
      GlobalAveragePool()
      Linear(classes: classes)
    }
  }
}
