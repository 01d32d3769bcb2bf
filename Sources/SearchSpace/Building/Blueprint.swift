/// A space in the making: what its parts have added so far.
public struct Blueprint {
  var questions: [Question] = []
  var groups: [ChannelGroup]
  var blocks: [Block] = []

  /// How many classes there are, if that is known.
  let classes: Int?

  /// The names of the layers.
  private var names: Set<String> = []

  /// The names of the questions.
  private var questionNames: Set<String> = []

  /// How many stages there are.
  var stages = 0

  /// How many parts of each kind have been given a name by their number.
  var numbers: [String: Int] = [:]

  /// The groups that the channels of the value before the next part may belong to; several after a
  /// stage or an alternative whose last layer is not settled.
  var stream: Set<Int> = [0]

  /// The sides of the map that the next part reads.
  var side: (height: Int, width: Int)

  /// The most that the next part can be given to read.
  var reach: Shape { Shape(channels: widest(of: stream), height: side.height, width: side.width) }

  /// For each block, the groups that the channels it reads may belong to.
  private var inputs: [Set<Int>] = []

  /// The groups of which each derived group may be a multiple.
  private var bases: [Int: Set<Int>] = [:]

  /// What must hold for the next part to be present.
  var conditions: [Condition] = []

  init(input: Shape, classes: Int?) throws(SearchSpaceError) {
    guard [input.channels, input.height, input.width].allSatisfy({ 1...Self.limit ~= $0 }) else {
      throw .badInput(input)
    }
    groups = [ChannelGroup(name: "image", choices: [input.channels], members: [])]
    side = (input.height, input.width)
    self.classes = classes
  }

  /// How much more there may be: numbers to choose from, and blocks, each as much as a thousand.
  private var room = 1 << 22

  private mutating func spend(_ amount: Int) throws(SearchSpaceError) {
    room -= amount
    guard room >= 0 else { throw .tooManyChoices }
  }

  /// The most that any size may be.
  static let limit = 1 << 20

  /// The name of a part that has none of its own: its kind and a number.
  mutating func name(_ given: String?, kind: String, isNumbered: Bool = true) -> String {
    if let given { return given }
    numbers[kind, default: 0] += 1
    let number = numbers[kind, default: 1]
    return isNumbered || number > 1 ? "\(kind)\(number)" : kind
  }

  /// How many scores the last part gives, if that is what it gives: one for each class.
  var scores: Int? {
    guard reach.height == 1, reach.width == 1, !blocks.isEmpty,
      stream.allSatisfy({ groups[$0].choices == [reach.channels] })
    else { return nil }
    return reach.channels
  }

  // MARK: Sizes

  /// Asks for a size.
  ///
  /// - Returns: The index of the question.
  /// - Throws: ``SearchSpaceError/badChoices(name:values:)`` or
  ///   ``SearchSpaceError/duplicateName(_:)``.
  mutating func ask(
    _ name: String, _ kind: Decision.Kind, _ choices: Choices
  ) throws(SearchSpaceError) -> Int {
    guard let least = choices.values.first, least >= 1, choices.largest <= Self.limit else {
      throw .badChoices(name: name, values: choices.values)
    }
    try spend(choices.values.count)
    return try addQuestion(name, kind, choices)
  }

  mutating func addQuestion(
    _ name: String, _ kind: Decision.Kind, _ choices: Choices
  ) throws(SearchSpaceError) -> Int {
    guard questionNames.insert(name).inserted else { throw .duplicateName(name) }
    questions.append(
      Question(name: name, kind: kind, choices: choices.values, conditions: conditions))
    return questions.count - 1
  }

  /// Asks for the side of a window.
  ///
  /// - Throws: ``SearchSpaceError/badChoices(name:values:)`` or
  ///   ``SearchSpaceError/evenKernel(name:values:)``.
  mutating func window(_ name: String, _ choices: Choices) throws(SearchSpaceError) -> Window {
    guard choices.values.allSatisfy({ !$0.isMultiple(of: 2) }) else {
      throw .evenKernel(name: name, values: choices.values)
    }
    let question = try ask("\(name).kernel", .kernel, choices)
    return Window(
      largest: choices.largest, question: choices.values.count > 1 ? question : nil)
  }

