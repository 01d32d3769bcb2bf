/// A set of networks that differ in the widths and depths of one common structure.
///
///     let space = try SearchSpace(name: "tiny", input: Shape(channels: 3, height: 32, width: 32)) {
///       Convolution(width: .range(8...32, step: 8), kernel: 3)
///       Stage(.basic(inner: [16, 32]), width: [16, 32], depth: .range(1...3), stride: 2)
///       GlobalAveragePool()
///       Linear(classes: 10)
///     }
///     space.network(of: space.largest).cost.macs
///
/// Inside, a space is a list of blocks of layers whose channels come from ``groups``. Channels
/// that have to agree, as the two sides of a residual sum, belong to one group, and each elastic
/// group is one of the ``decisions``. The blocks of an elastic stage are kept from its start.
public struct SearchSpace: Hashable, Sendable, CustomStringConvertible {
  /// What the space is called, such as `mobilenet-v2`.
  public let name: String

  /// The shape of one input image.
  public let input: Shape

  /// The number of classes that its networks tell apart.
  public let classes: Int

  /// The questions that an architecture answers, in the order of the layers they concern.
  public let decisions: [Decision]

  /// The channels of the layers.
  public let groups: [ChannelGroup]

  let stages: [StageDepth]
  let blocks: [Block]

  public var description: String { "\(name) for \(input) and \(classes) classes" }

  /// Creates a space from the parts that the closure lists.
  ///
  /// - Parameters:
  ///   - name: What the space is called.
  ///   - input: The shape of one input image.
  ///   - elements: The parts, from the image to the linear layer that ends every network.
  /// - Throws: ``SearchSpaceError`` if a size has no choices or the last part is not a
  ///   ``Linear``.
  public init(
    name: String, input: Shape, @SearchSpaceBuilder elements: () throws -> [any SpaceElement]
  ) throws {
    try self.init(name: name, input: input, elements: elements())
  }

  init(name: String, input: Shape, elements: [any SpaceElement]) throws(SearchSpaceError) {
    var blueprint = Blueprint(input: input)
    for element in elements { try element.add(to: &blueprint) }
    guard let last = elements.last as? Linear else { throw .noClassifier }
    self.name = name
    self.input = input
    classes = last.classes
    decisions = blueprint.decisions
    groups = blueprint.groups
    stages = blueprint.stages
    blocks = blueprint.blocks
  }
}

/// How deep a stage may be.
struct StageDepth: Hashable, Sendable {
  var name: String
  var choices: [Int]
  var decision: Int?
}

/// Layers that are present or absent together and read the value before them.
struct Block: Hashable, Sendable {
  var name: String

  /// The stage the block belongs to and its place in it, or `nil` if it is always present.
  var place: Place?

  var layers: [LayerTemplate]

  struct Place: Hashable, Sendable {
    var stage: Int
    var position: Int
  }
}

/// A layer whose sizes are still open.
struct LayerTemplate: Hashable, Sendable {
  var name: String
  var operation: Operation
  var source: Source
  var operand: Source?

  /// The group of the channels computed, or `nil` if they are those that the layer reads.
  var group: Int?

  /// A value that a layer of a block can read.
  enum Source: Hashable, Sendable {
    /// What the block reads.
    case blockInput
    /// What another layer of the block computes.
    case layer(Int)
  }
}

extension SearchSpace {
  /// Makes an architecture concrete.
  ///
  /// - Precondition: ``contains(_:)`` holds for the architecture.
  public func network(of architecture: Architecture) -> Network {
    precondition(contains(architecture), "the architecture is not one of \(name)")
    var layers: [Layer] = []
    var stream = Value.image
    var streamShape = input

    for block in blocks where isPresent(block, in: architecture) {
      let blockInput = stream
      let blockShape = streamShape
      let first = layers.count
      for template in block.layers {
        func value(_ source: LayerTemplate.Source) -> Value {
          switch source {
          case .blockInput: blockInput
          case .layer(let index): .layer(first + index)
          }
        }
        let source = value(template.source)
        let shape =
          switch template.source {
          case .blockInput: blockShape
          case .layer(let index): layers[first + index].output
          }
        layers.append(
          Layer(
            name: template.name, operation: template.operation, source: source,
            operand: template.operand.map(value), input: shape,
            output: template.operation.output(
              of: shape,
              channels: template.group.map { channels(of: $0, in: architecture) }
                ?? shape.channels)))
      }
      stream = .layer(layers.count - 1)
      streamShape = layers[layers.count - 1].output
    }
    return Network(input: input, layers: layers)
  }

  func isPresent(_ block: Block, in architecture: Architecture) -> Bool {
    guard let place = block.place else { return true }
    return place.position < depth(of: place.stage, in: architecture)
  }

  func depth(of stage: Int, in architecture: Architecture) -> Int {
    let stage = stages[stage]
    guard let decision = stage.decision else { return stage.choices[0] }
    return stage.choices[architecture.choices[decision]]
  }

  func channels(of group: Int, in architecture: Architecture) -> Int {
    let group = groups[group]
    guard let decision = group.decision else { return group.choices[0] }
    return group.choices[architecture.choices[decision]]
  }
}
