/// Several alternatives, of which an architecture builds one.
///
///     OneOf {
///       Alternative {}  // nothing: what is read is passed on
///       Alternative { Stage(.invertedResidual(expand: 3), width: 64) }
///       Alternative { Stage(.invertedResidual(expand: 6, kernel: 5), width: 64) }
///     }
///
/// They are listed from the cheapest to the dearest: a strategy that narrows networks step by step
/// goes from the last to the first. All must leave a map of the same height and width; channels
/// may differ. Weights are not shared between alternatives.
public struct OneOf: SpaceElement {
  public var name: String?
  public var alternatives: [Alternative]

  /// Creates a choice.
  ///
  /// - Parameters:
  ///   - name: The decision's name; by default `choice` and its number.
  ///   - alternatives: What there is to choose from.
  public init(name: String? = nil, alternatives: [Alternative]) {
    self.name = name
    self.alternatives = alternatives
  }

  /// Creates a choice from the alternatives that the closure lists.
  public init(
    name: String? = nil, @AlternativesBuilder _ alternatives: () throws -> [Alternative]
  ) rethrows {
    self.init(name: name, alternatives: try alternatives())
  }

  public func add(to blueprint: inout Blueprint) throws(SearchSpaceError) {
    let name = blueprint.name(name, kind: "choice")
    guard !alternatives.isEmpty else { throw .badChoices(name: name, values: []) }
    let question = try blueprint.addQuestion(
      name, .alternative, Choices(Array(alternatives.indices)))
    let (conditions, stream, side) = (blueprint.conditions, blueprint.stream, blueprint.side)
    var ends: Set<Int> = []
    var end: Shape?
    for (index, alternative) in alternatives.enumerated() {
      blueprint.conditions =
        conditions + [Condition(question: question, test: .equals(index))]
      blueprint.stream = stream
      blueprint.side = side
      for element in alternative.elements {
        try element.add(to: &blueprint)
      }
      ends.formUnion(blueprint.stream)
      let known = end ?? blueprint.reach
      guard (known.height, known.width) == blueprint.side else {
        throw .unequalAlternatives(name: name, known, blueprint.reach)
      }
      end = known
    }
    blueprint.conditions = conditions
    blueprint.stream = ends
  }
}

/// One of several alternatives: parts in a row, or none, which passes on what is read.
public struct Alternative: Hashable, Sendable {
  public var elements: [any SpaceElement]

  public init(@SearchSpaceBuilder _ elements: () throws -> [any SpaceElement]) rethrows {
    self.elements = try elements()
  }

  public init(elements: [any SpaceElement]) {
    self.elements = elements
  }

  public static func == (left: Alternative, right: Alternative) -> Bool {
    left.elements.map { AnyHashable($0) } == right.elements.map { AnyHashable($0) }
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(elements.map { AnyHashable($0) })
  }
}

/// Collects the alternatives that a closure lists.
@resultBuilder
public enum AlternativesBuilder {
  public static func buildBlock(_ alternatives: Alternative...) -> [Alternative] { alternatives }

  public static func buildArray(_ parts: [[Alternative]]) -> [Alternative] { parts.flatMap { $0 } }
}
