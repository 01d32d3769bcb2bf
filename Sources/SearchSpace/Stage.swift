/// Blocks of one kind in a row, of which an architecture keeps the first few.
///
/// The first block takes the stage's stride. How the blocks' channels depend on each other is
/// told at each kind of ``StageBlock``.
public struct Stage: SpaceElement {
  public var name: String?
  public var block: StageBlock
  public var width: Choices
  public var depth: Choices
  public var stride: Int
  public var activation: Activation

  /// Creates a stage.
  ///
  /// - Parameters:
  ///   - block: The kind of block.
  ///   - name: The stage's name; by default `stage` and its number.
  ///   - width: The channels that its blocks compute.
  ///   - depth: How many blocks there are.
  ///   - stride: The stride of the first block; the others have 1.
  ///   - activation: The activation between the layers of a block.
  public init(
    _ block: StageBlock, name: String? = nil, width: Choices, depth: Choices = 1,
    stride: Int = 1, activation: Activation = .relu
  ) {
    self.name = name
    self.block = block
    self.width = width
    self.depth = depth
    self.stride = stride
    self.activation = activation
  }

  public func add(to blueprint: inout Blueprint) throws(SearchSpaceError) {
    let name = name ?? "stage\(blueprint.stages.count + 1)"
    let stage = try blueprint.addStage(name, depth: depth)
    var tied: Int?
    for position in 0..<depth.largest {
      let context = BlockContext(
        stage: name, name: "\(name).block\(position + 1)", width: width,
        stride: position == 0 ? stride : 1, activation: activation, isFirst: position == 0,
        tied: tied)
      let layers =
        switch block {
        case .depthwiseSeparable(let kernel):
          try context.depthwiseSeparable(kernel: kernel, in: &blueprint)
        case .invertedResidual(let inner, let kernel):
          try context.invertedResidual(inner: inner, kernel: kernel, in: &blueprint)
        case .basic(let inner):
          try context.basic(inner: inner, in: &blueprint)
        }
      blueprint.addBlock(
        Block(
          name: context.name, place: Block.Place(stage: stage, position: position),
          layers: layers))
      tied = block.isResidual ? blueprint.stream : nil
    }
    // Blocks that are not tied have widths of their own: which one is the last is not settled.
    if !block.isResidual && depth.values.count > 1 { blueprint.stream = nil }
  }
}

/// The kinds of blocks that a stage can consist of.
public enum StageBlock: Hashable, Sendable {
  /// A depthwise convolution and a 1×1 convolution, as in MobileNet V1.
  ///
  /// Nothing is added, so each block has a width of its own.
  case depthwiseSeparable(kernel: Int = 3)

  /// A 1×1 convolution up to `inner` channels, a depthwise one, and a 1×1 convolution without
  /// activation down to the stage's width, as in MobileNet V2.
  ///
  /// Every block but the first adds its input to its output, so the blocks of a stage share one
  /// width. Without `inner` the first convolution is left out, and the depthwise one works on the
  /// channels that the block reads.
  case invertedResidual(inner: Inner?, kernel: Int = 3)

  /// Two 3×3 convolutions, the first with `inner` channels, as in ResNet-18 and -34.
  ///
  /// Every block adds its input to its output. Where the first block keeps the resolution and may
  /// have every width that its input may have, the two are tied; otherwise a 1×1 convolution
  /// brings its input to the stage's width.
  case basic(inner: Choices)

  var isResidual: Bool {
    switch self {
    case .depthwiseSeparable: false
    case .invertedResidual, .basic: true
    }
  }

  /// The inner widths of a stage's blocks, which may differ between the first and the others.
  public struct Inner: Hashable, Sendable {
    public var first: Choices
    public var others: Choices

    public init(first: Choices, others: Choices) {
      self.first = first
      self.others = others
    }

    /// The same inner width for all blocks.
    public init(_ width: Choices) {
      self.init(first: width, others: width)
    }
  }
}

