/// The architectures of a space, counted exactly, and drawn so that each is equally likely.
///
///     let census = ArchitectureCensus(of: space)
///     census.count  // 13238717644800
///     census.randomArchitecture(using: &generator)
///
/// What is counted are different networks. Where a stage is shallow, the decisions that size only
/// the blocks left out make no difference, and architectures that differ in these alone count
/// once; ``SearchSpace/key(of:)`` tells them apart in the same way. So a deeper variant, which has
/// more decisions, has more members, and drawing every decision on its own would favour the
/// shallow ones.
///
/// The count is a sum of products: over all answers, the product of 1 for what is canonical and 0
/// for what is not. It is taken by eliminating one decision after the other, each summed into a
/// table over those that it shares a factor with; going back through the tables draws a member of
/// the sum.
///
/// > R. Dechter. "Bucket Elimination: A Unifying Framework for Probabilistic Inference." UAI 1996.
/// > [arXiv:1302.3572](https://arxiv.org/abs/1302.3572)
///
/// - Complexity: The tables are as large as the decisions that settle one another's activity have
///   answers together: a depth and the decisions of its blocks, never the product of all.
public struct ArchitectureCensus: Sendable {
  public let space: SearchSpace

  /// How many different networks there are.
  public let count: WholeNumber

  let dependencies: Dependencies

  /// For each decision on which others depend, in the order of drawing, how likely its choices are.
  private let tables: [Table]

  /// The decisions on which no other depends.
  private let leaves: [Int]

  /// A choice's likelihood given the decisions drawn before.
  private struct Table: Sendable {
    var decision: Int
    var scope: Scope

    /// For each assignment of the scope, the chances of each choice or a lower one.
    var chances: [[Double]]
  }

  /// Counts the architectures of a space.
  public init(of space: SearchSpace) {
    self.space = space
    let dependencies = Dependencies(of: space)
    self.dependencies = dependencies
    let switches = Set(dependencies.conditions.joined())
    leaves = space.decisions.indices.filter { !switches.contains($0) }

    var activity = ActivityCache(space: space)
    var factors = space.decisions.indices.map { decision in
      CountFactor(
        of: decision, isSwitch: switches.contains(decision),
        dependencies, &activity, in: space)
    }
    var tables: [Table] = []
    var remaining = switches
    while !remaining.isEmpty {
      // The one that leaves the smallest table.
      let scopes = remaining.map { decision in
        (decision, factors.filter { $0.scope.contains(decision) }.map(\.scope))
      }
      let next = scopes.map { ($0, Scope(joining: $1, without: $0, in: space)) }.min {
        ($0.1.count, $0.0) < ($1.1.count, $1.0)
      }
      guard let (decision, scope) = next else { break }
      remaining.remove(decision)
      let involved = factors.filter { $0.scope.contains(decision) }
      factors.removeAll { $0.scope.contains(decision) }

      var sums: [WholeNumber] = []
      var table = Table(decision: decision, scope: scope, chances: [])
      var architecture = space.largest
      for assignment in 0..<scope.count {
        scope.assign(assignment, to: &architecture)
        var cumulative: [WholeNumber] = []
        for choice in space.decisions[decision].choices.indices {
          architecture.choices[decision] = choice
          let ways = involved.reduce(WholeNumber(1)) { $0 * $1.value(in: architecture) }
          cumulative.append((cumulative.last ?? WholeNumber(0)) + ways)
        }
        let sum = cumulative[cumulative.count - 1]
        sums.append(sum)
        table.chances.append(
          sum == WholeNumber(0) ? [] : cumulative.map { $0.share(of: sum) })
      }
      factors.append(CountFactor(scope: scope, values: sums))
      tables.append(table)
    }
    self.tables = tables.reversed()
    count = factors.reduce(WholeNumber(1)) { $0 * $1.value(in: space.largest) }
  }

