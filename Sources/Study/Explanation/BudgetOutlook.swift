public import SearchSpace
import Strategies

/// Whether a budget of a search file can be met, and if not, what stands in the way.
public struct BudgetOutlook: Hashable, Sendable {
  public let budget: Budget

  /// The line and column of the budget in its file, if it was read from one.
  public let line: Int?
  public let column: Int?

  /// The lowest cost that a network of the space has.
  public let nearest: Int

  /// What keeps the networks from being smaller; `nil` if the budget can be met, and where it is
  /// one of latency: how long the networks of other spaces take is not known.
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
    var text = "no network of the space has \(budget): the smallest has "
    text += budget.metric.text(of: nearest)
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
  ///
  /// Budgets of latency are left out in a space that is not timed.
  package func budgetOutlooks(in space: SearchSpace) -> [BudgetOutlook] {
    let largest = space.cost(of: space.largest)
    return budgets.enumerated().compactMap { index, limit in
      guard limit.metric != .latency || largest.latency != nil else { return nil }
      let budget = limit.budget(largest: largest)
      let nearest = space.cost(of: space.cheapest(in: budget.metric))[budget.metric]
      let position = places["budgets[\(index)]"]
      return BudgetOutlook(
        budget: budget, line: position?.line, column: position?.column, nearest: nearest,
        obstacle: nearest <= budget.limit || budget.metric == .latency
          ? nil : obstacle(to: budget.metric, nearest: nearest, in: space))
    }
  }

  /// Refuses budgets that no network keeps to, all of them at once.
  ///
  /// In a space that is not timed, nothing can be said of a plan that names latency but what its
  /// other budgets come to.
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
    guard !namesLatency || space.isTimed else { return }
    do throws(StrategyError) {
      _ = try makeStrategy(in: space)
    } catch {
      // Some network keeps to each budget, but not one that the strategy comes to; or there are more
      // than it can go through.
      let place: Position?
      var message = "\(error)"
      switch error {
      case .unreachable(let budget, _):
        let largest = space.cost(of: space.largest)
        place = budgets.firstIndex { $0.budget(largest: largest) == budget }
          .flatMap { places["budgets[\($0)]"] }
        message += " that the strategy comes to; list alternatives cheapest first"
      case .tooManyArchitectures: place = places["strategy"]
      default: place = nil
      }
      guard let file = places.file, let place else { throw error }
      throw PlanError(file: file, problems: [Problem(at: place, message)])
    }
  }

  /// Finds what forbids networks to be smaller: the setting that, as loose as it can be, would let
  /// the smallest network cost the least.
  private func obstacle(
    to metric: Cost.Metric, nearest: Int, in space: SearchSpace
  ) -> BudgetOutlook.Obstacle {
    let obstacles = self.space.loosened.compactMap { key, remedy, loosened in
      let loose = try? loosened.makeSpace(input: space.input, classes: space.classes)
      return loose.map { loose in
        obstacle(
          key, remedy, nearestWithout: loose.cost(of: loose.cheapest(in: metric))[metric])
      }
    }
    let least = obstacles.min { $0.nearestWithout < $1.nearestWithout }
    if let least, least.nearestWithout < nearest { return least }
    let (key, remedy) = self.space.whole
    return obstacle(key, remedy, nearestWithout: nearest)
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
  /// The space with each part that keeps its networks from being smaller as loose as it can be.
  fileprivate var loosened: [(key: String, remedy: String, space: Plan.Space)] {
    switch structure {
    case .family:
      var (width, depth, residual) = (self, self, self)
      width.settings.width.groups = 1000
      width.settings.width.divisor = 1
      depth.settings.smallestDepth = 1
      residual.settings.residual = .tied
      return [
        ("space.width", "give more groups or a smaller divisor", width),
        ("space.depth", "write depth: {min: 1}", depth),
        ("space.residual", "write residual: tied", residual),
      ]
    case .layers(let layers):
      return layers.elements.indices.compactMap { index in
        guard let loosest = layers.elements[index].loosest else { return nil }
        var loosened = layers
        loosened.elements[index] = loosest
        var space = self
        space.structure = .layers(loosened)
        return (
          "space.layers[\(index)]", "offer fewer channels or blocks or smaller kernels there", space
        )
      }
    case .architecture:
      return []
    }
  }

  /// The key that names the networks as a whole, and what can be done about it.
  fileprivate var whole: (key: String, remedy: String) {
    switch structure {
    case .family: ("space.network", "take a smaller one")
    case .layers: ("space.layers", "offer smaller parts")
    case .architecture: ("space.architecture", "it is the only network there is")
    }
  }
}
