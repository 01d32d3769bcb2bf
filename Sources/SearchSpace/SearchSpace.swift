/// A set of networks that differ in the sizes of one common structure.
///
///     let space = try SearchSpace(name: "tiny", input: [3, 32, 32]) {
///       Convolution(width: .range(8...32, step: 8), kernel: 3)
///       Stage(.basic(inner: [16, 32]), width: [16, 32], depth: 1...3, stride: 2)
///       GlobalAveragePool()
///       Linear(classes: 10)
///     }
///     space.network(of: space.largest).cost.macs
///
/// Inside, a space is a list of blocks of layers whose channels come from ``groups``. Channels
/// that have to agree, as the two sides of a residual sum, belong to one group. Every size that is
/// open is one of the ``decisions``: widths, depths, kernels, expansions, and which of several
/// alternatives is built. The blocks of an elastic stage are kept from its start.
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

  let questions: [Question]
  let blocks: [Block]

  /// For each decision, the parts of the space that it sizes, each by the conditions under which it
  /// is there; a part without conditions always is.
  private(set) var uses: [[[Condition]]] = []

  /// What networks cost that are not to be counted, by their canonical architectures.
  var knownCosts: [Architecture: Cost] = [:]

  /// What tells how long networks take, which cannot be counted.
  var latencies: LatencyTable?

  public var description: String { "\(name) for \(input) and \(classes) classes" }

  /// Creates a space from the parts that the closure lists.
  ///
  /// - Parameters:
  ///   - name: What the space is called.
  ///   - input: The shape of one input image.
  ///   - classes: How many classes there are; by default as many as the last part gives scores.
  ///   - elements: The parts, from the image to the linear layer that ends every network.
  /// - Throws: ``SearchSpaceError`` if a size has no choices, the parts do not fit each other, or
  ///   they do not end in one score for each class.
  public init(
    name: String = "own", input: Shape, classes: Int? = nil,
    @SearchSpaceBuilder elements: () throws -> [any SpaceElement]
  ) throws {
    try self.init(name: name, input: input, classes: classes, elements: elements())
  }

  /// Creates a space from a list of parts.
  ///
  /// - Throws: ``SearchSpaceError`` as the initialiser that takes a closure.
  public init(
    name: String, input: Shape, classes: Int? = nil, elements: [any SpaceElement]
  ) throws(SearchSpaceError) {
    var added = 0
    try self.init(
      name: name, input: input, classes: classes, elements: elements, added: &added)
  }

  /// Creates a space and counts the parts that could be added.
  ///
  /// - Parameters:
  ///   - name: What the space is called.
  ///   - input: The shape of one input image.
  ///   - classes: How many classes there are, if that is known.
  ///   - elements: The parts.
  ///   - added: Receives how many; where an error is thrown, the place of the part that it
  ///     concerns, or the number of all parts if it concerns none more than others.
  /// - Throws: ``SearchSpaceError``.
  package init(
    name: String, input: Shape, classes: Int?, elements: [any SpaceElement], added: inout Int
  ) throws(SearchSpaceError) {
    added = 0
    var blueprint = try Blueprint(input: input, classes: classes)
    for element in elements {
      try element.add(to: &blueprint)
      added += 1
    }
    guard let scores = blueprint.scores else { throw .noClassifier }
    guard scores == classes ?? scores else {
      throw .otherClasses(scores: scores, classes: classes ?? scores)
    }
    self.name = name
    self.input = input
    self.classes = scores
    (decisions, questions, groups, blocks) = blueprint.settled()
    uses = usesOfDecisions()
    let work = supernetLayers.reduce(0.0) { $0 + $1.work }
    guard work < 0x1p60 else { throw .tooLarge }
    guard !Dependencies(of: self).areTooMany(in: self) else { throw .tooManyChoices }
  }

  /// Creates a space whose only network is a given one.
  ///
  /// - Precondition: The network's output is a score for each class, of shape `classes`×1×1.
  public init(name: String, fixed network: Network) {
    precondition(
      network.layers.last?.output == Shape(channels: network.classes, height: 1, width: 1),
      "the network does not end in scores of classes")
    self.name = name
    input = network.input
    classes = network.classes
    (decisions, questions) = ([], [])
    // The image, then the channels of each layer: nothing is elastic, so nothing need be tied.
    groups =
      [ChannelGroup(fixed: network.input.channels, producer: nil)]
      + network.layers.map { ChannelGroup(fixed: $0.output.channels, producer: $0.name) }
    func source(_ value: Value) -> LayerTemplate.Source {
      switch value {
      case .image: .blockInput
      case .layer(let index): .layer(index)
      }
    }
    blocks = [
      Block(
        name: name, conditions: [], largestInput: network.input,
        layers: network.layers.enumerated().map { index, layer in
          LayerTemplate(
            name: layer.name, operation: layer.operation, source: source(layer.source),
            operand: layer.operand.map(source), channels: .group(index + 1))
        })
    ]
  }
}

extension ChannelGroup {
  fileprivate init(fixed channels: Int, producer: String?) {
    self.init(
      name: producer ?? "image", choices: [channels],
      members: producer.map { [Member(layer: $0, reason: nil)] } ?? [])
  }
}

extension Layer {
  /// At least as many multiply-adds as the layer has, however many that are.
  package var work: Double {
    let window =
      switch operation {
      case .convolution(let convolution): Double(convolution.kernel) * Double(convolution.kernel)
      case .linear, .normalize, .activate, .pool, .globalAveragePool, .scale, .concatenate: 1.0
      }
    return window * input.elements * output.elements
  }
}

extension Shape {
  fileprivate var elements: Double { Double(channels) * Double(height) * Double(width) }
}
