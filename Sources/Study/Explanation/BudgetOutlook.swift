public import SearchSpace

/// Whether a budget of a search file can be met, and if not, what stands in the way.
public struct BudgetOutlook: Hashable, Sendable {
  public let budget: Budget

  /// The line and column of the budget in its file, if it was read from one.
  public let line: Int?
  public let column: Int?

  /// The lowest cost that a network of the space has.
  public let nearest: Int

  /// What keeps the networks from being smaller; `nil` if the budget can be met.
  public let obstacle: Obstacle?

  public var isReachable: Bool { nearest <= budget.limit }

  /// The part of the search file that forbids the smallest network to cost less.
  public struct Obstacle: Hashable, Sendable {
    /// The key, such as `space.width`.
    public let key: String

    /// Its line, or that of `space` if the file leaves it to its default.
    public let line: Int?

    /// Whether the file has the key.
    public let isGiven: Bool

    /// What may be changed.
    public let remedy: String

    /// The lowest cost if this were as loose as it can be, the rest staying as it is.
    public let nearestWithout: Int
  }

  /// One line with cost, place and remedy, for a budget that cannot be met.
  public var refusal: String {
    var text = "no network of the space has \(budget): the smallest has \(nearest)"
    if let obstacle {
      text += "; \(obstacle.place) forbids less: \(obstacle.remedy)"
      if obstacle.nearestWithout < nearest { text += ", down to \(obstacle.nearestWithout)" }
    }
    return text
  }
}

extension BudgetOutlook.Obstacle {
  /// The key and its line, such as `space.width on line 9`.
  public var place: String {
    guard let line else { return key }
    return isGiven ? "\(key) on line \(line)" : "\(key), missing on line \(line),"
  }
}

extension Plan {
  /// Tells of each budget, in the order of the file, whether it can be met.
  package func budgetOutlooks(in space: SearchSpace) -> [BudgetOutlook] {
    let largest = space.network(of: space.largest).cost
    return budgets.enumerated().map { index, limit in
      let budget = limit.budget(largest: largest)
      let nearest = space.network(of: space.cheapest(in: budget.metric)).cost[budget.metric]
      let position = places["budgets[\(index)]"]
      return BudgetOutlook(
        budget: budget, line: position?.line, column: position?.column, nearest: nearest,
        obstacle: nearest <= budget.limit
          ? nil : obstacle(to: budget.metric, nearest: nearest, in: space))
    }
  }

  /// Refuses budgets that no network keeps to, all of them at once.
  ///
  /// - Throws: ``PlanError`` with the place of each, or for a plan that was not read from a file a
  ///   `StrategyError`.
  package func requireReachableBudgets(in space: SearchSpace) throws {
    let problems = budgetOutlooks(in: space).compactMap { outlook -> Problem? in
      guard !outlook.isReachable, let line = outlook.line, let column = outlook.column else {
        return nil
      }
      return Problem(line: line, column: column, message: outlook.refusal)
    }
    if let file = places.file, !problems.isEmpty {
      throw PlanError(file: file, problems: problems)
    }
    _ = try makeStrategy(in: space)
  }

  /// Finds what forbids networks to be smaller: the setting that, as loose as it can be, would let
  /// the smallest network cost the least.
  private func obstacle(
    to metric: Cost.Metric, nearest: Int, in space: SearchSpace
  ) -> BudgetOutlook.Obstacle {
    let obstacles = self.space.loosened.compactMap { key, remedy, settings in
      let loose = try? self.space.network.space(
        input: space.input, classes: space.classes, settings: settings)
      return loose.map { loose in
        obstacle(key, remedy, nearestWithout: loose.network(of: loose.smallest).cost[metric])
      }
    }
    let least = obstacles.min { $0.nearestWithout < $1.nearestWithout }
    if let least, least.nearestWithout < nearest { return least }
    return obstacle("space.network", "take a smaller one", nearestWithout: nearest)
  }

  private func obstacle(
    _ key: String, _ remedy: String, nearestWithout: Int
  ) -> BudgetOutlook.Obstacle {
    BudgetOutlook.Obstacle(
      key: key, line: (places[key] ?? places["space"])?.line, isGiven: places[key] != nil,
      remedy: remedy, nearestWithout: nearestWithout)
  }
}

extension Plan.Space {
  /// The settings that keep networks from being smaller, each as loose as it can be.
  fileprivate var loosened: [(key: String, remedy: String, settings: Family.Settings)] {
    var width = settings
    width.width.groups = 1000
    width.width.divisor = 1
    var depth = settings
    depth.smallestDepth = 1
    var residual = settings
    residual.residual = .tied
    return [
      ("space.width", "give more groups or a smaller divisor", width),
      ("space.depth", "write depth: {min: 1}", depth),
      ("space.residual", "write residual: tied", residual),
    ]
  }
}
