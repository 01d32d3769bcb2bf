/// A well-known line of networks that can be named in a search file.
public enum Family: Hashable, Sendable {
  case mobileNetV1
  case mobileNetV2
  /// A residual network for small images with this many layers.
  case resNet(layers: Int)

  /// Finds a family by its name, such as `mobilenet-v2` or `resnet-20`.
  ///
  /// - Throws: ``SearchSpaceError`` if no family has that name.
  public init(_ name: String) throws(SearchSpaceError) {
    switch name {
    case "mobilenet-v1": self = .mobileNetV1
    case "mobilenet-v2": self = .mobileNetV2
    default:
      let prefix = "resnet-"
      guard name.hasPrefix(prefix), let layers = Int(name.dropFirst(prefix.count)) else {
        throw .unknownFamily(name, known: Self.names)
      }
      guard layers >= 8, (layers - 2) % 6 == 0 else {
        throw .badLayerCount(layers, rule: "resnet-N has 6n + 2 layers: 8, 14, 20, 26, 32, …")
      }
      self = .resNet(layers: layers)
    }
  }

  /// The names that can be given.
  public static let names = ["mobilenet-v1", "mobilenet-v2", "resnet-N"]

  /// How a family's table is made into a search space.
  public struct Settings: Hashable, Codable, Sendable {
    /// How the widths become elastic.
    public var width = WidthRule()

    /// The fewest blocks that a stage keeps; `nil` keeps all.
    public var smallestDepth: Int?

    /// Whether the widths of residual streams are elastic, or only those inside the blocks.
    public var residual = Residual.tied

    /// The strides of the stem and the stages in place of the family's; see
    /// ``SearchSpace/strides(of:for:)``.
    public var strides: [Int]?

    public init() {}
  }

  /// What becomes of the channels that residual sums tie together.
  public enum Residual: String, Hashable, Codable, Sendable, CaseIterable {
    /// They share one elastic width.
    case tied
    /// They keep the family's width.
    case fixed
  }

  /// Makes the family's search space.
  ///
  /// - Throws: ``SearchSpaceError`` if the settings do not fit the family.
  public func space(
    input: Shape, classes: Int, settings: Settings = Settings()
  ) throws -> SearchSpace {
    switch self {
    case .mobileNetV1: try .mobileNetV1(input: input, classes: classes, settings: settings)
    case .mobileNetV2: try .mobileNetV2(input: input, classes: classes, settings: settings)
    case .resNet(let layers):
      try .resNet(layers: layers, input: input, classes: classes, settings: settings)
    }
  }
}

extension Family.Settings {
  /// The widths of a residual stream that the family's table gives as `base`.
  func stream(_ base: Int) -> Choices {
    switch residual {
    case .tied: width.choices(of: base)
    case .fixed: width.choices(of: base).fixed
    }
  }

  /// The depths of a stage that the family's table gives as `depth`.
  func depths(_ depth: Int) -> Choices {
    guard let smallestDepth else { return Choices([depth]) }
    return .range(min(smallestDepth, depth)...depth)
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
