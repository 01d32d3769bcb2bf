/// A well-known line of networks that can be named in a search file.
public enum Family: Hashable, Sendable {
  case mobileNetV1
  case mobileNetV2
  case mnasNet
  /// EfficientNet-B0 or -B1.
  case efficientNet(EfficientNetVariant)
  /// A residual network for small images with this many layers.
  case resNet(layers: Int, hasBottlenecks: Bool = false)
  /// A residual network for large images with this many layers.
  case imageNetResNet(layers: Int)
  /// A residual network whose bottlenecks work in 32 groups of 4 channels.
  case resNeXt(layers: Int)
  case regNetX(RegNetX)
  /// VGG with 16 or 19 layers.
  case vgg(layers: Int, isNormalized: Bool)
  case squeezeNet
  /// The size space of NATS-Bench.
  case nats
  case nasBenchMacro

  /// Finds a family by its name, such as `mobilenet-v2` or `resnet-20`.
  ///
  /// Of the residual networks, 18, 34, 50, 101 and 152 layers are those for ImageNet; other numbers
  /// are those for small images, as is any number followed by `-cifar`. They have basic blocks,
  /// 6n + 2 layers, unless only 9n + 2 fits or the name ends in `-bottleneck`.
  ///
  /// - Throws: ``SearchSpaceError`` if no family has that name.
  public init(_ name: String) throws(SearchSpaceError) {
    if let family = Self.named[name] {
      self = family
    } else if let variant = RegNetX.all.first(where: { $0.name == name }) {
      self = .regNetX(variant)
    } else if name.hasPrefix("resnet-") {
      self = try .residual(String(name.dropFirst("resnet-".count)), name: name)
    } else {
      throw .unknownFamily(name, known: Self.names)
    }
  }

  private static func residual(
    _ rest: String, name: String
  ) throws(SearchSpaceError) -> Family {
    let parts = rest.split(separator: "-", maxSplits: 1)
    guard let layers = parts.first.flatMap({ Int($0) }) else {
      throw .unknownFamily(name, known: names)
    }
    let (hasBasic, hasBottlenecks) = (
      layers >= 8 && (layers - 2) % 6 == 0, layers >= 11 && (layers - 2) % 9 == 0
    )
    switch parts.dropFirst().first {
    case nil where imageNetLayers.keys.contains(layers): return .imageNetResNet(layers: layers)
    case nil where hasBasic, "cifar" where hasBasic: return .resNet(layers: layers)
    case nil where hasBottlenecks, "cifar" where hasBottlenecks, "bottleneck" where hasBottlenecks:
      return .resNet(layers: layers, hasBottlenecks: true)
    case nil, "cifar", "bottleneck":
      throw .badLayerCount(
        layers,
        rule: "there are 6n + 2, 8, 14, 20, 26, 32, …, and with bottlenecks 9n + 2, 11, 20, 29, …")
    default: throw .unknownFamily(name, known: names)
    }
  }

  private static let named: [String: Family] = [
    "mobilenet-v1": .mobileNetV1, "mobilenet-v2": .mobileNetV2, "mnasnet": .mnasNet,
    "efficientnet-b0": .efficientNet(.b0), "efficientnet-b1": .efficientNet(.b1),
    "resnext-50-32x4d": .resNeXt(layers: 50), "resnext-101-32x4d": .resNeXt(layers: 101),
    "vgg-16": .vgg(layers: 16, isNormalized: false),
    "vgg-19": .vgg(layers: 19, isNormalized: false),
    "vgg-16-bn": .vgg(layers: 16, isNormalized: true),
    "vgg-19-bn": .vgg(layers: 19, isNormalized: true),
    "squeezenet": .squeezeNet, "nats": .nats, "nas-bench-macro": .nasBenchMacro,
  ]

  /// The names that can be given.
  public static let names =
    ["resnet-N", "resnet-N-cifar", "resnet-N-bottleneck"]
    + (named.keys + RegNetX.all.map(\.name)).sorted()

  /// How a family's table is made into a search space.
  public struct Settings: Hashable, Codable, Sendable {
    /// How the widths become elastic.
    public var width = WidthRule()

    /// The fewest blocks that a stage keeps; `nil` keeps all.
    public var smallestDepth: Int?

    /// How many blocks apart the depths of a stage are, counted from the smallest; its full depth is
    /// always one of them.
    public var depthStep = 1

    /// What becomes of the widths of residual streams.
    public var residual = Residual.tied

