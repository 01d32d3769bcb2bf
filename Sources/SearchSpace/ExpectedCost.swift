/// The expected cost of an architecture whose decisions are drawn one by one, each from a
/// distribution of its own, and its gradient.
///
///     let cost = ExpectedCost(of: space, in: .macs)
///     let (macs, slopes) = cost.value(of: probabilities)
///
/// The expectation is exact, and it is that of networks as they are built: with the convolutions
/// that stand in shortcuts only where widths differ, and with what follows a shortened stage
/// reading the last block that is left. The cost of a network is a sum over its layers, and that of
/// a layer depends on few decisions: the widths that it reads and computes, and the depths that
/// decide whether it is there and what is before it. So is the expectation a sum of small tables,
/// linear in each distribution.
public struct ExpectedCost: Hashable, Sendable {
  private let decisions: Int
  private var terms: [Term] = []

  /// What one layer costs, for each joint answer to the decisions that it depends on.
  private struct Term: Hashable {
    var decisions: [Int]

    /// How many choices each of the decisions has.
    var choices: [Int]

    /// The costs, the last decision's choices next to each other.
    var costs: [Double]
  }

  /// Tabulates the costs of a space's layers.
  ///
  /// - Parameters:
  ///   - space: The space, without kernels or expansions that are open.
  ///   - metric: The cost.
  public init(of space: SearchSpace, in metric: Cost.Metric) {
    decisions = space.decisions.count
    var walk = StreamWalk(space: space)
    for block in space.blocks {
      walk.pass(block) { layer, guards, input, output in
        add(
          tabulating(layer, where: guards, reading: input, computing: output, metric, in: space),
          choices: space)
      }
    }
  }

  /// The expected cost.
  ///
  /// - Parameter probabilities: For each decision, the probability of each choice.
  /// - Returns: The cost, and its derivative by each of the probabilities.
  public func value(of probabilities: [[Double]]) -> (cost: Double, gradient: [[Double]]) {
    precondition(probabilities.count == decisions, "one distribution a decision")
    var cost = 0.0
    var gradient = probabilities.map { $0.map { _ in 0.0 } }
    for term in terms {
      var answer = [Int](repeating: 0, count: term.decisions.count)
      for entry in term.costs {
        if entry != 0 {
          var product = entry
          for (decision, choice) in zip(term.decisions, answer) {
            product *= probabilities[decision][choice]
          }
          cost += product
          for place in answer.indices {
            var others = entry
            for other in answer.indices where other != place {
              others *= probabilities[term.decisions[other]][answer[other]]
            }
            gradient[term.decisions[place]][answer[place]] += others
          }
        }
        for place in answer.indices.reversed() {
          answer[place] += 1
          if answer[place] < term.choices[place] { break }
          answer[place] = 0
        }
      }
    }
    return (cost, gradient)
  }

  /// Adds a table to the one of the same decisions, if there is one.
  private mutating func add(_ term: (decisions: [Int], costs: [Double]), choices space: SearchSpace)
  {
    if let index = terms.firstIndex(where: { $0.decisions == term.decisions }) {
      for entry in term.costs.indices { terms[index].costs[entry] += term.costs[entry] }
    } else {
      terms.append(
        Term(
          decisions: term.decisions,
          choices: term.decisions.map { space.decisions[$0].choices.count }, costs: term.costs))
    }
  }

  private func tabulating(
    _ template: LayerTemplate, where guards: Guards, reading input: StreamWalk.Size,
    computing output: StreamWalk.Size, _ metric: Cost.Metric, in space: SearchSpace
  ) -> (decisions: [Int], costs: [Double]) {
    let involved = Set(guards.allowed.keys).union(input.channels.decisions)
      .union(output.channels.decisions).sorted()
    var costs: [Double] = []
    var architecture = space.smallest
    func visit(_ place: Int) {
      guard place < involved.count else {
        costs.append(guards.admit(architecture) ? cost() : 0)
        return
      }
      let decision = involved[place]
      for choice in space.decisions[decision].choices.indices {
        architecture.choices[decision] = choice
        visit(place + 1)
      }
    }
    func cost() -> Double {
      let read = input.shape(input.channels.value(in: architecture))
      let computed = output.shape(output.channels.value(in: architecture))
      if template.isAdapter, read == computed { return 0 }
      let layer = Layer(
        name: template.name,
        operation: template.operation(
          reading: read.channels, computing: computed.channels,
          ChosenSizes(space: space, architecture: architecture)),
        source: .image, input: read, output: computed)
      return Double(layer.cost[metric])
    }
    visit(0)
    return (involved, costs)
  }
}

/// Which choices some decisions must have taken for something to be there.
private struct Guards: Hashable {
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
private struct StreamWalk {
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

    /// For each choice of a decision a number, or one number that none decides on.
    struct Part: Hashable {
      var decision: Int?
      var values: [Int]
    }

    var decisions: [Int] { parts.compactMap(\.decision) }

    func value(in architecture: Architecture) -> Int {
      parts.reduce(0) { sum, part in
        sum + part.values[part.decision.map { architecture.choices[$0] } ?? 0]
      }
    }
  }

  init(space: SearchSpace) {
    self.space = space
    cases = [
      (
        Guards(),
        Size(
          channels: Channels(parts: [Channels.Part(values: [space.input.channels])]),
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
      return Channels(parts: [Channels.Part(decision: group.decision, values: group.choices)])
    }
    precondition(derivation.decision == nil, "\(group.name) has an expansion that is open")
    let factor = space.questions[derivation.question].choices[0]
    let base = derivation.group.map { channels(of: $0, reading: block) } ?? block
    precondition(base.parts.count == 1, "\(group.name) is a multiple of a sum")
    return Channels(
      parts: base.parts.map { part in
        Channels.Part(
          decision: part.decision,
          values: part.values.map { derivation.channels(factor: factor, of: $0) })
      })
  }
}
