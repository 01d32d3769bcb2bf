import Foundation
public import SearchSpace
public import Strategies

extension Plan {
  /// The budgets in numbers.
  ///
  /// - Parameter largest: What the largest network of the space costs.
  /// - Returns: The limits in the order of the file, shares rounded down. Where two come to the same
  ///   number there is one.
  public func budgets(largest: Cost) -> [Budget] {
    var seen: Set<Budget> = []
    return budgets.map { $0.budget(largest: largest) }.filter { seen.insert($0).inserted }
  }

  /// The search that the plan asks for, at its start.
  ///
  /// - Parameter space: The space to search in.
  /// - Returns: An ``AutoSlim`` or a ``RandomSearch``.
  /// - Throws: ``StrategyError/unreachable(_:smallest:)`` if a budget cannot be met.
  public func makeStrategy(in space: SearchSpace) throws(StrategyError) -> any SearchStrategy {
    let budgets = budgets(largest: space.network(of: space.largest).cost)
    return switch strategy {
    case .autoslim(let images):
      try AutoSlim(space: space, budgets: budgets, images: images)
    case .random(let trials, let images):
      try RandomSearch(space: space, budgets: budgets, trials: trials, images: images)
    }
  }

  /// A search as its encoding left it.
  ///
  /// - Parameter state: What a strategy of this plan was encoded to.
  /// - Returns: The strategy.
  /// - Throws: `DecodingError` if it is no such encoding.
  func restoreStrategy(from state: String) throws -> any SearchStrategy {
    let bytes = Foundation.Data(state.utf8)
    return switch strategy {
    case .autoslim: try JSONDecoder().decode(AutoSlim.self, from: bytes)
    case .random: try JSONDecoder().decode(RandomSearch.self, from: bytes)
    }
  }
}

extension Plan.Limit {
  /// The limit in numbers, a share being rounded down.
  func budget(largest: Cost) -> Budget {
    switch amount {
    case .count(let count):
      Budget(metric, atMost: count)
    case .share(let partsPerMillion):
      // A share of a cost is no larger than the cost, but the product on the way may be.
      Budget(metric, atMost: Int(Int128(largest[metric]) * Int128(partsPerMillion) / 1_000_000))
    }
  }
}

extension Plan.Strategy {
  /// The key by which a search file names the strategy.
  public var name: String {
    switch self {
    case .autoslim: "autoslim"
    case .random: "random"
    }
  }
}