  /// Draws an architecture, each network of the space being equally likely.
  ///
  /// The chances are exact but for the rounding of a `Double`. Decisions that size nothing in the
  /// architecture take their largest choice.
  public func randomArchitecture(
    using generator: inout some RandomNumberGenerator
  ) -> Architecture {
    var architecture = space.largest
    for table in tables {
      let chances = table.chances[table.scope.index(of: architecture)]
      let drawn = generator.uniform()
      architecture.choices[table.decision] =
        chances.firstIndex { drawn < $0 } ?? chances.count - 1
    }
    // Only what has been drawn settles what the leaves size.
    let active = tables.isEmpty ? nil : space.activeDecisions(in: architecture)
    for leaf in leaves where active?[leaf] ?? true {
      architecture.choices[leaf] = .random(
        in: space.decisions[leaf].choices.indices, using: &generator)
    }
    return architecture
  }
}

/// Some decisions, whose joint answers are numbered.
private struct Scope: Sendable {
  private let decisions: [Int]
  private let choices: [Int]

  init(_ decisions: [Int], in space: SearchSpace) {
    self.decisions = decisions
    choices = decisions.map { space.decisions[$0].choices.count }
  }

  init(joining scopes: [Scope], without decision: Int, in space: SearchSpace) {
    let joined = Set(scopes.flatMap(\.decisions)).subtracting([decision])
    self.init(joined.sorted(), in: space)
  }

  /// How many joint answers there are.
  var count: Int { choices.reduce(1, *) }

  func contains(_ decision: Int) -> Bool { decisions.contains(decision) }

  /// The number of the joint answer that an architecture gives.
  func index(of architecture: Architecture) -> Int {
    zip(decisions, choices).reduce(0) { $0 * $1.1 + architecture.choices[$1.0] }
  }

  /// Has an architecture give the joint answer of a number.
  func assign(_ index: Int, to architecture: inout Architecture) {
    var rest = index
    for (decision, count) in zip(decisions, choices).reversed() {
      architecture.choices[decision] = rest % count
      rest /= count
    }
  }
}

/// In how many ways something can be answered, given the answers to a few decisions.
private struct CountFactor: Sendable {
  var scope: Scope
  var values: [WholeNumber]

  init(scope: Scope, values: [WholeNumber]) {
    self.scope = scope
    self.values = values
  }

  /// The ways of one decision, given those that settle whether it is active.
  ///
  /// A decision on which others depend belongs to the scope: each of its answers is a way of its
  /// own, if it is canonical.
  init(
    of decision: Int, isSwitch: Bool, _ dependencies: Dependencies,
    _ activity: inout ActivityCache, in space: SearchSpace
  ) {
    let conditions = dependencies.conditions[decision]
    scope = Scope((conditions + (isSwitch ? [decision] : [])).sorted(), in: space)
    values = []
    var architecture = space.largest
    for assignment in 0..<scope.count {
      scope.assign(assignment, to: &architecture)
      let isActive =
        conditions.isEmpty || activity.isActive(decision, given: conditions, in: architecture)
      let isCanonical =
        isActive
        || architecture.choices[decision] == dependencies.idleChoice(of: decision, in: space)
      let choices = isActive ? space.decisions[decision].choices.count : 1
      values.append(WholeNumber(isSwitch ? (isCanonical ? 1 : 0) : choices))
    }
  }

  func value(in architecture: Architecture) -> WholeNumber {
    values[scope.index(of: architecture)]
  }
}

/// Which decisions are active, kept for each joint answer to those that settle it: the blocks of a
/// stage all ask about the same ones.
private struct ActivityCache {
  let space: SearchSpace
  private var known: [[Int]: [Int: [Bool]]] = [:]

  init(space: SearchSpace) {
    self.space = space
  }

  mutating func isActive(
    _ decision: Int, given conditions: [Int], in architecture: Architecture
  ) -> Bool {
    let answer = Scope(conditions, in: space).index(of: architecture)
    if let active = known[conditions]?[answer] { return active[decision] }
    let active = space.activeDecisions(in: architecture)
    known[conditions, default: [:]][answer] = active
    return active[decision]
  }
}
