/// Collects the parts of a space that a closure lists; loops and conditions are allowed.
@resultBuilder
public enum SearchSpaceBuilder {
  public static func buildExpression(_ element: any SpaceElement) -> [any SpaceElement] {
    [element]
  }

  public static func buildBlock(_ parts: [any SpaceElement]...) -> [any SpaceElement] {
    parts.flatMap { $0 }
  }

  public static func buildArray(_ parts: [[any SpaceElement]]) -> [any SpaceElement] {
    parts.flatMap { $0 }
  }

  public static func buildOptional(_ part: [any SpaceElement]?) -> [any SpaceElement] {
    part ?? []
  }

  public static func buildEither(first: [any SpaceElement]) -> [any SpaceElement] { first }

  public static func buildEither(second: [any SpaceElement]) -> [any SpaceElement] { second }
}

/// A part of a search space: a convolution, a stage of blocks, pooling, the classifier.
public protocol SpaceElement: Hashable, Sendable {
  /// Adds the part's blocks, channels and decisions behind those that are there.
  func add(to blueprint: inout Blueprint) throws(SearchSpaceError)
}
