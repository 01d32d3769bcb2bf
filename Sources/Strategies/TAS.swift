import RealModule
public import SearchSpace

/// Transformable architecture search: a distribution over widths and depths, learnt by gradient.
///
/// > X. Dong, Y. Yang. "Network Pruning via Transformable Architecture Search." NeurIPS 2019.
/// > [arXiv:1905.09717](https://arxiv.org/abs/1905.09717)
///
/// Every decision has a distribution over its choices. Steps of two kinds take turns: one of the
/// shared weights on one half of the training images, one of the distributions on the other half. Both
/// compute a mixture drawn from the distributions: of each width two choices, of each depth all,
/// weighted so that the loss has a gradient by the distributions. A cost term pushes them towards
/// the budget. In the end each decision takes its most probable choice.
///
/// | Here | In the paper |
/// | --- | --- |
/// | `logits` | α of a width, β of a depth |
/// | ``Sample`` | I and p̂, equations 3 and 4 |
/// | `temperature` | τ |
/// | `channels` mixed | \|I\| = 2, with channel-wise interpolation, equations 5 and 6 |
/// | ``Settings/costWeight`` | λ_cost |
/// | ``Settings/tolerance`` | t |
/// | `costSign`, ``SearchSpace/ExpectedCost`` | equations 8 and 9 |
///
/// Departs from the paper and the authors' code:
/// - The cost term pushes down what costs too much; equation 9 is printed the other way round.
/// - The tolerance lies below the budget, as in the code, so that what is inside the band keeps to
///   the budget. The paper has it on both sides.
/// - The expected cost counts the convolutions that stand in shortcuts where widths differ, and what
///   follows a shortened stage reads its last block that is left. The code does neither.
/// - Where widths differ, the mixture computes the shortcut that the network will have. The code adds
///   the channels that both sides have in common.
/// - The depths of a stage are brought to the width of its last block, not to that of the widest.
/// - With several budgets each has distributions of its own over the same weights, and they take
///   turns. The paper has one budget.
/// - The distributions begin uniform; the code adds noise of deviation 0.01.
/// - Tied widths have one distribution together. The paper ties none.
public struct TAS: SearchStrategy {
  public static let startingWeights = StartingWeights.drawn

  public let settings: Settings

  private var learners: [Learner]
  private var turn = 0
  private var phase = Phase.weights
  private var trained = 0.0
  private var sample: Sample?
  private var question: Question?

  /// What can be set about the search.
  ///
  /// The initial values are the paper's; the code lets the temperature fall otherwise.
  public struct Settings: Hashable, Codable, Sendable {
    /// The learning rate of the distributions.
    public var rate = 1e-3

    /// What each logit adds to its gradient, as a share of itself.
    public var weightDecay = 1e-3

    /// The temperature at the start and at the end; between them it falls in a straight line.
    public var temperature = 10.0
    public var finalTemperature = 0.1

    /// The weight of the cost term beside the cross-entropy.
    public var costWeight = 2.0

    /// How far below the budget a network's cost may lie without being pushed up, as a share of the
    /// largest network's.
    public var tolerance = 0.05

    /// How many images the networks found are scored on.
    public var images = 2048

    public init() {}
  }

  private enum Phase: Codable {
    case weights
    case distributions
    case scoring
    case done
  }

  public init(
    space: SearchSpace, budgets: [Budget], settings: Settings = Settings()
  ) throws(StrategyError) {
    if let decision = space.unmixableDecisions.first {
      throw .unmixable(decision: decision.name)
    }
    try space.requireReachable(budgets) { space.cheapest(in: $0) }
    self.settings = settings
    let wishes: [Budget?] = budgets.isEmpty ? [nil] : budgets
    learners = wishes.map { Learner(budget: $0, space: space) }
    if space.decisions.isEmpty { phase = .scoring }
  }

  // MARK: Asking

  public mutating func ask(
    in space: SearchSpace, using generator: inout some RandomNumberGenerator
  ) -> Question? {
    if let question { return question }
    switch phase {
    case .weights:
      question = .trainMixture(draw(in: space, using: &generator))
    case .distributions:
      question = .differentiateMixture(draw(in: space, using: &generator))
    case .scoring:
      question = .score(candidates(in: space), images: settings.images)
    case .done:
      return nil
    }
    return question
  }

