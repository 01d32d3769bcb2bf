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
  /// What a user can set about the search. Its initial values are the paper's.
  associatedtype Settings: Hashable, Sendable

  /// Which weights the first question is answered with.
  static var startingWeights: StartingWeights { get }

  /// Creates a search at its start.
  ///
  /// - Parameters:
  ///   - space: The space to search in.
  ///   - budgets: The budgets to meet.
  ///   - settings: How to search.
  /// - Throws: ``StrategyError`` if the search can come to nothing.
  init(space: SearchSpace, budgets: [Budget], settings: Settings) throws(StrategyError)

  /// Takes in what is known of some architectures before the first question.
  ///
  /// A search that learns from scores goes on from these as if it had asked for them: they may
  /// become parents and finalists, and are not asked about. By default they are ignored.
  ///
  /// - Parameters:
  ///   - known: Architectures of the space with scores that can be compared with those of the
  ///     answers to come, the oldest first. They need not keep to the budgets.
  ///   - space: The space of the search.
  /// - Precondition: The strategy has not been asked yet.
  mutating func warmStart(from known: [ScoredArchitecture], in space: SearchSpace)

  /// Returns the next question, or `nil` when the search is over.
  ///
  /// Asked again before it was told the answer, it returns the same question.
  mutating func ask(in space: SearchSpace, using generator: inout some RandomNumberGenerator)
    -> Question?

  /// Takes in the answer to the last question.
  ///
  /// - Parameters:
  ///   - answer: The answer, of the question's kind.
  ///   - space: The space of the search.
  /// - Returns: The candidates, by their place in the question, that the search goes on with.
  /// - Throws: ``StrategyError`` if the search cannot go on.
  mutating func tell(_ answer: Answer, in space: SearchSpace) throws(StrategyError) -> [Int]

  /// How much of its way the search has come, from 0 to 1, for those who wait.
  func progress(in space: SearchSpace) -> Double

  /// The best network found so far for each budget that one was found for.
  var finalists: [Finalist] { get }

  /// What the search holds probable by now; nothing for one that learns no distribution.
  func beliefs(in space: SearchSpace) -> [Belief]
}

extension SearchStrategy {
  public static var startingWeights: StartingWeights { .trained }

  public mutating func warmStart(from known: [ScoredArchitecture], in space: SearchSpace) {}

  public func beliefs(in space: SearchSpace) -> [Belief] { [] }
}

/// The weights that a search begins with.
public enum StartingWeights: Hashable, Sendable {
  /// Those of a supernet that was trained as the search file says.
  case trained
  /// Such as they are drawn.
  case drawn
}

/// What a strategy wants to know.
public enum Question: Hashable, Codable, Sendable {
  /// How well do these architectures classify the first `images` of the hold-out?
  case score([Candidate], images: Int)

  /// How does the loss over training batch `step` change with each of these gates, on the largest
  /// network with its weights as they were drawn?
  ///
  /// There are as many channels as gates, which may be more than the space has.
  case differentiateGates(ChannelGates, step: Int)

  /// What is each channel of the trained largest network worth?
  case measure(ChannelMeasure)

  /// Take a step of the weights with this mixture, on images of the first half of the training set.
  case trainMixture(Mixture)

  /// What is the gradient of this mixture's loss by its weights, on images of the second half?
  case differentiateMixture(Mixture)

  /// The architectures to score; none if it is asked for something else.
  public var candidates: [Candidate] {
    switch self {
    case .score(let candidates, _): candidates
    case .differentiateGates, .measure, .trainMixture, .differentiateMixture: []
    }
  }
}

/// What a strategy is told.
public enum Answer: Hashable, Sendable {
  /// One score for each candidate, in their order.
  case scores([Score])

  /// The loss over a batch and its gradient by the gates.
  case gateGradient(GateGradient)

  /// A number for each channel.
  case channelMeasures(ChannelGates)

  /// The step has been taken: the loss before it, in nats, and how much of the training is done with
  /// it, up to 1.
  case trained(loss: Double, progress: Double)

  /// The loss over a batch and its gradient by the mixture's weights.
  case mixtureGradient(MixtureGradient)

  /// The scores.
  ///
  /// - Precondition: The question was for scores.
  var scores: [Score] {
    guard case .scores(let scores) = self else { preconditionFailure("\(self) has no scores") }
    return scores
  }

  /// The gradient of gates.
  ///
  /// - Precondition: The question was for one.
  var gateGradient: GateGradient {
    guard case .gateGradient(let gradient) = self else {
      preconditionFailure("\(self) has no gradient")
    }
    return gradient
  }

  /// What channels are worth.
  ///
  /// - Precondition: The question was for that.
  var channelMeasures: ChannelGates {
    guard case .channelMeasures(let measures) = self else {
      preconditionFailure("\(self) measures no channels")
    }
    return measures
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

/// An architecture and what an evaluator said of it.
public struct ScoredArchitecture: Hashable, Codable, Sendable {
  public var architecture: Architecture
  public var score: Score

  public init(_ architecture: Architecture, _ score: Score) {
    self.architecture = architecture
    self.score = score
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

/// The distributions that a search has learnt for a budget.
public struct Belief: Hashable, Codable, Sendable {
  public var budget: Budget?

  /// For each decision, the probability of each choice.
  public var probabilities: [[Double]]

  /// The architecture of the most probable choices.
  public var derived: Architecture

  /// The expected cost of an architecture drawn from the distributions, in the unit of the budget.
  public var expectedCost: Double?

  public init(
    budget: Budget?, probabilities: [[Double]], derived: Architecture, expectedCost: Double?
  ) {
    self.budget = budget
    self.probabilities = probabilities
    self.derived = derived
    self.expectedCost = expectedCost
  }
}

/// A reason why a search cannot start or go on.
public enum StrategyError: Error, Hashable, Sendable, CustomStringConvertible {
  /// No network of the space keeps to the budget.
  case unreachable(Budget, smallest: Int)

  /// The strategy knows no mixture of a decision's choices.
  case unmixable(decision: String)

  /// None of the candidates computed numbers.
  case noValidScore(candidates: Int)

  /// The space has more architectures than can be gone through.
  case tooManyArchitectures(TooManyArchitectures)

  /// The gated network does not compute numbers.
  case noGradient(step: Int)

  /// The trained weights are not all numbers.
  case noMeasure

  /// Channels that are to be told apart by their normalisation have none.
  case notNormalized(layer: String)

  public var description: String {
    switch self {
    case .tooManyArchitectures(let error): "\(error); raise limit, or use another strategy"
    case .unreachable(let budget, let smallest):
      "no network of the space has \(budget): the smallest has "
        + budget.metric.text(of: smallest)
    case .unmixable(let decision):
      "\(decision) is open, and this strategy searches only widths of convolutions and depths; leave "
        + "it one choice"
    case .noValidScore(let candidates):
      "none of \(candidates) candidates has a score that is a number; "
        + "lower the learning rate of the supernet"
    case .noGradient(let step):
      "the gates have no gradient at step \(step); lower the learning rate of the gates"
    case .noMeasure:
      "some weights are no numbers; lower the learning rate of the supernet"
    case .notNormalized(let layer):
      "network-slimming tells channels apart by the scales of their batch normalisation, and "
        + "'\(layer)' has none; l1-norm does without"
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
      let cost = self.cost(of: smallest(budget.metric))
      guard budget.admits(cost) else {
        throw .unreachable(budget, smallest: cost[budget.metric])
      }
    }
  }
}
