import SearchSpace

/// A search that asks for one generation of candidates after the other and remembers every score.
///
/// What is left to its conformers is how a generation is made and what is kept of it. The rest is
/// the same for all: no architecture is asked about twice, the last generation counts like any
/// other, and the best network within each budget is the finalist.
protocol GenerationalSearch: SearchStrategy where Settings: GenerationalSettings {
  /// What the search is about, what it was told, and what it waits for.
  var record: SearchRecord<Settings> { get set }

  /// Begins a search with nothing told.
  init(record: SearchRecord<Settings>)

  /// Proposes the candidates of the next question.
  ///
  /// - Parameters:
  ///   - generation: Receives them; the search ends if it stays empty.
  ///   - generator: What is random comes from here.
  mutating func propose(
    _ generation: inout Generation, using generator: inout some RandomNumberGenerator)

  /// Decides what the search goes on with.
  ///
  /// - Parameter newcomers: The places in the history of what was scored last.
  /// - Returns: Those of them that it keeps.
  mutating func select(_ newcomers: [Int]) -> [Int]
}

/// What can be set about every search that goes by generations.
public protocol GenerationalSettings: Hashable, Codable, Sendable {
  /// How many architectures are scored in all, known ones aside.
  var trials: Int { get }

  /// How many images each is scored on.
  var images: Int { get }

  /// The defaults.
  init()
}

extension GenerationalSearch {
  /// Creates a search in a space.
  ///
  /// - Parameters:
  ///   - space: The space to search in.
  ///   - budgets: The budgets to meet.
  ///   - settings: How to search.
  /// - Throws: ``StrategyError/unreachable(_:smallest:)`` if a budget cannot be met.
  public init(
    space: SearchSpace, budgets: [Budget], settings: Settings = Settings()
  ) throws(StrategyError) {
    try space.requireReachable(budgets) { space.cheapest(in: $0) }
    self.init(record: SearchRecord(budgets: budgets, settings: settings))
  }

  /// How to search.
  public var settings: Settings { record.settings }

  /// The budgets to meet.
  public var budgets: [Budget] { record.budgets }

  public var finalists: [Finalist] { record.history.finalists(within: record.budgets) }

  public func progress(in space: SearchSpace) -> Double {
    Double(record.asked) / Double(max(1, settings.trials))
  }

  public mutating func warmStart(from known: [ScoredArchitecture], in space: SearchSpace) {
    precondition(record.question == nil && record.asked == 0, "the search has begun")
    var places: [Int] = []
    for scored in known {
      let architecture = space.canonical(scored.architecture)
      if !record.history.contains(architecture) { places.append(record.history.count) }
      record.history.add(
        .init(
          architecture: architecture, score: scored.score,
          cost: space.cost(of: architecture)))
    }
    record.known = record.history.count
    _ = select(places.filter { record.history[$0].score.isValid })
  }

  public mutating func ask(
    in space: SearchSpace, using generator: inout some RandomNumberGenerator
  ) -> Question? {
    if let question = record.question { return question }
    guard record.asked < settings.trials else { return nil }
    var generation = Generation(
      in: record.region(of: space), after: record.history, atMost: settings.trials - record.asked)
    propose(&generation, using: &generator)
    guard !generation.candidates.isEmpty else { return nil }
    record.question = .score(generation.candidates, images: settings.images)
    return record.question
  }

  public mutating func tell(
    _ answer: Answer, in space: SearchSpace
  ) throws(StrategyError) -> [Int] {
    guard let question = record.question else { return [] }
    let first = record.history.count
    for (candidate, score) in zip(question.candidates, answer.scores) {
      let cost = space.cost(of: candidate.architecture)
      record.history.add(.init(architecture: candidate.architecture, score: score, cost: cost))
    }
    record.question = nil
    let newcomers = (first..<record.history.count).filter { record.history[$0].score.isValid }
    return select(newcomers).map { $0 - first }
  }
}

/// What a generational search is about, what it was told, and what it waits for.
struct SearchRecord<Settings: GenerationalSettings>: Codable, Sendable {
  /// The budgets to meet.
  let budgets: [Budget]

