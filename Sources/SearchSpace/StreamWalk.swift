/// Which choices some decisions must have taken for something to be there.
struct Guards: Hashable {
  var allowed: [Int: Set<Int>] = [:]

  func admit(_ architecture: Architecture) -> Bool {
    allowed.allSatisfy { $1.contains(architecture.choices[$0]) }
  }

  /// What must hold for both; `nil` if they exclude each other.
  func and(_ other: Guards) -> Guards? {
    var both = self
    for (decision, choices) in other.allowed {
      let common = both.allowed[decision]?.intersection(choices) ?? choices
      guard !common.isEmpty else { return nil }
      both.allowed[decision] = common
    }
    return both
  }

  /// What must hold for this one but not the other, in parts that exclude each other.
  func without(_ other: Guards, in space: SearchSpace) -> [Guards] {
    var parts: [Guards] = []
    var rest = self
    for (decision, choices) in other.allowed.sorted(by: { $0.key < $1.key }) {
      let all = Set(space.decisions[decision].choices.indices)
      if let part = rest.and(Guards(allowed: [decision: all.subtracting(choices)])) {
        parts.append(part)
      }
      guard let next = rest.and(Guards(allowed: [decision: choices])) else { break }
      rest = next
    }
    return parts
  }
}

/// Goes through a space's blocks, keeping what each can be given to read.
struct StreamWalk {
  let space: SearchSpace

  /// What the next block may read, in cases that exclude each other.
  private var cases: [(guards: Guards, size: Size)]

  /// The shape of a value whose channels depend on decisions.
  struct Size: Hashable {
    var channels: Channels
    var height: Int
    var width: Int

    func shape(_ channels: Int) -> Shape {
      Shape(channels: channels, height: height, width: width)
    }
  }

  /// A number of channels that depends on decisions.
  struct Channels: Hashable {
    /// What adds up to the number.
    var parts: [Part]

    /// A number for each joint answer to some decisions, the last one's choices next to each other.
    struct Part: Hashable {
      var decisions: [Int]

      /// How many choices each of the decisions has.
      var choices: [Int]
      var values: [Int]

      /// A number that nothing decides on.
      init(_ value: Int) {
        (decisions, choices, values) = ([], [], [value])
      }

      /// Tabulates a number.
      init(of decisions: [Int], in space: SearchSpace, value: (Architecture) -> Int) {
        self.decisions = decisions
        choices = decisions.map { space.decisions[$0].choices.count }
        values = space.jointAnswers(to: decisions).map(value)
      }

      func value(in architecture: Architecture) -> Int {
        values[zip(decisions, choices).reduce(0) { $0 * $1.1 + architecture.choices[$1.0] }]
      }
    }

    var decisions: Set<Int> { Set(parts.flatMap(\.decisions)) }

    func value(in architecture: Architecture) -> Int {
      parts.reduce(0) { $0 + $1.value(in: architecture) }
    }
  }

  init(space: SearchSpace) {
    self.space = space
    cases = [
      (
        Guards(),
        Size(
          channels: Channels(parts: [Channels.Part(space.input.channels)]),
          height: space.input.height,
          width: space.input.width)
      )
    ]
  }

  /// Passes a block.
  ///
  /// - Parameters:
  ///   - block: The block.
  ///   - visit: Told of each layer, for each case: under which answers it is there so, what it reads
  ///     and what it computes.
  mutating func pass(_ block: Block, visit: (LayerTemplate, Guards, Size, Size) -> Void) {
    guard let presence = presence(of: block) else { return }
    var computed: [(guards: Guards, size: Size)] = []
    for (guards, size) in cases {
      guard let guards = guards.and(presence) else { continue }
      var values: [Size] = []
      for layer in block.layers {
        let source = value(layer.source, in: values, reading: size)
        let output = output(of: layer, reading: source, in: values, block: size)
        visit(layer, guards, source, output)
        values.append(output)
      }
      computed.append((guards, values[values.count - 1]))
    }
    // Mostly the last layer has channels of its own, whatever the block reads.
    if let first = computed.first, computed.allSatisfy({ $0.size == first.size }) {
      computed = [(presence, first.size)]
    }
    cases = cases.flatMap { entry in
      entry.guards.without(presence, in: space).map { ($0, entry.size) }
    }
    cases += computed
  }