  private mutating func draw(
    in space: SearchSpace, using generator: inout some RandomNumberGenerator
  ) -> Mixture {
    let learner = learners[turn % learners.count]
    let temperature = temperature
    let sample = Sample(
      blends: zip(space.decisions, learner.logits).map { decision, logits in
        let noisy = logits.logSoftmax.map { ($0 + gumbel(using: &generator)) / temperature }
        let chosen: [Int] =
          if case .depth = decision.kind {
            Array(noisy.indices)
          } else {
            two(of: noisy.softmax, using: &generator)
          }
        return Mixture.Blend(choices: chosen, weights: chosen.map { noisy[$0] }.softmax)
      }, temperature: temperature)
    self.sample = sample
    return Mixture(blends: sample.blends)
  }

  /// The temperature of now.
  var temperature: Double {
    settings.temperature + trained * (settings.finalTemperature - settings.temperature)
  }

  // MARK: Being told

  public mutating func tell(_ answer: Answer, in space: SearchSpace) throws(StrategyError) -> [Int]
  {
    guard question != nil else { return [] }
    question = nil
    switch answer {
    case .trained(_, let progress):
      trained = progress
      phase = .distributions
    case .mixtureGradient(let gradient):
      guard let sample else { preconditionFailure("a gradient of nothing") }
      learners[turn % learners.count].learn(gradient, of: sample, settings, in: space)
      turn += 1
      phase = trained < 1 ? .weights : .scoring
    case .scores(let scores):
      phase = .done
      return scores.indices.filter { scores[$0].isValid }
    case .gateGradient, .channelMeasures:
      preconditionFailure("mixtures were asked about, not channels")
    }
    return []
  }

  public func progress(in space: SearchSpace) -> Double { phase == .done ? 1 : trained }

  // MARK: The outcome

  public var finalists: [Finalist] {
    guard phase == .done else { return [] }
    return learners.compactMap { learner in
      guard let budget = learner.budget, let outcome = learner.outcome else { return nil }
      return Finalist(budget: budget, architecture: outcome)
    }
  }

  public func beliefs(in space: SearchSpace) -> [Belief] {
    learners.map { learner in
      let probabilities = learner.logits.map(\.softmax)
      return Belief(
        budget: learner.budget, probabilities: probabilities, derived: learner.derived,
        expectedCost: learner.expectedCost(of: probabilities, in: space))
    }
  }

  private mutating func candidates(in space: SearchSpace) -> [Candidate] {
    var candidates: [Candidate] = []
    for index in learners.indices {
      let derived = learners[index].derived
      let outcome = learners[index].settle(settings, in: space)
      guard !candidates.contains(where: { $0.architecture == outcome }) else { continue }
      candidates.append(
        Candidate(
          outcome, role: outcome == derived ? "derived" : "most probable in the band"))
    }
    return candidates
  }
}

/// A mixture as it was drawn.
package struct Sample: Hashable, Codable, Sendable {
  package var blends: [Mixture.Blend]

  /// What the noisy logits were divided by.
  package var temperature: Double

  package init(blends: [Mixture.Blend], temperature: Double) {
    self.blends = blends
    self.temperature = temperature
  }

  /// The gradient of a loss by the logits of each decision.
  ///
  /// Each weight is the softmax of the noisy logits drawn. Their common normalisation does not
  /// matter to it, so only the logits of the choices drawn have a slope.
  ///
  /// - Parameters:
  ///   - slopes: The derivative of the loss by the weight of each choice drawn.
  ///   - counts: How many choices each decision has.
  /// - Returns: For each decision, the derivative by each of its logits.
  package func logitGradient(of slopes: [[Double]], counts: [Int]) -> [[Double]] {
    zip(zip(blends, slopes), counts).map { drawn, count in
      let (blend, slopes) = drawn
      let mean = zip(blend.weights, slopes).reduce(0) { $0 + $1.0 * $1.1 }
      var gradient = [Double](repeating: 0, count: count)
      for (choice, (weight, slope)) in zip(blend.choices, zip(blend.weights, slopes)) {
        gradient[choice] = weight * (slope - mean) / temperature
      }
      return gradient
    }
  }
}

/// The distributions that one budget is searched with.
private struct Learner: Codable, Sendable {
  let budget: Budget?
  var logits: [[Double]]
  var outcome: Architecture?
  private var optimizer: Adam
  private var cost = Recomputed<ExpectedCost>()

