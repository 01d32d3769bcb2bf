import SearchSpace
import Strategies

/// How well strategies search a table of known networks.
///
/// Every strategy searches the whole space, without budgets, once for each seed from 1 on.
public struct StrategyBenchmark {
  /// The name of the space.
  public let space: String

  /// How many networks the table has.
  public let networks: Int

  private let table: ArchitectureTable
  private let best: Double
  private let reference: CostAndAccuracy
  private let wholeVolume: Double

  /// After how many scores a search is looked at.
  public static let checkpoints = [50, 100, 200, 500]

  /// From one point of a curve to the next, in scores.
  public static let spacing = 10

  private static let trials = 500

  /// Reads the table of a plan.
  ///
  /// - Throws: ``TableError`` if something is wrong with it; ``StudyError`` if the plan has none.
  public init(of plan: Plan) throws {
    guard case .table(let table) = try StudyMaterial(plan).source else {
      throw StudyError.noTable(study: plan.study)
    }
    self.table = table
    space = table.space.name
    networks = table.rows.count
    let points = table.rows.map { architecture, row in
      CostAndAccuracy(
        cost: Double(table.space.cost(of: architecture).macs), accuracy: row.accuracy)
    }
    best = points.map(\.accuracy).max() ?? 0
    reference = CostAndAccuracy(
      cost: points.map(\.cost).max() ?? 0, accuracy: points.map(\.accuracy).min() ?? 0)
    wholeVolume = points.hypervolume(from: reference)
  }

  /// The strategies that are compared, with their settings.
  static var strategies: [Plan.Strategy] {
    var random = RandomSearch.Settings()
    random.trials = trials
    var regularized = RegularizedEvolution.Settings()
    regularized.trials = trials
    var spos = SPOS.Settings()
    spos.trials = trials
    var nsga2 = NSGA2.Settings()
    nsga2.trials = trials
    var predictor = PredictorSearch.Settings()
    predictor.trials = trials
    return [
      Plan.Strategy(RandomSearch.self, random),
      Plan.Strategy(RegularizedEvolution.self, regularized),
      Plan.Strategy(SPOS.self, spos), Plan.Strategy(NSGA2.self, nsga2),
      Plan.Strategy(PredictorSearch.self, predictor),
    ]
  }

  /// The names of the strategies that are compared.
  public static var names: [String] { strategies.map(\.name) }

  /// Runs the searches of one strategy.
  ///
  /// - Parameters:
  ///   - name: One of ``names``.
  ///   - seeds: How many searches there are.
  /// - Returns: How they did.
  /// - Throws: ``TableError`` if the table lacks a network.
  public func figures(of name: String, seeds: Int) throws -> StrategyFigures {
    guard let strategy = Self.strategies.first(where: { $0.name == name }) else {
      preconditionFailure("\(name) is none of \(Self.names)")
    }
    let curves = try (1...max(1, seeds)).map { seed in
      try curve(of: strategy.search(in: table.space, within: []), seed: UInt64(seed))
    }
    return StrategyFigures(strategy: name, curves: curves)
  }

  /// Follows one search.
  private func curve(
    of start: any SearchStrategy, seed: UInt64
  ) throws -> [StrategyFigures.Point] {
    var strategy = start
    var generator = SeededGenerator(seed: seed, stream: "strategy")
    var found: [CostAndAccuracy] = []
    var best = 0.0
    var curve: [StrategyFigures.Point] = []
    func look() {
      curve.append(
        .init(
          regret: self.best - best,
          hypervolume: found.hypervolume(from: reference) / wholeVolume))
    }
    while let question = strategy.ask(in: table.space, using: &generator) {
      var scores: [Score] = []
      for candidate in question.candidates {
        let score = try table.score(of: candidate.architecture)
        scores.append(score)
        best = max(best, score.accuracy)
        let cost = Double(table.space.cost(of: candidate.architecture).macs)
        found.append(CostAndAccuracy(cost: cost, accuracy: score.accuracy))
        if found.count.isMultiple(of: Self.spacing) { look() }
      }
      _ = try strategy.tell(.scores(scores), in: table.space)
    }
    // A search that ended early finds nothing more.
    while curve.count < Self.trials / Self.spacing { look() }
    return curve
  }

  /// How long a strategy takes for a thousand proposals where few networks are allowed: those of an
  /// elastic MobileNetV2 among the cheapest fiftieth.
  ///
  /// - Returns: Seconds of asking and telling alone; scores are drawn.
  public static func secondsForThousandProposals(of name: String) throws -> Double {
    var settings = Family.Settings()
    settings.smallestDepth = 1
    let space = try Family.mobileNetV2.space(
      input: Shape(channels: 3, height: 32, width: 32), classes: 10, settings: settings)
    let census = ArchitectureCensus(of: space)
    var generator = SeededGenerator(seed: 1)
    let costs = (0..<1000).map { _ in
      space.cost(of: census.randomArchitecture(using: &generator)).macs
    }.sorted()
    let budget = Budget(.macs, atMost: costs[costs.count / 50])
    guard let strategy = strategies.first(where: { $0.name == name }) else {
      preconditionFailure("\(name) is none of \(names)")
    }
    let clock = ContinuousClock()
    var asked = 0
    let time = try clock.measure {
      while asked < 1000 {
        var search = try strategy.search(in: space, within: [budget])
        while asked < 1000, let question = search.ask(in: space, using: &generator) {
          asked += question.candidates.count
          let scores = question.candidates.map { _ in
            Score(correct: .random(in: 0...1000, using: &generator), images: 1000, loss: 1)
          }
          _ = try search.tell(.scores(scores), in: space)
        }
      }
    }
    return time.seconds * 1000 / Double(asked)
  }
}

/// How one strategy did.
public struct StrategyFigures: Sendable {
  public let strategy: String

  /// For each seed, a point after every ``StrategyBenchmark/spacing`` scores.
  let curves: [[Point]]

  /// What a search has come to.
  public struct Point: Hashable, Sendable {
    /// By how much the best accuracy of the table is better than the best found.
    public var regret: Double

    /// The hypervolume of MACs and accuracy found, as a share of that of the whole table.
    public var hypervolume: Double
  }

  /// A mean over the seeds, and its standard error.
  public struct Mean: Hashable, Sendable {
    public let value: Double
    public let error: Double

    init(of values: [Double]) {
      let count = Double(values.count)
      let mean = values.reduce(0, +) / count
      value = mean
      let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
      error = count > 1 ? (squares / (count - 1) / count).squareRoot() : 0
    }
  }

  /// How many points each curve has.
  public var count: Int { curves[0].count }

  /// A mean at a point of the curves.
  public func mean(_ figure: KeyPath<Point, Double>, at point: Int) -> Mean {
    Mean(of: curves.map { $0[point][keyPath: figure] })
  }

  /// A mean after so many scores, which must be a multiple of ``StrategyBenchmark/spacing``.
  public func mean(_ figure: KeyPath<Point, Double>, after scores: Int) -> Mean {
    mean(figure, at: scores / StrategyBenchmark.spacing - 1)
  }
}
