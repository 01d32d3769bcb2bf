extension ArchitectureSampler {
  /// What a mutation makes of a decision that it changes.
  public enum Change: Hashable, Sendable {
    /// Any other choice, each being equally likely.
    case anyOther
    /// The next larger or the next smaller choice; any other of alternatives, which have no order.
    case neighbor
  }

  /// Changes each decision with some probability, and repairs what comes out.
  ///
  /// Blocks that a deeper stage gains get random sizes; those that a shallower one loses, and all
  /// else that sizes nothing, count as unchanged.
  ///
  /// - Parameters:
  ///   - architecture: The parent, which stays as it is.
  ///   - rate: The probability, from 0 to 1, with which each decision changes on its own.
  ///   - change: What it changes to.
  ///   - generator: What is random comes from here.
  /// - Returns: The child; the parent's network again if no decision happened to change.
  public func mutation(
    of architecture: Architecture, rate: Double, by change: Change = .anyOther,
    using generator: inout some RandomNumberGenerator
  ) -> Architecture {
    precondition((0...1).contains(rate), "\(rate) is no probability")
    return variation(of: architecture, by: change, using: &generator) { _, generator in
      generator.uniform() < rate
    }
  }

  /// Changes one decision that sizes something, and repairs what comes out.
  ///
  /// - Returns: The child; the parent's network again if nothing can change.
  public func neighbor(
    of architecture: Architecture, by change: Change = .anyOther,
    using generator: inout some RandomNumberGenerator
  ) -> Architecture {
    let active = space.activeDecisions(in: architecture)
    let open = space.decisions.indices.filter {
      active[$0] && space.decisions[$0].choices.count > 1
    }
    guard let chosen = open.randomElement(using: &generator) else {
      return repaired(architecture, using: &generator)
    }
    return variation(of: architecture, by: change, using: &generator) { decision, _ in
      decision == chosen
    }
  }

  private func variation<Generator: RandomNumberGenerator>(
    of architecture: Architecture, by change: Change, using generator: inout Generator,
    changing isChanged: (Int, inout Generator) -> Bool
  ) -> Architecture {
    let active = space.activeDecisions(in: architecture)
    var child = architecture
    for decision in space.decisions.indices {
      guard active[decision] else {
        // No part of the parent, but of a child that gains blocks.
        child.choices[decision] = .random(
          in: space.decisions[decision].choices.indices, using: &generator)
        continue
      }
      guard isChanged(decision, &generator) else { continue }
      let present = child.choices[decision]
      let choices = space.decisions[decision].choices.indices
      let others =
        switch (change, space.decisions[decision].kind) {
        case (.anyOther, _), (.neighbor, .alternative): choices.filter { $0 != present }
        case (.neighbor, _): [present - 1, present + 1].filter(choices.contains)
        }
      child.choices[decision] = others.randomElement(using: &generator) ?? present
    }
    return repaired(child, using: &generator)
  }

  /// Takes each decision from one of two parents by the toss of a coin, and repairs what comes out.
  ///
  /// > G. Syswerda. "Uniform Crossover in Genetic Algorithms." ICGA 1989.
  ///
  /// A decision that sizes something in one parent only is taken from that one.
  public func crossover(
    of mother: Architecture, and father: Architecture,
    using generator: inout some RandomNumberGenerator
  ) -> Architecture {
    repaired(crossed(mother, father, using: &generator), using: &generator)
  }

  /// Takes each decision from one of two parents, changes each with some probability, and repairs
  /// what comes out once, which costs less than repairing after either.
  ///
  /// - Parameters:
  ///   - mother: One parent.
  ///   - father: The other.
  ///   - rate: The probability, from 0 to 1, with which each decision changes on its own.
  ///   - change: What it changes to.
  ///   - generator: What is random comes from here.
  /// - Returns: The child.
  public func child(
    of mother: Architecture, and father: Architecture, rate: Double, by change: Change = .anyOther,
    using generator: inout some RandomNumberGenerator
  ) -> Architecture {
    mutation(
      of: crossed(mother, father, using: &generator), rate: rate, by: change, using: &generator)
  }

  private func crossed(
    _ mother: Architecture, _ father: Architecture,
    using generator: inout some RandomNumberGenerator
  ) -> Architecture {
    let mothers = space.activeDecisions(in: mother)
    let fathers = space.activeDecisions(in: father)
    var child = mother
    for decision in space.decisions.indices {
      let isFathers =
        switch (mothers[decision], fathers[decision]) {
        case (true, false): false
        case (false, true): true
        default: Bool.random(using: &generator)
        }
      if isFathers { child.choices[decision] = father.choices[decision] }
    }
    return child
  }
}
