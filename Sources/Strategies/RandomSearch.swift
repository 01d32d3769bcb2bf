public import SearchSpace

/// A search that learns nothing: every architecture is drawn at random.
///
/// The baseline that any other strategy has to beat.
///
/// > L. Li, A. Talwalkar. "Random Search and Reproducibility for Neural Architecture Search."
/// > UAI 2019. [arXiv:1902.07638](https://arxiv.org/abs/1902.07638)
///
/// Each network of the space is equally likely; one beyond the budget is brought back within it, see
/// ``ArchitectureSampler``. The candidates take turns with the budgets, so each gets its share.
///
/// Departs from the paper: there the networks drawn are trained on their own or share weights
/// trained for single paths; here they share those of the supernet.
public struct RandomSearch: SearchStrategy {
  /// The budgets to meet.
  public let budgets: [Budget]

  public let settings: Settings

  private var drawn = 0
  private var question: Question?
  private var best: [Found] = []

  /// What can be set about the search.
  public struct Settings: Hashable, Codable, Sendable {
    /// How many architectures are drawn.
    public var trials = 100

    /// How many images each is scored on.
    public var images = 2048

    public init() {}
  }

  private struct Found: Codable {
    var budget: Budget
    var architecture: Architecture
    var score: Score
  }

  /// How many candidates are asked about at a time.
  private static let batch = 16

  /// Creates a search in `space`.
  ///
  /// - Throws: ``StrategyError/unreachable(_:smallest:)`` if a budget cannot be met.
  public init(
    space: SearchSpace, budgets: [Budget], settings: Settings = Settings()
  ) throws(StrategyError) {
    try space.requireReachable(budgets) { space.cheapest(in: $0) }
    self.budgets = budgets
    self.settings = settings
  }

  public var finalists: [Finalist] {
    best.map { Finalist(budget: $0.budget, architecture: $0.architecture) }
  }

  public mutating func ask(
    in space: SearchSpace, using generator: inout some RandomNumberGenerator
  ) -> Question? {
    if let question { return question }
    guard drawn < settings.trials else { return nil }
    let samplers = Self.samplers(of: space, budgets)
    let candidates = (0..<min(Self.batch, settings.trials - drawn)).map { index in
      let sampler = samplers[(drawn + index) % samplers.count]
      return Candidate(sampler.randomArchitecture(using: &generator), role: "random")
    }
    question = .score(candidates, images: settings.images)
    return question
  }

  public mutating func tell(
    _ answer: Answer, in space: SearchSpace
  ) throws(StrategyError) -> [Int] {
    guard let question else { return [] }
    for (candidate, score) in zip(question.candidates, answer.scores) where score.isValid {
      let cost = space.network(of: candidate.architecture).cost
      for budget in budgets where budget.admits(cost) {
        let found = Found(budget: budget, architecture: candidate.architecture, score: score)
        if let place = best.firstIndex(where: { $0.budget == budget }) {
          if score.isBetter(than: best[place].score) { best[place] = found }
        } else {
          best.append(found)
        }
      }
    }
    drawn += question.candidates.count
    self.question = nil
    return []
  }

  public func progress(in space: SearchSpace) -> Double {
    Double(drawn) / Double(max(1, settings.trials))
  }

  /// One sampler for each budget, or one for all architectures if there is none.
  private static func samplers(of space: SearchSpace, _ budgets: [Budget]) -> [ArchitectureSampler]
  {
    let census = ArchitectureCensus(of: space)
    let wishes = budgets.isEmpty ? [[]] : budgets.map { [$0] }
    // The initialiser has made sure that each can be met.
    return wishes.compactMap { try? ArchitectureSampler(of: census, within: $0) }
  }
}
