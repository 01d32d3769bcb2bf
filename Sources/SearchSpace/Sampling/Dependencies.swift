/// Which decisions settle whether others size anything.
///
/// The depth of a stage settles it for the widths inside the blocks that it may leave out. What
/// such a decision answers when it sizes nothing makes no difference to the network; of all these
/// answers the canonical one is its largest choice.
struct Dependencies: Sendable {
  /// For each decision, those that settle whether it is active; none for most.
  let conditions: [[Int]]

  /// All decisions, each behind its conditions.
  let order: [Int]

  /// The decisions that are not always active.
  let conditional: [Int]

  /// How many architectures are tried beside the smallest and the largest.
  private static let probes = 32

  /// Finds the conditions by trying: whatever a change of one decision wakes or puts to sleep
  /// depends on it.
  ///
  /// A width never does that. The others are set to their first, to their last and to a random
  /// choice, in the smallest network, in the largest and in some between, always the same ones.
  init(of space: SearchSpace) {
    var generator = SeededGenerator(seed: 0, stream: "dependencies")
    let probes =
      [space.smallest, space.largest]
      + (0..<Self.probes).map { _ in space.randomArchitecture(using: &generator) }
    var conditions = [Set<Int>](repeating: [], count: space.decisions.count)
    for (decision, asked) in space.decisions.enumerated() {
      if case .width = asked.kind { continue }
      for probe in probes {
        let active = space.activeDecisions(in: probe)
        var changed = probe
        let random = Int.random(in: asked.choices.indices, using: &generator)
        for choice in Set([0, random, asked.choices.count - 1])
        where choice != probe.choices[decision] {
          changed.choices[decision] = choice
          let after = space.activeDecisions(in: changed)
          for other in active.indices where other != decision && active[other] != after[other] {
            conditions[other].insert(decision)
          }
        }
      }
    }
    self.conditions = conditions.map { $0.sorted() }
    order = Self.order(self.conditions)
    conditional = self.conditions.indices.filter { !conditions[$0].isEmpty }
  }

  private static func order(_ conditions: [[Int]]) -> [Int] {
    var order: [Int] = []
    var placed = Set<Int>()
    while true {
      let next = conditions.indices.filter {
        !placed.contains($0) && placed.isSuperset(of: conditions[$0])
      }
      guard !next.isEmpty else { break }
      order += next
      placed.formUnion(next)
    }
    precondition(order.count == conditions.count, "decisions settle each other in a circle")
    return order
  }

  /// The canonical answer of a decision that sizes nothing.
  func idleChoice(of decision: Int, in space: SearchSpace) -> Int {
    space.decisions[decision].choices.count - 1
  }

  /// The architecture of the same network in which every decision that sizes nothing takes its
  /// largest choice.
  func canonical(_ architecture: Architecture, in space: SearchSpace) -> Architecture {
    guard !conditional.isEmpty else { return architecture }
    var canonical = architecture
    let active = space.activeDecisions(in: architecture)
    for decision in conditional where !active[decision] {
      canonical.choices[decision] = idleChoice(of: decision, in: space)
    }
    return canonical
  }
}