/// What a block needs to know to lay out its layers.
private struct BlockContext {
  var stage: String
  var name: String
  var width: Choices
  var stride: Int
  var activation: Activation
  var isFirst: Bool

  /// The group that the blocks before this one in the stage agreed on.
  var tied: Int?

  func depthwiseSeparable(
    kernel: Int, in blueprint: inout Blueprint
  ) throws(SearchSpaceError) -> [LayerTemplate] {
    let pointwise = "\(name).pointwise"
    let output = try blueprint.addGroup(name, width, producer: pointwise)
    return [
      depthwise(kernel: kernel, reading: .blockInput),
      convolution("pointwise", reading: .layer(0), group: output),
    ]
  }

  func invertedResidual(
    inner: StageBlock.Inner?, kernel: Int, in blueprint: inout Blueprint
  ) throws(SearchSpaceError) -> [LayerTemplate] {
    var layers: [LayerTemplate] = []
    if let inner {
      let group = try blueprint.addGroup(
        "\(name).inner", isFirst ? inner.first : inner.others, producer: "\(name).expand")
      layers = [
        convolution("expand", reading: .blockInput, group: group),
        depthwise(kernel: kernel, reading: .layer(0)),
      ]
    } else {
      layers = [depthwise(kernel: kernel, reading: .blockInput)]
    }
    let output = try outputGroup(of: "\(name).project", in: &blueprint)
    layers.append(
      convolution(
        "project", reading: .layer(layers.count - 1), activation: Activation.none,
        operand: isFirst ? nil : .blockInput, group: output))
    return layers
  }

  func basic(
    inner: Choices, in blueprint: inout Blueprint
  ) throws(SearchSpaceError) -> [LayerTemplate] {
    let innerGroup = try blueprint.addGroup("\(name).inner", inner, producer: "\(name).conv1")
    var layers = [
      convolution("conv1", reading: .blockInput, kernel: 3, stride: stride, group: innerGroup)
    ]
    var operand = LayerTemplate.Source.blockInput
    let output: Int
    if isFirst, stride == 1, let input = blueprint.stream,
      blueprint.groups[input].choices == width.values
    {
      output = input
      blueprint.tie("\(name).conv2", to: input, because: "\(name) adds its input to its output")
    } else {
      output = try outputGroup(of: "\(name).conv2", in: &blueprint)
      if isFirst {
        blueprint.tie(
          "\(name).shortcut", to: output, because: "\(name) adds its shortcut to its output")
        layers.append(
          convolution(
            "shortcut", reading: .blockInput, stride: stride, activation: Activation.none,
            group: output))
        operand = .layer(1)
      }
    }
    layers.append(
      convolution("conv2", reading: .layer(0), kernel: 3, operand: operand, group: output))
    return layers
  }

  /// The group of the block's output: the stage's, made by its first block.
  private func outputGroup(
    of layer: String, in blueprint: inout Blueprint
  ) throws(SearchSpaceError) -> Int {
    guard let tied else { return try blueprint.addGroup(stage, width, producer: layer) }
    blueprint.tie(layer, to: tied, because: "\(name) adds its input to its output")
    return tied
  }

  private func depthwise(
    kernel: Int, reading source: LayerTemplate.Source
  ) -> LayerTemplate {
    LayerTemplate(
      name: "\(name).depthwise",
      operation: .convolution(
        ConvolutionOperation(
          kernel: kernel, stride: stride, grouping: .depthwise, activation: activation)),
      source: source, operand: nil, group: nil)
  }

  private func convolution(
    _ part: String, reading source: LayerTemplate.Source, kernel: Int = 1, stride: Int = 1,
    activation: Activation? = nil, operand: LayerTemplate.Source? = nil, group: Int
  ) -> LayerTemplate {
    LayerTemplate(
      name: "\(name).\(part)",
      operation: .convolution(
        ConvolutionOperation(
          kernel: kernel, stride: stride, activation: activation ?? self.activation)),
      source: source, operand: operand, group: group)
  }
}
