public import SearchSpace

/// No search: the largest network of the space is the one.
///
/// It is what every search is measured against, and in a space of one network it is that network. It
/// asks nothing, so it needs no weights; what it is worth is for retraining to tell.
public struct LargestNetwork: SearchStrategy {
  public static let startingWeights = StartingWeights.drawn

  public let finalists: [Finalist]

  /// There is nothing to set.
  public struct Settings: Hashable, Codable, Sendable {
    public init() {}
  }

  /// - Throws: ``StrategyError/unreachable(_:smallest:)`` if the network exceeds a budget.
  public init(
    space: SearchSpace, budgets: [Budget], settings: Settings = Settings()
  ) throws(StrategyError) {
    try space.requireReachable(budgets) { _ in space.largest }
    finalists = budgets.map { Finalist(budget: $0, architecture: space.largest) }
  }

  public mutating func ask(
    in space: SearchSpace, using generator: inout some RandomNumberGenerator
  ) -> Question? { nil }

  public mutating func tell(_ answer: Answer, in space: SearchSpace) -> [Int] {
    preconditionFailure("nothing was asked")
  }

  public func progress(in space: SearchSpace) -> Double { 1 }
}
