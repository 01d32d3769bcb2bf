/// Lays out the layers of one block of a stage.
///
/// Each method that adds a layer returns the value it computes, so that a block's description
/// reads from its input to its output.
public struct BlockBuilder {
  /// What the blocks of the stage have in common.
  let stage: Stage

  /// The stage's name.
  let stageName: String

  /// The block's name.
  let name: String

  /// The block's place in its stage, from 0.
  let position: Int

  var blueprint: Blueprint
  private(set) var layers: [LayerTemplate] = []

  /// The group that the blocks before this one in the stage agreed on.
  let tied: Int?

  init(
    _ stage: Stage, name: String, position: Int, tied: Int?, blueprint: Blueprint
  ) {
    self.stage = stage
    stageName = name
    self.name = "\(name).block\(position + 1)"
    self.position = position
    self.tied = tied
    self.blueprint = blueprint
  }

  typealias Source = LayerTemplate.Source

  /// The stride of the block: only the first has the stage's.
  var stride: Int { position == 0 ? stage.stride : 1 }

  // MARK: Sizes

  /// Asks for the kernel of the block.
  mutating func kernel(_ choices: Choices) throws(SearchSpaceError) -> Window {
    try blueprint.window(name, choices)
  }

  /// The channels inside the block.
  ///
  /// - Parameters:
  ///   - inner: How many there may be.
  ///   - part: What they are called within the block.
  ///   - base: What an ``Inner`` in multiples or per cent refers to; `nil` for the block's input.
  ///   - producer: The layer whose channels they are first of all.
  /// - Returns: The index of the group.
  /// - Throws: ``SearchSpaceError/badChoices(name:values:)``.
  mutating func inner(
    _ inner: Inner, named part: String = "inner", of base: Int? = nil, producer: String
  ) throws(SearchSpaceError) -> Int {
    let (part, producer) = ("\(name).\(part)", "\(name).\(producer)")
    switch inner.size {
    case .widths(let first, let others):
      return try blueprint.addGroup(part, position == 0 ? first : others, producer: producer)
    case .multiple(let factor):
      return try blueprint.addGroup(part, factor, of: base, producer: producer)
    }
  }

  /// A width of the block's own.
  mutating func ownWidth(producer: String) throws(SearchSpaceError) -> Int {
    try blueprint.addGroup(name, stage.width, producer: "\(name).\(producer)")
  }

  // MARK: Layers

  mutating func convolution(
    _ part: String, of source: Source, kernel: Window = Window(largest: 1), stride: Int = 1,
    to group: Int, activation: Activation? = nil, adding operand: Source? = nil
  ) -> Source {
    add(
      part,
      .convolution(
        ConvolutionOperation(
          kernel: kernel.largest, stride: stride, completion: stage.completion,
          activation: activation ?? stage.activation)),
      source, .group(group), operand: operand, kernel: kernel.question)
  }

  /// A convolution whose channels are cut into groups, and whose input and output have as many.
  mutating func grouped(
    _ part: String, _ cardinality: Cardinality, of source: Source, kernel: Window, stride: Int,
    group: Int
  ) throws(SearchSpaceError) -> Source {
    var operation = ConvolutionOperation(
      kernel: kernel.largest, stride: stride, completion: stage.completion,
      activation: stage.activation)
    var groupWidth: Int?
    try blueprint.restrict(
      group, toMultiplesOf: cardinality.divisor, for: "\(name).\(part)")
    switch cardinality {
    case .groups(1): break
    case .groups(let count): operation.grouping = .groups(count)
    case .width(let width): groupWidth = width
    }
    return add(
      part, .convolution(operation), source, .group(group), kernel: kernel.question,
      groupWidth: groupWidth)
  }

  mutating func depthwise(
    _ part: String, of source: Source, kernel: Window, stride: Int
  ) -> Source {
    add(
      part,
      .convolution(
        ConvolutionOperation(
          kernel: kernel.largest, stride: stride, grouping: .depthwise,
          completion: stage.completion, activation: stage.activation)),
      source, .like(source), kernel: kernel.question)
  }

  @discardableResult
  mutating func add(
    _ part: String, _ operation: Operation, _ source: Source, _ channels: LayerTemplate.Channels,
    operand: Source? = nil, kernel: Int? = nil, groupWidth: Int? = nil,
    isAdapter: Bool = false
  ) -> Source {
    layers.append(
      LayerTemplate(
        name: "\(name).\(part)", operation: operation, source: source, operand: operand,
        channels: channels, kernel: kernel, groupWidth: groupWidth, isAdapter: isAdapter))
    return .layer(layers.count - 1)
  }

  // MARK: Residual sums

  /// The channels of a block's output, and what is added to it.
  typealias ResidualOutput = (group: Int, shortcut: Source?)

  /// The channels of the block's output, and what is added to it from the block's input.
  ///
  /// - Parameters:
  ///   - producer: The layer that computes the output.
  ///   - projects: Whether an input of other channels or size is brought to the output's; if not,
  ///     nothing is added to the output then.
  /// - Returns: The group, and the value to add, if there is one.
  /// - Throws: ``SearchSpaceError/badChoices(name:values:)``.
  mutating func residualOutput(
    producer: String, projects: Bool = true
  ) throws(SearchSpaceError) -> ResidualOutput {
    let layer = "\(name).\(producer)"
    if stage.residual == .shortcut {
      let group = try ownWidth(producer: producer)
      guard projects || (position > 0 && stride == 1) else { return (group, nil) }
      return (group, shortcut(to: group))
    }
    if let tied {
      blueprint.tie(layer, to: tied, because: "\(name) adds its input to its output")
      return (tied, .blockInput)
    }
    let width = stage.residual == .fixed ? stage.width.fixed : stage.width
    if projects, stride == 1, blueprint.stream.count == 1, let input = blueprint.stream.first,
      blueprint.groups[input].derivation == nil, blueprint.groups[input].choices == width.values
    {
      blueprint.tie(layer, to: input, because: "\(name) adds its input to its output")
      return (input, .blockInput)
    }
    let group = try blueprint.addGroup(stageName, width, producer: layer)
    if projects { return (group, shortcut(to: group)) }
    let inputs = blueprint.stream.map { blueprint.groups[$0].choices }
    let agrees = stride == 1 && width.values.count == 1 && inputs.allSatisfy { $0 == width.values }
    return (group, agrees ? .blockInput : nil)
  }

  /// Brings the block's input to the shape of its output.
  ///
  /// Between untied widths the convolution is left out where they happen to agree.
  private mutating func shortcut(to group: Int) -> Source {
    blueprint.tie(
      "\(name).shortcut", to: group, because: "\(name) adds its shortcut to its output")
    let pools = stride > 1 && stage.projection != .strided
    var source = Source.blockInput
    if pools {
      source = add(
        "shortcut.pool",
        .pool(
          PoolOperation(.average, kernel: stride, stride: stride, padding: 0, roundsUp: true)),
        source, .like(source))
    }
    let isPlain = stage.projection == .pooledPlain && (pools || stage.block is Bottleneck)
    return add(
      "shortcut",
      .convolution(
        ConvolutionOperation(
          kernel: 1, stride: pools ? 1 : stride, completion: isPlain ? .none : stage.completion,
          activation: .none)),
      source, .group(group), isAdapter: stage.residual == .shortcut && stride == 1)
  }
}
