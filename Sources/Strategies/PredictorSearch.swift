import LinearAlgebra
import RealModule
import SearchSpace

/// What was scored so far predicts what is not: evolution over predictions proposes what is scored
/// next.
///
/// > D. Cummings, A. Sarah, S. N. Sridhar, M. Szankin, J. P. Munoz, S. Sundaresan. "A Hardware-Aware
/// > Framework for Accelerating Neural Architecture Search Across Modalities."
/// > [arXiv:2205.10358](https://arxiv.org/abs/2205.10358), section 3.3: LINAS.
///
/// | Here | In the paper |
/// | --- | --- |
/// | ``Settings/batch`` | population of a validation round |
/// | ``Settings/trials`` | iterations · population |
/// | process | accuracy predictor |
/// | ``Settings/population``, ``Settings/generations`` | of the inner loop, by NSGA-II |
///
/// Departs from the paper and the authors' code:
/// - The predictor is a ``GaussianProcess`` over the decisions, in which those that size nothing make
///   no difference. The paper's are ridge and support vector regression over all of them.
/// - It is fitted to the ranks of the scores, so neither a few hopeless networks nor the scale of
///   the accuracies sway it. The paper fits the accuracies.
/// - Half of a batch is what promises the most within each budget. The other half are networks of
///   random cost that are the best in functions drawn from the process, which finds out about what
///   it is unsure of. The paper scores the last population of the inner loop.
/// - Costs are counted, not predicted, and nothing is scored twice. The code scores again what it
///   already knows.
/// - The first batch has the cheapest and the dearest network within each budget.
///
/// > W. R. Thompson. "On the Likelihood that One Unknown Probability Exceeds Another in View of the
/// > Evidence of Two Samples." Biometrika 25, 1933: the best in a function drawn.
public struct PredictorSearch: SearchStrategy, GenerationalSearch {
  var record: SearchRecord<Settings>

  /// Where the next fit begins.
  private var weights: GaussianProcess.Weights?

  private var metric = Recomputed<FeatureMetric>()

  /// What can be set about the search.
  public struct Settings: GenerationalSettings {
    /// How many architectures are scored.
    public var trials = 250

    /// How many are scored together, as long as few are known; later a quarter of what is known.
    public var batch = 20

    /// How many architectures survive a generation of the evolution over predictions.
    public var population = 100

    /// How many generations that evolution has.
    public var generations = 10

    /// How many images each is scored on.
    public var images = 2048

    public init() {}
  }

  init(record: SearchRecord<Settings>) { self.record = record }

  /// The costs that the search is about.
  private var metrics: [Cost.Metric] {
    let budgeted = Cost.Metric.allCases.filter { record.budgets.map(\.metric).contains($0) }
    return budgeted.isEmpty ? [.macs] : budgeted
  }

  /// How many are scored together now: a prediction from many scores takes longer, and one more
  /// changes it less.
  private var batch: Int { max(settings.batch, record.history.count / 4) }

  mutating func propose(
    _ generation: inout Generation, using generator: inout some RandomNumberGenerator
  ) {
    let known = lessons()
    if record.history.count >= settings.batch, known.count > 1 {
      let process = fit(to: known, in: generation.region)
      let pool = evolve(by: process, from: known, in: generation.region, using: &generator)
      pickBest(of: pool, for: &generation)
      pickUnsure(of: pool, by: process, for: &generation, using: &generator)
    } else {
      for corner in generation.region.corners(of: metrics, using: &generator) {
        generation.add(corner, role: "corner")
      }
    }
    generation.fill(to: batch, role: "random") {
      $1.randomArchitecture(using: &generator)
    }
  }

  /// Of everyone something was learnt.
  func select(_ newcomers: [Int]) -> [Int] { newcomers }

  // MARK: - Predictor

  /// More scores than these make no better predictor that would be worth its time.
  private static let mostLessons = 400

  /// What the predictor learns from: all valid scores, or the best and the latest of very many.
  private func lessons() -> [Int] {
    let ranking = record.history.ranking()
    guard ranking.count > Self.mostLessons else { return ranking }
    let best = ranking.prefix(Self.mostLessons / 2)
    let latest = Set(ranking).subtracting(best).sorted().suffix(Self.mostLessons / 2)
    return Array(best) + latest
  }

  /// Fits a process to the ranks of what is known, given by places in the history, the best first.
  private mutating func fit(to known: [Int], in region: SearchRegion) -> GaussianProcess {
    let history = record.history
    let metric = metric.value { FeatureMetric(of: region.space) }
    // Ranks as the logistic distribution has them, so that the extremes stand out a little.
    let values = known.indices.map { rank in
      let share = (Double(rank) + 0.5) / Double(known.count)
      return Double.log((1 - share) / share)
    }
    let process = GaussianProcess(
      values, at: metric.points(known.map { history[$0].architecture }), metric,
      from: weights ?? .init(featureCount: metric.featureCount),
      steps: weights == nil ? 20 : known.count < Self.mostLessons / 2 ? 6 : 2)
    weights = process.weights
    return process
  }

