import SearchSpace

/// A network of one's own, as the key `layers` of a search file lists it.
///
/// It holds the very parts that a ``SearchSpace`` is built from, so that a file and Swift code that
/// say the same make the same space. Documentation/search-space.md tells every key.
public struct Layers: Hashable, Sendable {
  /// The shape of the images, if the file says it.
  var input: Shape?

  /// The parts, first to last.
  var elements: [any SpaceElement] = []

  static let name = "own"

  func space(input: Shape, classes: Int) throws(SearchSpaceError) -> SearchSpace {
    if let expected = self.input, expected != input {
      throw .otherInput(input, expected: expected)
    }
    return try SearchSpace(name: Self.name, input: input, classes: classes, elements: elements)
  }

  public static func == (left: Layers, right: Layers) -> Bool {
    left.input == right.input
      && left.elements.map { AnyHashable($0) } == right.elements.map { AnyHashable($0) }
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(input)
    hasher.combine(elements.map { AnyHashable($0) })
  }
}
