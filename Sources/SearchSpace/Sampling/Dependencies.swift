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

  /// Finds them from the conditions under which the parts of the space are present.
  init(of space: SearchSpace) {
    let conditions = space.uses.map { uses in
      Set(uses.joined().compactMap { space.questions[$0.question].decision }).sorted()
    }
    self.conditions = conditions
    order = Self.order(conditions)
    conditional = conditions.indices.filter { !conditions[$0].isEmpty }
  }

  /// The most answers that the decisions settling another's activity may have together.
  static let most = 1 << 16

  /// Whether some decision depends on more answers than can be gone through.
  ///
  /// Only alternatives within alternatives, many levels deep, come to that.
  func areTooMany(in space: SearchSpace) -> Bool {
    conditions.contains { conditions in
      var answers = 1
      return conditions.contains { decision in
        answers *= space.decisions[decision].choices.count
        return answers > Self.most
      }
    }
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
