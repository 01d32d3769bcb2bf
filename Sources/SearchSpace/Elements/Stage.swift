/// Blocks of one kind in a row, of which an architecture keeps the first few.
///
/// The first block takes the stage's stride. What a block is made of is told at its kind.
public struct Stage: SpaceElement {
  public var name: String?
  public var block: any StageBlock
  public var width: Choices
  public var depth: Choices
  public var stride: Int
  public var activation: Activation
  public var completion: ConvolutionOperation.Completion
  public var residual: Residual
  public var projection: Projection

  /// What becomes of the channels that residual sums tie together.
  public enum Residual: String, Hashable, Codable, Sendable, CaseIterable {
    /// The blocks of a stage share one elastic width.
    case tied
    /// They keep the widest of the stage's widths.
    case fixed
    /// Each block has a width of its own; where input and output differ, a 1×1 convolution stands
    /// in the shortcut.
    case shortcut
  }

  /// How a shortcut brings its input to the size and the channels of the output.
  public enum Projection: String, Hashable, Codable, Sendable, CaseIterable {
    /// A 1×1 convolution with the block's stride: option B of the residual networks.
    case strided
    /// An average pooling in place of the stride, then a 1×1 convolution.
    case pooled
    /// As ``pooled``, but a convolution behind a pooling or beside a bottleneck has neither
    /// normalisation nor bias, as in TAS and NATS-Bench.
    case pooledPlain = "pooled-plain"
  }

  /// Creates a stage.
  ///
  /// - Parameters:
  ///   - block: The kind of block.
  ///   - name: The stage's name; by default `stage` and its number.
  ///   - width: The channels that its blocks compute.
  ///   - depth: How many blocks there are.
  ///   - stride: The stride of the first block; the others have 1.
  ///   - activation: The activation between the layers of a block.
  ///   - completion: What follows each convolution of a block.
  ///   - residual: What becomes of widths that residual sums tie together.
  ///   - projection: How shortcuts change size and channels.
  public init(
    _ block: any StageBlock, name: String? = nil, width: Choices, depth: Choices = 1,
    stride: Int = 1, activation: Activation = .relu,
    completion: ConvolutionOperation.Completion = .normalization, residual: Residual = .tied,
    projection: Projection = .strided
  ) {
    self.name = name
    self.block = block
    self.width = width
    self.depth = depth
    self.stride = stride
    self.activation = activation
    self.completion = completion
    self.residual = residual
    self.projection = projection
  }

  /// Creates a stage of every depth in a range; the other parameters are those of
  /// ``init(_:name:width:depth:stride:activation:completion:residual:projection:)``.
  public init(
    _ block: any StageBlock, name: String? = nil, width: Choices, depth: ClosedRange<Int>,
    stride: Int = 1, activation: Activation = .relu,
    completion: ConvolutionOperation.Completion = .normalization, residual: Residual = .tied,
    projection: Projection = .strided
  ) {
    self.init(
      block, name: name, width: width, depth: .range(depth), stride: stride,
      activation: activation, completion: completion, residual: residual, projection: projection)
  }

  public func add(to blueprint: inout Blueprint) throws(SearchSpaceError) {
    let name = blueprint.name(name, kind: "stage")
    let depthQuestion = try blueprint.ask(
      "\(name).depth", .depth(stage: blueprint.stages), depth)
    blueprint.stages += 1
    var tied: Int?
    let enclosing = blueprint.conditions
    defer { blueprint.conditions = enclosing }
    // What the next part reads is the output of the last block of some depth.
    var ends: Set<Int> = []
    for position in 0..<depth.largest {
      if position >= depth.values[0] {
        blueprint.conditions =
          enclosing + [Condition(question: depthQuestion, test: .above(position))]
      }
      var builder = BlockBuilder(
        self, name: name, position: position, tied: tied, blueprint: blueprint)
      try block.layOut(&builder)
      blueprint = builder.blueprint
      try blueprint.addBlock(builder.name, builder.layers)
      if block.isResidual, residual != .shortcut { tied = blueprint.stream.first }
      if depth.values.contains(position + 1) {
        ends.formUnion(blueprint.stream)
      }
    }
    blueprint.stream = ends
  }
}

extension Stage {
  public static func == (left: Stage, right: Stage) -> Bool {
    AnyHashable(left.block) == AnyHashable(right.block) && left.settings == right.settings
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(AnyHashable(block))
    hasher.combine(settings)
  }

  /// All but the block.
  private var settings: [AnyHashable] {
    [name, width, depth, stride, activation, completion, residual, projection]
  }
}

/// A kind of block that a ``Stage`` consists of.
public protocol StageBlock: Hashable, Sendable {
  /// Whether a block's input is added to its output, so that the widths of a stage are tied.
  var isResidual: Bool { get }

  /// Adds the layers of one block, the last of which computes its output.
  func layOut(_ block: inout BlockBuilder) throws(SearchSpaceError)
}

/// The channels inside a block.
public struct Inner: Hashable, Sendable, ExpressibleByIntegerLiteral, ExpressibleByArrayLiteral {
  package enum Size: Hashable, Sendable {
    case widths(first: Choices, others: Choices)
    case multiple(Factor)
  }

  package let size: Size

  /// Whether the channels are a multiple of others.
  var refersToOthers: Bool {
    switch size {
    case .widths: false
    case .multiple: true
    }
  }

  /// Channels of their own, which may differ between the first block of a stage and the others.
  public init(first: Choices, others: Choices) {
    size = .widths(first: first, others: others)
  }

  /// Channels of their own.
  public init(_ width: Choices) { self.init(first: width, others: width) }

  public init(integerLiteral value: Int) { self.init(Choices([value])) }

  public init(arrayLiteral elements: Int...) { self.init(Choices(elements)) }

  /// Channels of their own, from a range.
  public static func range(_ range: ClosedRange<Int>, step: Int = 1) -> Inner {
    Inner(.range(range, step: step))
  }

  /// Multiples of the channels that the block refers to, rounded to a multiple of `divisor`.
  public static func times(_ factors: Choices, divisor: Int = 1) -> Inner {
    Inner(Factor(choices: factors, divisor: divisor))
  }

  /// Shares, in per cent, of the channels that the block refers to, rounded to a multiple of
  /// `divisor`.
  public static func percent(_ shares: Choices, divisor: Int = 1) -> Inner {
    Inner(Factor(choices: shares, denominator: 100, divisor: divisor))
  }

  private init(_ factor: Factor) {
    precondition(factor.divisor > 0, "channels cannot be multiples of \(factor.divisor)")
    size = .multiple(factor)
  }
}

/// How a convolution's channels are cut into groups.
public enum Cardinality: Hashable, Sendable {
  /// So many groups, however wide: ResNeXt's.
  case groups(Int)
  /// Groups of so many channels, however many: RegNet's.
  case width(Int)

  /// What channels must be a multiple of.
  var divisor: Int {
    switch self {
    case .groups(let number), .width(let number): number
    }
  }
}
