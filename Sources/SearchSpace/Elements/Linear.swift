/// A linear layer: the last one, which gives each class its score, or a hidden one before it.
public struct Linear: SpaceElement {
  public var name: String?

  /// The features computed; `nil` for as many as there are classes.
  public var width: Choices?
  public var activation: Activation

  /// Whether the layer was made to give each class its score, and is called `classifier`.
  ///
  /// Where several alternatives have one each, the second is `classifier2`.
  public let isClassifier: Bool

  /// Creates the layer that gives each class its score.
  ///
  /// - Parameter classes: How many there are; by default as many as the space says.
  public init(classes: Int? = nil) {
    isClassifier = true
    width = classes.map { Choices([$0]) }
    activation = .none
  }

  /// Creates a hidden layer.
  ///
  /// - Parameters:
  ///   - name: The layer's name; by default `linear` and its number.
  ///   - width: The features computed.
  ///   - activation: The function applied to them.
  public init(name: String? = nil, width: Choices, activation: Activation = .relu) {
    isClassifier = false
    self.name = name
    self.width = width
    self.activation = activation
  }

  public func add(to blueprint: inout Blueprint) throws(SearchSpaceError) {
    let name = blueprint.name(
      name, kind: isClassifier ? "classifier" : "linear", isNumbered: !isClassifier)
    guard let width = width ?? blueprint.classes.map({ Choices([$0]) }) else {
      throw .noClasses
    }
    let group = try blueprint.addGroup(name, width, producer: name)
    try blueprint.addBlock(
      name,
      [
        LayerTemplate(
          name: name, operation: .linear(activation: activation), source: .blockInput,
          channels: .group(group))
      ])
  }
}
