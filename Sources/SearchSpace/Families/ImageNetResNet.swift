extension Family {
  /// The blocks of each stage of the residual networks for large images, by number of layers.
  static let imageNetLayers: [Int: [Int]] = [
    18: [2, 2, 2, 2], 34: [3, 4, 6, 3], 50: [3, 4, 6, 3], 101: [3, 4, 23, 3], 152: [3, 8, 36, 3],
  ]
}

extension SearchSpace {
  /// The residual networks for large images, of 18 to 152 layers.
  ///
  /// > K. He, X. Zhang, S. Ren, J. Sun. "Deep Residual Learning for Image Recognition." CVPR 2016.
  /// > [arXiv:1512.03385](https://arxiv.org/abs/1512.03385), table 1.
  ///
  /// Those of 50 layers and more have bottlenecks, whose two inner widths are elastic each on its
  /// own, as in AutoSlim: thirty-seven groups. The pooling behind the stem is left out where images
  /// are too small for its stride.
  ///
  /// - Precondition: `layers` is 18, 34, 50, 101 or 152.
  public static func imageNetResNet(
    layers: Int, input: Shape, classes: Int, settings: Family.Settings = .init()
  ) throws -> SearchSpace {
    try residual(
      "resnet-\(layers)", layers: layers, input: input, classes: classes, settings: settings
    ) { width in
      let inner = Inner(settings.width.choices(of: width))
      return layers < 50 ? Basic.basic(inner: inner) : Bottleneck.bottleneck(inner: inner)
    }
  }

  /// ResNeXt: bottlenecks twice as wide, in 32 groups.
  ///
  /// > S. Xie, R. Girshick, P. Dollár, Z. Tu, K. He. "Aggregated Residual Transformations for Deep
  /// > Neural Networks." CVPR 2017. [arXiv:1611.05431](https://arxiv.org/abs/1611.05431), table 1.
  ///
  /// Inner widths are multiples of 32.
  ///
  /// - Precondition: `layers` is 50, 101 or 152.
  public static func resNeXt(
    layers: Int, input: Shape, classes: Int, settings: Family.Settings = .init()
  ) throws -> SearchSpace {
    try residual(
      "resnext-\(layers)-32x4d", layers: layers, input: input, classes: classes,
      settings: settings
    ) { width in
      Bottleneck.bottleneck(
        inner: Inner(settings.width.choices(of: 2 * width)), in: .groups(32))
    }
  }

  private static func residual(
    _ name: String, layers: Int, input: Shape, classes: Int, settings: Family.Settings,
    block: (Int) -> any StageBlock
  ) throws -> SearchSpace {
    guard let depths = Family.imageNetLayers[layers] else {
      preconditionFailure("no residual network for large images has \(layers) layers")
    }
    let strides = try settings.strides(of: [2, 2, 1, 2, 2, 2], for: input)
    let widening = layers < 50 ? 1 : 4
    return try SearchSpace(name: name, input: input) {
      Convolution(name: "stem", width: settings.stream(64), kernel: 7, stride: strides[0])
      if strides[1] > 1 { Pool(.max, name: "stem.pool", kernel: 3, stride: strides[1]) }
      for (index, depth) in depths.enumerated() {
        let width = 64 << index
        Stage(
          block(width), width: settings.stream(widening * width), depth: settings.depths(depth),
          stride: strides[index + 2], residual: settings.residual)
      }
      GlobalAveragePool()
      Linear(classes: classes)
    }
  }
}
