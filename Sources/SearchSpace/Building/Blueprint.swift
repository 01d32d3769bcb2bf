/// A space in the making: what its parts have added so far.
public struct Blueprint {
  var questions: [Question] = []
  var groups: [ChannelGroup]
  var blocks: [Block] = []

  /// How many classes there are, if that is known.
  let classes: Int?

  /// The names of the layers.
  private var names: Set<String> = []

  /// How many stages there are.
  var stages = 0

  /// How many parts of each kind have been given a name by their number.
  var numbers: [String: Int] = [:]

  /// The groups that the channels of the value before the next part may belong to; several after a
  /// stage or an alternative whose last layer is not settled.
  var stream: Set<Int> = [0]

  /// The most that the next part can be given to read.
  var reach: Shape

  /// What must hold for the next part to be present.
  var conditions: [Condition] = []

  init(input: Shape, classes: Int?) throws(SearchSpaceError) {
    guard [input.channels, input.height, input.width].allSatisfy({ 1...Self.limit ~= $0 }) else {
      throw .badInput(input)
    }
    groups = [ChannelGroup(name: "image", choices: [input.channels], members: [])]
    reach = input
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
  /// - Throws: ``SearchSpaceError/badChoices(name:values:)``.
  mutating func ask(
    _ name: String, _ kind: Decision.Kind, _ choices: Choices
  ) throws(SearchSpaceError) -> Int {
    guard let least = choices.values.first, least >= 1, choices.largest <= Self.limit else {
      throw .badChoices(name: name, values: choices.values)
    }
    try spend(choices.values.count)
    return addQuestion(name, kind, choices)
  }

  mutating func addQuestion(_ name: String, _ kind: Decision.Kind, _ choices: Choices) -> Int {
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
    let multiplied = Set((base.map { [$0] } ?? Array(stream)).flatMap { groups[$0].choices })
    try spend(factor.choices.values.count * multiplied.count)
    let counts = factor.choices.values.flatMap { factor in
      multiplied.map { derivation.channels(factor: factor, of: $0) }
    }
    groups.append(
      ChannelGroup(
        name: name, choices: Choices(counts).values, derivation: derivation,
        members: [ChannelGroup.Member(layer: producer, reason: nil)]))
    guard groups[groups.count - 1].choices.allSatisfy({ 1...Self.limit ~= $0 }) else {
      throw .badChoices(name: name, values: groups[groups.count - 1].choices)
    }
    return groups.count - 1
  }

  /// Ties a layer's channels to a group.
  mutating func tie(_ layer: String, to group: Int, because reason: String) {
    groups[group].members.append(ChannelGroup.Member(layer: layer, reason: reason))
  }

  /// Leaves a group only with channel counts that divide into groups of a convolution.
  ///
  /// - Throws: ``SearchSpaceError/noGroupedWidth(layer:divisor:choices:)`` if none is left.
  mutating func restrict(
    _ group: Int, toMultiplesOf divisor: Int, for layer: String
  ) throws(SearchSpaceError) {
    let choices = groups[group].choices.filter { $0.isMultiple(of: divisor) }
    let isFree = groups[group].derivation == nil
    guard isFree ? !choices.isEmpty : choices.count == groups[group].choices.count else {
      throw .noGroupedWidth(layer: layer, divisor: divisor, choices: groups[group].choices)
    }
    groups[group].choices = choices
    if let question = groups[group].question { questions[question].choices = choices }
  }

  // MARK: Blocks

  /// Adds a block, whose last layer's channels the next part reads.
  ///
  /// - Throws: ``SearchSpaceError/misfit(layer:reason:)`` if its layers cannot be computed from
  ///   what they read.
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
      if let reason = layer.operation.misfit(
        reading: layer.input, operand: operand, computing: layer.output)
      {
        throw .misfit(layer: layer.name, reason: reason)
      }
    }
    for layer in layers where !names.insert(layer.name).inserted {
      throw .duplicateName(layer.name)
    }
    blocks.append(block)
    if let group = output.group { stream = [group] }
    reach = output.shape
  }

  /// The parts as a space holds them: questions with one answer are not asked.
  func settled() -> ([Decision], [Question], [ChannelGroup]) {
    var (questions, groups) = (questions, groups)
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
    return (decisions, questions, groups)
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
