extension SearchSpace {
  /// Changes an architecture, one decision at a time, until no other choice of any decision has a
  /// lower measure.
  ///
  /// From the smallest architecture this finds the cheapest one wherever a decision's cheapest
  /// choice does not depend on the others, which holds for widths, depths, kernels and expansions:
  /// their costs grow with the choice.
  func descent(
    from start: Architecture, by measure: (Architecture) -> Double
  ) -> Architecture {
    var best = start
    var least = measure(start)
    var improved = true
    while improved {
      improved = false
      for decision in decisions.indices where decisions[decision].choices.count > 1 {
        var changed = best
        for choice in decisions[decision].choices.indices {
          changed.choices[decision] = choice
          let value = measure(changed)
          guard value < least else { continue }
          (best, least, improved) = (changed, value, true)
        }
      }
    }
    return best
  }

  /// The architecture with the lowest cost that can be reached.
  public func cheapest(in metric: Cost.Metric) -> Architecture {
    descent(from: smallest) { Double(cost(of: $0)[metric]) }
  }

  /// The architecture with the highest cost that can be reached.
  public func dearest(in metric: Cost.Metric) -> Architecture {
    descent(from: largest) { -Double(cost(of: $0)[metric]) }
  }

  /// The architecture that keeps to all of some budgets with the most to spare.
  ///
  /// - Throws: ``UnreachableBudget`` if none keeps to all of them.
  func refuge(within budgets: [Budget]) throws(UnreachableBudget) -> Architecture {
    let refuge = descent(from: smallest) { architecture in
      let cost = self.cost(of: architecture)
      return budgets.map { Double(cost[$0.metric]) / Double(max(1, $0.limit)) }.max() ?? 0
    }
    let cost = self.cost(of: refuge)
    for budget in budgets where !budget.admits(cost) {
      throw UnreachableBudget(budget: budget, nearest: cost[budget.metric])
    }
    return refuge
  }
}

/// A budget that no network of a space keeps to.
public struct UnreachableBudget: Error, Hashable, Sendable, CustomStringConvertible {
  public let budget: Budget

  /// The nearest cost that was reached.
  public let nearest: Int

  public init(budget: Budget, nearest: Int) {
    self.budget = budget
    self.nearest = nearest
  }

  public var description: String {
    "no network of the space has \(budget): the smallest has "
      + budget.metric.text(of: nearest)
  }
}
