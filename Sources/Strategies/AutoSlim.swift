public import SearchSpace

/// Greedy slimming: again and again, the width whose narrowing hurts accuracy least is narrowed.
///
/// > J. Yu, T. Huang. "AutoSlim: Towards One-Shot Architecture Search for Channel Numbers."
/// > [arXiv:1903.11728](https://arxiv.org/abs/1903.11728), section 3.
///
/// The candidates of a step are the present network with each of its widths in turn one choice
/// narrower, scored with the weights of a supernet trained for all widths. The search descends from
/// the largest network and meets every budget on its way, the largest first, so the networks found
/// are nested.
///
/// | Here | In the paper |
/// | --- | --- |
/// | supernet | slimmable network |
/// | decision | layer (or layers tied by a residual connection) |
/// | choice | number of channel groups |
/// | ``Settings/images`` | size of the validation batch |
/// | ``budgets`` | target FLOPs |
///
/// Departs from the paper and the authors' code:
/// - A depth is slimmed as a width is, a block being a notch. The paper has only widths.
/// - A decision at its smallest choice is no candidate. The code gives it an error of 1, which can
///   be the least there is.
/// - A budget that the smallest network exceeds is an error before the search starts.
/// - A budget is met by what equals it, and by the first network that does: the code takes one
///   more step after each budget, and wants strictly less.
/// - Equal errors are told apart by the loss, then by the order of the layers.
/// - The images are part of no training step and are not augmented.
public struct AutoSlim: SearchStrategy {
  /// The budgets to meet.
  public let budgets: [Budget]

  public let settings: Settings

  private var current: Architecture
  private var phase = Phase.start
  private var question: Question?
  public private(set) var finalists: [Finalist] = []

  /// What can be set about the search.
  public struct Settings: Hashable, Codable, Sendable {
    /// How many images each candidate is scored on.
    public var images = 2048

    public init() {}
  }

  private enum Phase: Codable {
    case start
    case slimming
  }

  /// Creates a search that descends from the largest network of `space`.
  ///
  /// - Throws: ``StrategyError/unreachable(_:smallest:)`` if a budget cannot be met.
  public init(
    space: SearchSpace, budgets: [Budget], settings: Settings = Settings()
  ) throws(StrategyError) {
    // Slimming lowers every decision as far as it goes.
    try space.requireReachable(budgets) { _ in space.smallest }
    self.budgets = budgets
    self.settings = settings
    current = space.largest
  }

  public mutating func ask(
    in space: SearchSpace, using generator: inout some RandomNumberGenerator
  ) -> Question? {
    if let question { return question }
    switch phase {
    case .start:
      question = .score([Candidate(current, role: "largest")], images: settings.images)
    case .slimming:
      guard finalists.count < budgets.count else { return nil }
      question = .score(narrowed(in: space), images: settings.images)
    }
    return question
  }

  public mutating func tell(
    _ answer: Answer, in space: SearchSpace
  ) throws(StrategyError) -> [Int] {
    guard let question else { return [] }
    let scores = answer.scores
    var best: Int?
    for (index, score) in scores.enumerated() where score.isValid {
      if let incumbent = best, !score.isBetter(than: scores[incumbent]) { continue }
      best = index
    }
    guard let best else { throw .noValidScore(candidates: scores.count) }
    current = question.candidates[best].architecture
    phase = .slimming
    self.question = nil
    recordBudgetsMet(in: space)
    return [best]
  }

  public func progress(in space: SearchSpace) -> Double {
    let largest = space.cost(of: space.largest)
    let present = space.cost(of: current)
    // The budget that is farthest away ends the search.
    return budgets.reduce(1) { progress, budget in
      let way = Double(largest[budget.metric] - budget.limit)
      let gone = Double(largest[budget.metric] - present[budget.metric])
      return way > 0 ? min(progress, gone / way) : progress
    }
  }

  /// The present network with each of its decisions in turn one choice smaller.
  private func narrowed(in space: SearchSpace) -> [Candidate] {
    space.decisions.indices.compactMap { decision in
      space.lowering(decision, of: current).map {
        Candidate($0, role: space.decisions[decision].name)
      }
    }
  }

  private mutating func recordBudgetsMet(in space: SearchSpace) {
    let cost = space.cost(of: current)
    for budget in budgets
    where budget.admits(cost) && !finalists.contains(where: { $0.budget == budget }) {
      finalists.append(Finalist(budget: budget, architecture: current))
    }
  }
}