  /// Under which answers a block is there; `nil` if under none.
  private func presence(of block: Block) -> Guards? {
    var guards = Guards()
    for condition in block.conditions {
      let question = space.questions[condition.question]
      let allowed = question.choices.indices.filter { condition.holds(for: question.choices[$0]) }
      guard !allowed.isEmpty else { return nil }
      guard let decision = question.decision, allowed.count < question.choices.count else {
        continue
      }
      guard let both = guards.and(Guards(allowed: [decision: Set(allowed)])) else { return nil }
      guards = both
    }
    return guards
  }

  private func value(
    _ source: LayerTemplate.Source, in values: [Size], reading block: Size
  ) -> Size {
    switch source {
    case .blockInput: block
    case .layer(let index): values[index]
    }
  }

  private func output(
    of layer: LayerTemplate, reading source: Size, in values: [Size], block: Size
  ) -> Size {
    var channels: Channels
    switch layer.channels {
    case .group(let group): channels = self.channels(of: group, reading: block.channels)
    case .like(let other): channels = value(other, in: values, reading: block).channels
    }
    if case .concatenate = layer.operation, let operand = layer.operand {
      let second = value(operand, in: values, reading: block).channels
      channels = Channels(parts: source.channels.parts + second.parts)
    }
    let shape = layer.operation.output(
      of: source.shape(1), operand: layer.operand.map { _ in source.shape(1) }, channels: 1)
    return Size(channels: channels, height: shape.height, width: shape.width)
  }

  private func channels(of group: Int, reading block: Channels) -> Channels {
    let group = space.groups[group]
    guard let derivation = group.derivation else {
      guard let decision = group.decision else {
        return Channels(parts: [Channels.Part(group.choices[0])])
      }
      let part = Channels.Part(of: [decision], in: space) {
        group.choices[$0.choices[decision]]
      }
      return Channels(parts: [part])
    }
    let base = derivation.group.map { channels(of: $0, reading: block) } ?? block
    let question = space.questions[derivation.question]
    let decisions = base.decisions.union([question.decision].compactMap { $0 }).sorted()
    let part = Channels.Part(of: decisions, in: space) { architecture in
      derivation.channels(
        factor: space.answer(to: derivation.question, in: architecture),
        of: base.value(in: architecture))
    }
    return Channels(parts: [part])
  }
}

extension SearchSpace {
  /// Architectures that give some decisions all their joint answers, the last decision's choices next
  /// to each other; the others take their smallest choice.
  func jointAnswers(to decisions: [Int]) -> [Architecture] {
    decisions.reduce([smallest]) { architectures, decision in
      architectures.flatMap { architecture in
        self.decisions[decision].choices.indices.map { choice in
          var answer = architecture
          answer.choices[decision] = choice
          return answer
        }
      }
    }
  }

  /// Calls a closure with every layer that some network of the space can have.
  ///
  /// - Parameter body: Told of the decisions that a layer depends on, and, for each joint answer to
  ///   them, what the layer then is, if it is there at all. What it reads is said to be the image.
  func forEachLayer(
    _ body: (_ decisions: [Int], _ layers: [Layer?]) -> Void
  ) {
    var walk = StreamWalk(space: self)
    for block in blocks {
      walk.pass(block) { template, guards, input, output in
        let kernel = template.kernel.flatMap { questions[$0].decision }
        let decisions = Set(guards.allowed.keys).union(input.channels.decisions)
          .union(output.channels.decisions).union([kernel].compactMap { $0 }).sorted()
        let layers = jointAnswers(to: decisions).map { architecture -> Layer? in
          guard guards.admit(architecture) else { return nil }
          let read = input.shape(input.channels.value(in: architecture))
          let computed = output.shape(output.channels.value(in: architecture))
          if template.isAdapter, read == computed { return nil }
          return Layer(
            name: template.name,
            operation: template.operation(
              reading: read.channels, computing: computed.channels,
              ChosenSizes(space: self, architecture: architecture)),
            source: .image, operand: template.operand.map { _ in .image }, input: read,
            output: computed)
        }
        body(decisions, layers)
      }
    }
  }
}