  /// Adds channels of their own.
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
    let question = try ask(name, .width(group: groups.count), choices)
    groups.append(
      ChannelGroup(
        name: name, choices: choices.values,
        members: [ChannelGroup.Member(layer: producer, reason: nil)], question: question))
    return groups.count - 1
  }

  /// Adds channels that are a multiple of others.
  ///
  /// - Parameters:
  ///   - name: What the channels are called.
  ///   - factor: The multiple, which may be elastic.
  ///   - base: The group multiplied, or `nil` for the channels that the next block reads.
  ///   - producer: The layer whose channels they are first of all.
  /// - Returns: The index of the group.
  /// - Throws: ``SearchSpaceError/badChoices(name:values:)``.
  mutating func addGroup(
    _ name: String, _ factor: Factor, of base: Int?, producer: String
  ) throws(SearchSpaceError) -> Int {
    let question = try ask("\(name).ratio", .expansion(group: groups.count), factor.choices)
    let derivation = ChannelGroup.Derivation(
      group: base, denominator: factor.denominator, divisor: factor.divisor, question: question)
    bases[groups.count] = base.map { [$0] } ?? stream
    try spend(factor.choices.values.count * widths(multipliedBy: groups.count).count)
    groups.append(
      ChannelGroup(
        name: name, choices: [], derivation: derivation,
        members: [ChannelGroup.Member(layer: producer, reason: nil)]))
    derive(groups.count - 1)
    guard groups[groups.count - 1].choices.allSatisfy({ 1...Self.limit ~= $0 }) else {
      throw .badChoices(name: name, values: groups[groups.count - 1].choices)
    }
    return groups.count - 1
  }

  /// The channels of which a derived group may have multiples.
  private func widths(multipliedBy group: Int) -> Set<Int> {
    Set((bases[group] ?? []).flatMap { groups[$0].choices })
  }

  /// The most channels that any of some groups may have.
  private func widest(of groups: Set<Int>) -> Int {
    groups.reduce(0) { max($0, self.groups[$1].choices.last ?? 0) }
  }

  /// Finds the channels that a derived group may have.
  private mutating func derive(_ group: Int) {
    guard let derivation = groups[group].derivation else { return }
    let widths = widths(multipliedBy: group)
    groups[group].choices =
      Choices(
        questions[derivation.question].choices.flatMap { factor in
          widths.map { derivation.channels(factor: factor, of: $0) }
        }
      ).values
  }

  /// Ties a layer's channels to a group.
  mutating func tie(_ layer: String, to group: Int, because reason: String) {
    groups[group].members.append(ChannelGroup.Member(layer: layer, reason: reason))
  }

  /// Leaves a group only with channel counts that divide into groups of a convolution, and those
  /// that derive from it with what follows.
  ///
  /// A derived group keeps the factors that suit whatever they multiply.
  ///
  /// - Throws: ``SearchSpaceError/noGroupedWidth(layer:divisor:choices:)`` if none is left.
  mutating func restrict(
    _ group: Int, toMultiplesOf divisor: Int, for layer: String
  ) throws(SearchSpaceError) {
    let before = groups[group].choices
    if let derivation = groups[group].derivation {
      let widths = widths(multipliedBy: group)
      questions[derivation.question].choices.removeAll { factor in
        widths.contains {
          !derivation.channels(factor: factor, of: $0).isMultiple(of: divisor)
        }
      }
      derive(group)
    } else {
      groups[group].choices.removeAll { !$0.isMultiple(of: divisor) }
      if let question = groups[group].question {
        questions[question].choices = groups[group].choices
      }
    }
    guard !groups[group].choices.isEmpty else {
      throw .noGroupedWidth(layer: layer, divisor: divisor, choices: before)
    }
    // A group derives from others before it.
    var changed: Set = [group]
    for index in groups.indices.dropFirst(group + 1)
    where !changed.isDisjoint(with: bases[index] ?? []) {
      derive(index)
      changed.insert(index)
    }
  }

  // MARK: Blocks

  /// Adds a block, whose last layer's channels the next part reads.
  ///
  /// - Throws: ``SearchSpaceError/misfit(layer:reason:)`` or
  ///   ``SearchSpaceError/noRoom(layer:map:)`` if its layers cannot be computed from what they read.
  mutating func addBlock(_ name: String, _ layers: [LayerTemplate]) throws(SearchSpaceError) {
    try spend(1024)
    let block = Block(name: name, conditions: conditions, largestInput: reach, layers: layers)
    var built: [Layer] = []
    var produced: [Int?] = []
    // Shapes only: a source's index does not matter here.
    let output = block.build(
      reading: Stream(value: .image, shape: reach),
      LargestSizes(questions: questions, groups: groups), into: &built, groups: &produced)
    let shapes = built.map(\.output)
    for (layer, template) in zip(built, layers) {
      let operand: Shape? = template.operand.map { source in
        switch source {
        case .blockInput: reach
        case .layer(let index): shapes[index]
        }
      }
      guard layer.output.height > 0, layer.output.width > 0 else {
        throw .noRoom(layer: layer.name, map: layer.input)
      }
      for operation in operations(of: template, largest: layer.operation) {
        if let reason = operation.misfit(
          reading: layer.input, operand: operand, computing: layer.output)
        {
          throw .misfit(layer: layer.name, reason: reason)
        }
      }
    }
    for layer in layers where !names.insert(layer.name).inserted {
      throw .duplicateName(layer.name)
    }
    blocks.append(block)
    inputs.append(stream)
    if let group = output.group { stream = [group] }
    side = (output.shape.height, output.shape.width)
  }

  /// What a layer may compute: its largest operation with each of its kernels.
  private func operations(of template: LayerTemplate, largest: Operation) -> [Operation] {
    guard let kernel = template.kernel, case .convolution(var convolution) = largest else {
      return [largest]
    }
    return questions[kernel].choices.map { kernel in
      convolution.kernel = kernel
      return .convolution(convolution)
    }
  }

  /// The parts as a space holds them: questions with one answer are not asked.
  ///
  /// What a block reads may have been left fewer channels since it was added.
  func settled() -> ([Decision], [Question], [ChannelGroup], [Block]) {
    var (questions, groups, blocks) = (questions, groups, blocks)
    for (index, groups) in inputs.enumerated() {
      blocks[index].largestInput.channels = widest(of: groups)
    }
    var decisions: [Decision] = []
    for (index, question) in questions.enumerated() where question.choices.count > 1 {
      questions[index].decision = decisions.count
      decisions.append(
        Decision(name: question.name, kind: question.kind, choices: question.choices))
    }
    for index in groups.indices {
      groups[index].decision = groups[index].question.flatMap { questions[$0].decision }
      if let question = groups[index].derivation?.question {
        groups[index].derivation?.decision = questions[question].decision
      }
    }
    return (decisions, questions, groups, blocks)
  }
}

/// The side of a window, which may be a choice.
struct Window {
  var largest: Int
  var question: Int?
}

/// What channels are multiplied by to give others.
package struct Factor: Hashable, Sendable {
  package var choices: Choices
  package var denominator = 1
  package var divisor = 1
}
