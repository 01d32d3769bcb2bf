/// A linear layer: the last one, which gives each class its score, or a hidden one before it.
public struct Linear: SpaceElement {
  public var name: String?

  /// How many classes are told apart; `nil` for a hidden layer.
  public let classes: Int?
  public var width: Choices
  public var activation: Activation

  /// Creates the layer that gives each class its score.
  public init(classes: Int) {
    self.classes = classes
    width = Choices([classes])
    activation = .none
    name = "classifier"
  }

  /// Creates a hidden layer.
  ///
  /// - Parameters:
  ///   - name: The layer's name; by default `linear` and its number.
  ///   - width: The features computed.
  ///   - activation: The function applied to them.
  public init(name: String? = nil, width: Choices, activation: Activation = .relu) {
    self.name = name
    classes = nil
    self.width = width
    self.activation = activation
  }

  public func add(to blueprint: inout Blueprint) throws(SearchSpaceError) {
    let name = blueprint.name(name, kind: "linear")
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
