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
public protocol SpaceElement: Sendable {
  /// Adds the part's blocks, channels and decisions behind those that are there.
  func add(to blueprint: inout Blueprint) throws(SearchSpaceError)
}

/// Convolution, batch normalisation and activation.
public struct Convolution: SpaceElement {
  public var name: String?
  public var width: Choices
  public var kernel: Int
  public var stride: Int
  public var activation: Activation

  /// Creates a convolution.
  ///
  /// - Parameters:
  ///   - name: The layer's name; by default `conv` and its place among the parts.
  ///   - width: The channels computed.
  ///   - kernel: The side of the window, odd.
  ///   - stride: The step of the window.
  ///   - activation: The function applied to the normalised sums.
  public init(
    name: String? = nil, width: Choices, kernel: Int, stride: Int = 1,
    activation: Activation = .relu
  ) {
    self.name = name
    self.width = width
    self.kernel = kernel
    self.stride = stride
    self.activation = activation
  }

  public func add(to blueprint: inout Blueprint) throws(SearchSpaceError) {
    let name = name ?? "conv\(blueprint.blocks.count + 1)"
    let group = try blueprint.addGroup(name, width, producer: name)
    blueprint.addBlock(
      Block(
        name: name, place: nil,
        layers: [
          LayerTemplate(
            name: name,
            operation: .convolution(
              ConvolutionOperation(kernel: kernel, stride: stride, activation: activation)),
            source: .blockInput, operand: nil, group: group)
        ]))
  }
}

/// The mean of each channel over the whole map.
public struct GlobalAveragePool: SpaceElement {
  public init() {}

  public func add(to blueprint: inout Blueprint) {
    blueprint.addBlock(
      Block(
        name: "pool", place: nil,
        layers: [
          LayerTemplate(
            name: "pool", operation: .globalAveragePool, source: .blockInput, operand: nil,
            group: nil)
        ]))
  }
}

/// The linear layer that gives each class its score.
public struct Linear: SpaceElement {
  public var classes: Int

  public init(classes: Int) {
    self.classes = classes
  }

  public func add(to blueprint: inout Blueprint) throws(SearchSpaceError) {
    let group = try blueprint.addGroup(
      "classifier", Choices([classes]), producer: "classifier")
    blueprint.addBlock(
      Block(
        name: "classifier", place: nil,
        layers: [
          LayerTemplate(
            name: "classifier", operation: .linear(activation: .none), source: .blockInput,
            operand: nil, group: group)
        ]))
  }
}

/// A space in the making: what its parts have added so far.
public struct Blueprint {
  var decisions: [Decision] = []
  var groups: [ChannelGroup]
  var stages: [StageDepth] = []
  var blocks: [Block] = []

  /// The group of the channels that the next part reads, or `nil` if it depends on how deep a
  /// stage is.
  var stream: Int?

  init(input: Shape) {
    groups = [
      ChannelGroup(name: "image", choices: [input.channels], decision: nil, members: [])
    ]
    stream = 0
  }

  /// Adds channels of their own and, if they are elastic, the decision that sizes them.
  ///
  /// - Parameters:
  ///   - name: What the channels are called.
  ///   - choices: How many there may be.
  ///   - producer: The layer whose channels they are first of all.
  /// - Returns: The index of the group.
  /// - Throws: ``SearchSpaceError/badChoices(name:values:)``.
  mutating func addGroup(
    _ name: String, _ choices: Choices, producer: String
  ) throws(SearchSpaceError) -> Int {
    try check(choices, of: name)
    groups.append(
      ChannelGroup(
        name: name, choices: choices.values, decision: nil,
        members: [ChannelGroup.Member(layer: producer, reason: nil)]))
    let group = groups.count - 1
    groups[group].decision = addDecision(name, .width(group: group), choices)
    return group
  }

  /// Adds a stage that is as deep as one of the choices.
  mutating func addStage(_ name: String, depth: Choices) throws(SearchSpaceError) -> Int {
    try check(depth, of: name)
    stages.append(StageDepth(name: name, choices: depth.values, decision: nil))
    let stage = stages.count - 1
    stages[stage].decision = addDecision("\(name).depth", .depth(stage: stage), depth)
    return stage
  }

  /// Ties a layer's channels to a group.
  mutating func tie(_ layer: String, to group: Int, because reason: String) {
    groups[group].members.append(ChannelGroup.Member(layer: layer, reason: reason))
  }

  /// Adds a block, whose last layer's channels the next part reads.
  mutating func addBlock(_ block: Block) {
    blocks.append(block)
    if let group = block.layers[block.layers.count - 1].group { stream = group }
  }

  private mutating func addDecision(
    _ name: String, _ kind: Decision.Kind, _ choices: Choices
  ) -> Int? {
    guard choices.values.count > 1 else { return nil }
    decisions.append(Decision(name: name, kind: kind, choices: choices.values))
    return decisions.count - 1
  }

  private func check(_ choices: Choices, of name: String) throws(SearchSpaceError) {
    guard let smallest = choices.values.first, smallest >= 1 else {
      throw .badChoices(name: name, values: choices.values)
    }
  }
}
