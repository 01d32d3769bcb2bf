public import SearchSpace

/// A rule for finding good networks, by asking an evaluator and being told.
///
/// A strategy is a value. It trains nothing, reads no clock, and draws every random number from
/// the generator it is handed, so the same seed and the same answers give the same search, and its
/// encoding is its checkpoint.
///
///     while let question = strategy.ask(in: space, using: &generator) {
///       try strategy.tell(evaluator.answer(question), in: space)
///     }
///     strategy.finalists
///
/// The architectures in its encoding have a meaning only in the space it was made for.
public protocol SearchStrategy: Codable, Sendable {
  /// Returns the next question, or `nil` when the search is over.
  ///
  /// Asked again before it was told the answer, it returns the same question.
  mutating func ask(in space: SearchSpace, using generator: inout some RandomNumberGenerator)
    -> Question?

  /// Takes in the answer to the last question.
  ///
  /// - Parameters:
  ///   - scores: One score for each candidate asked about, in their order.
  ///   - space: The space of the search.
  /// - Returns: The candidates, by their place in the question, that the search goes on with.
  /// - Throws: ``StrategyError`` if the search cannot go on.
  mutating func tell(_ scores: [Score], in space: SearchSpace) throws(StrategyError) -> [Int]

  /// How much of its way the search has come, from 0 to 1, for those who wait.
  func progress(in space: SearchSpace) -> Double

  /// The best network found so far for each budget that one was found for.
  var finalists: [Finalist] { get }
}

/// What a strategy wants to know.
public struct Question: Hashable, Codable, Sendable {
  /// The architectures to score.
  public var candidates: [Candidate]

  /// How many images to score them on.
  public var images: Int

  public init(candidates: [Candidate], images: Int) {
    self.candidates = candidates
    self.images = images
  }
}

/// An architecture that a strategy wants scored.
public struct Candidate: Hashable, Codable, Sendable {
  public var architecture: Architecture

  /// What led to it, in a word or two for the record.
  public var role: String

  public init(_ architecture: Architecture, role: String) {
    self.architecture = architecture
    self.role = role
  }
}

/// The network that a search found for a budget.
public struct Finalist: Hashable, Codable, Sendable {
  public var budget: Budget
  public var architecture: Architecture

  public init(budget: Budget, architecture: Architecture) {
    self.budget = budget
    self.architecture = architecture
  }
}

/// A reason why a search cannot start or go on.
public enum StrategyError: Error, Hashable, Sendable, CustomStringConvertible {
  /// No network of the space keeps to the budget.
  case unreachable(Budget, smallest: Int)

  /// None of the candidates computed numbers.
  case noValidScore(candidates: Int)

  public var description: String {
    switch self {
    case .unreachable(let budget, let smallest):
      "no network of the space has \(budget): the smallest has \(smallest)"
    case .noValidScore(let candidates):
      "none of \(candidates) candidates has a score that is a number; "
        + "lower the learning rate of the supernet"
    }
  }
}

extension SearchSpace {
  /// Refuses budgets that not even the network which a strategy finds smallest keeps to.
  ///
  /// - Parameters:
  ///   - budgets: The budgets.
  ///   - smallest: The architecture of the lowest cost that the strategy can propose.
  /// - Throws: ``StrategyError/unreachable(_:smallest:)`` for the first that is not met.
  func requireReachable(
    _ budgets: [Budget], smallest: (Cost.Metric) -> Architecture
  ) throws(StrategyError) {
    for budget in budgets {
      let cost = network(of: smallest(budget.metric)).cost
      guard budget.admits(cost) else {
        throw .unreachable(budget, smallest: cost[budget.metric])
      }
    }
  }
}