    /// The strides of the stem and the stages in place of the family's; see
    /// ``SearchSpace/strides(of:for:)``.
    public var strides: [Int]?

    public init() {}
  }

  /// One of the ``Settings``, as a search file calls it.
  public enum Setting: String, Hashable, Sendable, CaseIterable {
    case width
    case depth
    case residual
    case strides
  }

  /// The settings that make a difference to the family's space.
  public var settings: [Setting] {
    switch self {
    case .nats, .nasBenchMacro: []
    case .mobileNetV1, .vgg, .squeezeNet: [.width, .depth, .strides]
    case .mobileNetV2, .mnasNet, .efficientNet, .resNet, .imageNetResNet, .resNeXt, .regNetX:
      Setting.allCases
    }
  }

  /// What becomes of the channels that residual sums tie together.
  public typealias Residual = Stage.Residual

  /// Makes the family's search space, which only some ``settings`` change.
  ///
  /// - Throws: ``SearchSpaceError`` if the settings do not fit the family.
  public func space(
    input: Shape, classes: Int, settings: Settings = Settings()
  ) throws -> SearchSpace {
    switch self {
    case .mobileNetV1: try .mobileNetV1(input: input, classes: classes, settings: settings)
    case .mobileNetV2: try .mobileNetV2(input: input, classes: classes, settings: settings)
    case .mnasNet: try .mnasNet(input: input, classes: classes, settings: settings)
    case .efficientNet(let variant):
      try .efficientNet(variant, input: input, classes: classes, settings: settings)
    case .resNet(let layers, let hasBottlenecks):
      try .resNet(
        layers: layers, hasBottlenecks: hasBottlenecks, input: input, classes: classes,
        settings: settings)
    case .imageNetResNet(let layers):
      try .imageNetResNet(layers: layers, input: input, classes: classes, settings: settings)
    case .resNeXt(let layers):
      try .resNeXt(layers: layers, input: input, classes: classes, settings: settings)
    case .regNetX(let variant):
      try .regNetX(variant, input: input, classes: classes, settings: settings)
    case .vgg(let layers, let isNormalized):
      try .vgg(
        layers: layers, isNormalized: isNormalized, input: input, classes: classes,
        settings: settings)
    case .squeezeNet: try .squeezeNet(input: input, classes: classes, settings: settings)
    case .nats: try .nats(input: input, classes: classes)
    case .nasBenchMacro: try .nasBenchMacro(input: input, classes: classes)
    }
  }
}

extension Family.Settings {
  /// The widths of a residual stream that the family's table gives as `base`.
  func stream(_ base: Int) -> Choices {
    switch residual {
    case .tied, .shortcut: width.choices(of: base)
    case .fixed: width.choices(of: base).fixed
    }
  }

  /// The depths of a stage that the family's table gives as `depth`.
  func depths(_ depth: Int) -> Choices {
    guard let smallestDepth, smallestDepth < depth else { return Choices([depth]) }
    return Choices(Array(stride(from: smallestDepth, to: depth, by: depthStep)) + [depth])
  }

  /// The strides in force for the given image: the settings' own, or the family's.
  ///
  /// - Throws: ``SearchSpaceError/badStrides(count:expected:)`` if their number is wrong.
  func strides(
    of published: [Int], for input: Shape
  ) throws(SearchSpaceError) -> [Int] {
    guard let strides else { return SearchSpace.strides(of: published, for: input) }
    guard strides.count == published.count else {
      throw .badStrides(count: strides.count, expected: published.count)
    }
    return strides
  }
}

extension SearchSpace {
  /// Adapts strides that a paper gives for images of 224 pixels to smaller images.
  ///
  /// As many of the halvings are kept as leave a last map of at least 4×4 elements; the first
  /// ones are dropped first. For 32 pixels that gives the form in which everyone trains MobileNets
  /// on CIFAR.
  ///
  ///     strides(of: [2, 1, 2, 2, 2, 1, 2, 1], for: 32×32)  // 1, 1, 1, 2, 2, 1, 2, 1
  public static func strides(of published: [Int], for input: Shape) -> [Int] {
    var halvings = 0
    var side = min(input.height, input.width)
    while (side + 1) / 2 >= 4 {
      side = (side + 1) / 2
      halvings += 1
    }
    var excess = published.count(where: { $0 > 1 }) - halvings
    return published.map { stride in
      guard stride > 1, excess > 0 else { return stride }
      excess -= 1
      return 1
    }
  }
}
