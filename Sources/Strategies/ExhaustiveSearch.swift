public import SearchSpace

/// A search that leaves nothing out: every architecture within the budgets, in order.
///
/// For spaces that are small enough, and for tables of networks that are known already.
public struct ExhaustiveSearch: SearchStrategy {
  /// The budgets to meet.
  public let budgets: [Budget]

  public let settings: Settings

  /// How many architectures the space has.
  private let size: Int

  /// How many of them were gone through, those beyond the budgets too.
  private var passed = 0
  private var last: Architecture?
  private var question: Question?
  private var best: [Best] = []
  private var architectures = Recomputed<AllArchitectures>()

  /// What can be set about the search.
  public struct Settings: Hashable, Codable, Sendable {
    /// The most architectures that the space may have, counted without the budgets.
    public var limit = 10_000

    /// How many images each is scored on.
    public var images = 2048

    public init() {}
  }

  private struct Best: Codable {
    var budget: Budget
    var architecture: Architecture
    var score: Score
  }

  /// How many candidates are asked about at a time.
  private static let batch = 64

  /// Creates a search in `space`.
  ///
  /// - Throws: ``StrategyError/tooManyArchitectures(_:)`` if the space is too large,
  ///   ``StrategyError/unreachable(_:smallest:)`` if a budget cannot be met.
  public init(
    space: SearchSpace, budgets: [Budget], settings: Settings = Settings()
  ) throws(StrategyError) {
    try space.requireReachable(budgets) { space.cheapest(in: $0) }
    let count = ArchitectureCensus(of: space).count
    guard let size = count.int, size <= settings.limit else {
      throw .tooManyArchitectures(TooManyArchitectures(count: count, limit: settings.limit))
    }
    self.size = size
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
    var rest = architectures.value { AllArchitectures(of: space, after: last) }
    var candidates: [Candidate] = []
    while candidates.count < Self.batch, let next = rest.next() {
      passed += 1
      last = next
      let cost = space.cost(of: next)
      guard budgets.isEmpty || budgets.contains(where: { $0.admits(cost) }) else { continue }
      candidates.append(Candidate(next, role: "next"))
    }
    architectures.keep(rest)
    guard !candidates.isEmpty else { return nil }
    question = .score(candidates, images: settings.images)
    return question
  }

  public mutating func tell(
    _ answer: Answer, in space: SearchSpace
  ) throws(StrategyError) -> [Int] {
    guard let question else { return [] }
    for (candidate, score) in zip(question.candidates, answer.scores) where score.isValid {
      let cost = space.cost(of: candidate.architecture)
      for budget in budgets where budget.admits(cost) {
        let found = Best(budget: budget, architecture: candidate.architecture, score: score)
        if let place = best.firstIndex(where: { $0.budget == budget }) {
          if score.isBetter(than: best[place].score) { best[place] = found }
        } else {
          best.append(found)
        }
      }
    }
    self.question = nil
    return []
  }

  public func progress(in space: SearchSpace) -> Double {
    Double(passed) / Double(max(1, size))
  }
}