  // MARK: - Evolution

  /// One of so many members that the evolution begins with is drawn; the others are known.
  private static let newcomerShare = 4

  /// Architectures whose accuracy is predicted.
  private struct Pool {
    var members: [Member] = []

    struct Member {
      var architecture: Architecture
      var cost: Cost
      var prediction: Double
      var point: ObjectivePoint
    }
  }

  /// Has NSGA-II search for the frontier of cost and predicted accuracy.
  ///
  /// - Returns: All architectures that it came across and nobody has scored yet.
  private func evolve(
    by process: GaussianProcess, from known: [Int], in region: SearchRegion,
    using generator: inout some RandomNumberGenerator
  ) -> Pool {
    let history = record.history
    let metric = process.metric
    var pool = Pool()
    let entries = known.map { history[$0] }
    var seen = Set(entries.map(\.architecture))
    func add(_ architectures: [Architecture], _ costs: [Cost], _ means: [Double]) -> Range<Int> {
      let first = pool.members.count
      for ((architecture, cost), mean) in zip(zip(architectures, costs), means) {
        let point = ObjectivePoint(
          values: [-mean] + metrics.map { Double(cost[$0]) },
          violation: record.violation(of: cost))
        pool.members.append(
          .init(architecture: architecture, cost: cost, prediction: mean, point: point))
      }
      return first..<pool.members.count
    }
    func predict(_ architectures: [Architecture]) -> Range<Int> {
      let new = architectures.filter { seen.insert($0).inserted }
      return add(new, new.map(region.space.cost), process.means(at: metric.points(new)))
    }

    var population: [Int] = []
    func select(_ newcomers: Range<Int>) {
      population += newcomers
      let ranked = RankedPopulation(of: population.map { pool.members[$0].point })
      population = ranked.order.prefix(settings.population).map { population[$0] }
    }
    select(add(entries.map(\.architecture), entries.map(\.cost), process.meansOfPoints))
    select(
      predict(
        (0..<settings.population / Self.newcomerShare).map {
          region.samplers[$0 % region.samplers.count].randomArchitecture(using: &generator)
        }))
    let variation = NSGA2.Settings()
    for _ in 0..<settings.generations {
      let ranked = RankedPopulation(of: population.map { pool.members[$0].point })
      let children = (0..<settings.population).map { turn in
        let mother = pool.members[population[ranked.tournament(using: &generator)]]
        let father = pool.members[population[ranked.tournament(using: &generator)]]
        return variation.child(
          of: mother.architecture, father.architecture,
          region.samplers[turn % region.samplers.count], using: &generator)
      }
      select(predict(children))
    }
    pool.members.removeAll { history.contains($0.architecture) }
    return pool
  }

  // MARK: - Choice

  /// Proposes what promises the most, the budgets taking turns.
  private func pickBest(of pool: Pool, for generation: inout Generation) {
    let budgets = record.budgets.isEmpty ? [nil] : record.budgets.map(Optional.some)
    var promising = budgets.map { budget in
      pool.members.filter { budget?.admits($0.cost) ?? true }
        .enumerated().sorted {
          ($1.element.prediction, $0.offset) < ($0.element.prediction, $1.offset)
        }
        .map(\.element.architecture)[...]
    }
    var turn = 0
    while generation.candidates.count < batch / 2,
      promising.contains(where: { !$0.isEmpty })
    {
      if let best = promising[turn % promising.count].popFirst() {
        generation.add(best, role: "best predicted")
      }
      turn += 1
    }
  }

  /// How many members of the pool functions are drawn over, at most.
  private static let mostDrawnOver = 300

  /// Proposes the best networks of random cost in functions drawn from the process.
  private func pickUnsure(
    of pool: Pool, by process: GaussianProcess, for generation: inout Generation,
    using generator: inout some RandomNumberGenerator
  ) {
    let order = RankedPopulation(of: pool.members.map(\.point)).order
    let members = order.prefix(Self.mostDrawnOver).map { pool.members[$0] }
      .filter { $0.point.violation == 0 }
    guard !members.isEmpty else { return }
    let posterior = process.posterior(at: process.metric.points(members.map(\.architecture)))
    guard let factor = try? Cholesky(of: posterior.covariance) else { return }
    for turn in 0..<2 * batch where generation.candidates.count < batch {
      let noise = factor.colored(members.map { _ in generator.normal() })
      let drawn = zip(posterior.means, noise).map { $0 + $1 }
      let cost = metrics[turn % metrics.count]
      let costs = members.map { Double($0.cost[cost]) }
      let (least, most) = (costs.min() ?? 0, costs.max() ?? 0)
      let limit = least + generator.uniform() * (most - least)
      let best = members.indices.filter { costs[$0] <= limit }.max { drawn[$0] < drawn[$1] }
      if let best { generation.add(members[best].architecture, role: "drawn") }
    }
  }
}