  let settings: Settings

  var history = SearchHistory()

  /// How many architectures at the start of the history were known without asking.
  var known = 0

  /// What was asked and not yet answered.
  var question: Question?

  private var knownRegion = Recomputed<SearchRegion>()

  init(budgets: [Budget], settings: Settings) {
    self.budgets = budgets
    self.settings = settings
  }

  /// How many architectures were asked about and answered.
  var asked: Int { history.count - known }

  /// By how much of a budget a cost is beyond the budget that is nearest; 0 if it is within one.
  func violation(of cost: Cost) -> Double {
    budgets.map { max(0, Double(cost[$0.metric] - $0.limit) / Double(max(1, $0.limit))) }.min() ?? 0
  }

  /// Where the search may look.
  mutating func region(of space: SearchSpace) -> SearchRegion {
    let budgets = budgets
    return knownRegion.value { SearchRegion(of: space, within: budgets) }
  }
}

/// The architectures that keep to at least one of a search's budgets.
///
/// Each budget asks for a network of its own, so what keeps to one of them is of use, and only that
/// is. A search gives its candidates to the budgets in turns.
struct SearchRegion: Sendable {
  /// One for each budget, or one for all architectures if there is none.
  let samplers: [ArchitectureSampler]

  init(of space: SearchSpace, within budgets: [Budget]) {
    let census = ArchitectureCensus(of: space)
    let wishes = budgets.isEmpty ? [[]] : budgets.map { [$0] }
    // Whoever makes a region has made sure that each can be met.
    samplers = wishes.compactMap { try? ArchitectureSampler(of: census, within: $0) }
  }

  var space: SearchSpace { samplers[0].space }

  /// The cheapest and the dearest networks within each budget: the ends of the frontier.
  func corners(
    of metrics: [Cost.Metric], using generator: inout some RandomNumberGenerator
  ) -> [Architecture] {
    metrics.flatMap { metric in
      let ends = [space.cheapest(in: metric), space.dearest(in: metric)]
      return samplers.flatMap { sampler in
        ends.map { sampler.repaired($0, using: &generator) }
      }
    }
  }
}

/// The candidates of a question in the making: none twice, none that was asked about before.
struct Generation {
  let region: SearchRegion
  let history: SearchHistory

  /// The most candidates that there may be.
  let limit: Int

  private(set) var candidates: [Candidate] = []
  private var architectures: Set<Architecture> = []
  private var turn: Int

  /// How often in a row something known may come out before nothing new is expected any more.
  private static let patience = 200

  init(in region: SearchRegion, after history: SearchHistory, atMost limit: Int) {
    self.region = region
    self.history = history
    self.limit = limit
    turn = history.count
  }

  var isFull: Bool { candidates.count >= limit }

  /// Adds an architecture, unless it is known or there is no room.
  ///
  /// - Returns: Whether it was added.
  @discardableResult
  mutating func add(_ architecture: Architecture, role: String) -> Bool {
    guard !isFull, !history.contains(architecture),
      architectures.insert(architecture).inserted
    else { return false }
    candidates.append(Candidate(architecture, role: role))
    return true
  }

  /// Adds candidates until there are so many, or until nothing new comes out any more.
  ///
  /// - Parameters:
  ///   - count: How many candidates there shall be in all.
  ///   - role: What leads to them.
  ///   - make: Makes one for the budget whose turn it is, given by its place and its sampler.
  mutating func fill(
    to count: Int, role: String, _ make: (Int, ArchitectureSampler) -> Architecture
  ) {
    var failures = 0
    while candidates.count < min(count, limit), failures < Self.patience {
      let budget = turn % region.samplers.count
      turn += 1
      let made = make(budget, region.samplers[budget])
      failures = add(made, role: role) ? 0 : failures + 1
    }
  }
}

extension Array {
  /// One of the elements, each being equally likely.
  ///
  /// - Precondition: There are some.
  func random(using generator: inout some RandomNumberGenerator) -> Element {
    self[.random(in: indices, using: &generator)]
  }
}