  init(budget: Budget?, space: SearchSpace) {
    self.budget = budget
    logits = space.decisions.map { $0.choices.map { _ in 0 } }
    optimizer = Adam(count: logits.joined().count)
  }

  /// Each decision's most probable choice; of equals, the largest.
  var derived: Architecture {
    Architecture(choices: logits.map(\.mostProbable))
  }

  /// Takes a step on the distributions.
  mutating func learn(
    _ gradient: MixtureGradient, of sample: Sample, _ settings: TAS.Settings,
    in space: SearchSpace
  ) {
    var slopes = sample.logitGradient(of: gradient.weights, counts: logits.map(\.count))
    let sign = costSign(settings, in: space)
    if sign != 0, let budget {
      let probabilities = logits.map(\.softmax)
      let (cost, costSlopes) = cost.value { ExpectedCost(of: space, in: budget.metric) }
        .value(of: probabilities)
      for decision in slopes.indices {
        // The derivative of the cost's logarithm, through the softmax.
        let mean = zip(probabilities[decision], costSlopes[decision]).reduce(0) { $0 + $1.0 * $1.1 }
        for choice in slopes[decision].indices {
          slopes[decision][choice] +=
            settings.costWeight * sign / cost * probabilities[decision][choice]
            * (costSlopes[decision][choice] - mean)
        }
      }
    }
    var flat = Array(logits.joined())
    optimizer.step(
      &flat, against: Array(slopes.joined()),
      Adam.Settings(rate: settings.rate, momentum: 0.5, weightDecay: settings.weightDecay))
    var start = 0
    for decision in logits.indices {
      let end = start + logits[decision].count
      logits[decision] = Array(flat[start..<end])
      start = end
    }
  }

  /// Which way the cost is to go: 1 to have it fall, -1 to have it rise, 0 to leave it.
  private func costSign(_ settings: TAS.Settings, in space: SearchSpace) -> Double {
    guard let budget else { return 0 }
    let present = space.cost(of: derived)[budget.metric]
    if present > budget.limit { return 1 }
    return present < leastCost(settings, in: space) ? -1 : 0
  }

  /// The lower end of the band that the cost is to lie in; the budget is the upper.
  private func leastCost(_ settings: TAS.Settings, in space: SearchSpace) -> Int {
    guard let budget else { return 0 }
    let largest = space.cost(of: space.largest)[budget.metric]
    // No network costs more than the largest.
    return min(budget.limit, largest) - Int(settings.tolerance * Double(largest))
  }

  func expectedCost(of probabilities: [[Double]], in space: SearchSpace) -> Double? {
    budget.map { ExpectedCost(of: space, in: $0.metric).value(of: probabilities).cost }
  }

  /// Decides on the outcome: the derived network if its cost lies in the band, else the most
  /// probable one in it.
  mutating func settle(_ settings: TAS.Settings, in space: SearchSpace) -> Architecture {
    // What is most probable of all comes first.
    let outcome =
      budget.map { budget in
        space.mostProbable(
          logits.map(\.logSoftmax), within: budget, atLeast: leastCost(settings, in: space))
      } ?? derived
    self.outcome = outcome
    return outcome
  }
}

// MARK: - Distributions

/// Noise whose addition makes the largest logit a draw from their softmax.
private func gumbel(using generator: inout some RandomNumberGenerator) -> Double {
  // Half a step above zero and below one: both logarithms are finite.
  -.log(-.log(generator.uniform() + 0x1p-54))
}

/// Draws two different choices, or the only one, ascending.
private func two(
  of probabilities: [Double], using generator: inout some RandomNumberGenerator
) -> [Int] {
  guard probabilities.count > 2 else { return Array(probabilities.indices) }
  // A probability may have been rounded to zero.
  var remaining = probabilities.map { $0 + 1e-7 }
  let drawn = (0..<2).map { _ in
    var point = generator.uniform() * remaining.reduce(0, +)
    var last = 0
    for (choice, probability) in remaining.enumerated() where probability > 0 {
      last = choice
      point -= probability
      if point < 0 { break }
    }
    remaining[last] = 0
    return last
  }
  return drawn.sorted()
}

extension [Double] {
  var logSoftmax: [Double] {
    let largest = self.max() ?? 0
    let sum = reduce(0) { $0 + .exp($1 - largest) }
    return map { $0 - largest - .log(sum) }
  }

  var softmax: [Double] { logSoftmax.map { .exp($0) } }
}
