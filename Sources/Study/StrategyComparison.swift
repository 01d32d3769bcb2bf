public import SearchSpace
import Strategies
public import TrialStore

/// What the searches of a store came to, side by side: for each strategy and budget the networks that
/// were retrained, and what finding them took.
///
/// Studies that differ in nothing but their seed and their name count as one, so what chance does
/// shows in how far their networks lie apart.
public struct StrategyComparison {
  public let rows: [Row]

  /// What one strategy came to for one budget.
  public struct Row: Sendable {
    public let strategy: String
    public let budget: Budget
    public let networks: [TrainedTrial]

    /// The studies that they come from, in the order in which they began.
    public let studies: [String]

    /// Seconds that a study took to find its networks, on average.
    ///
    /// That is training the supernet, searching, or both, and serves all of the study's budgets.
    public let searchSeconds: Double
  }

  /// A network that was trained on its own, with its scores.
  public struct TrainedTrial: Sendable {
    public let study: String
    public let trial: Trial

    /// On the hold-out.
    public let score: RecordedScore

    /// On the test set, if there is one.
    public let testScore: RecordedScore?

    /// With the weights of a supernet, on the hold-out.
    public let sharedScores: [RecordedScore]
  }

  /// Compares studies.
  ///
  /// - Parameters:
  ///   - names: The names of the studies; none for all whose networks were retrained.
  ///   - store: Where they are kept.
  /// - Throws: ``StoreError`` if a study does not exist; ``StudyError/notRetrained(study:)`` if one
  ///   that is named has no retrained network; ``StudyError/damagedState(study:what:)``.
  public init(of names: [String], in store: TrialStore) throws {
    let studies =
      names.isEmpty ? try store.studies() : try names.map { try store.study(named: $0) }
    var findings: [Finding] = []
    for study in studies {
      let found = try Self.findings(of: study, in: store)
      if found.isEmpty, !names.isEmpty { throw StudyError.notRetrained(study: study.name) }
      findings += found
    }
    rows = Dictionary(grouping: findings, by: \.group)
      .map { group, findings in
        var studies: [String] = []
        for finding in findings where !studies.contains(finding.network.study) {
          studies.append(finding.network.study)
        }
        let seconds = Dictionary(
          findings.map { ($0.network.study, $0.searchSeconds) }, uniquingKeysWith: { $1 }
        ).values.reduce(0, +)
        return Row(
          strategy: group.strategy, budget: group.budget, networks: findings.map(\.network),
          studies: studies, searchSeconds: seconds / Double(studies.count))
      }
      .sorted { left, right in
        let (first, second) = (left.budget, right.budget)
        return (first.metric.rawValue, first.limit, -left.accuracy, left.studies[0])
          < (second.metric.rawValue, second.limit, -right.accuracy, right.studies[0])
      }
  }

  /// What networks of one row have in common.
  private struct Group: Hashable {
    let strategy: String
    let budget: Budget

    /// The plan but for the study's name and its seed.
    let recipe: String
  }

  private struct Finding {
    let group: Group
    let network: TrainedTrial
    let searchSeconds: Double
  }

  /// The retrained networks of a study, each for the budgets that it was picked for; one that was
  /// not picked counts for the tightest budget that it keeps to.
  private static func findings(of study: Study, in store: TrialStore) throws -> [Finding] {
    let finalists = try store.finalists(of: study.id)
    let reader = try StudyReader(study, in: store)
    let seconds = try reader.searchSeconds()
    let recipe = study.plan.split(separator: "\n").filter {
      !$0.hasPrefix("study:") && !$0.hasPrefix("seed:")
    }.joined(separator: "\n")
    return try store.trials(of: study.id).flatMap { trial -> [Finding] in
      let all = try store.scores(of: trial)
      let scores = all.filter { $0.fidelity == .retrained }
      guard let score = scores.last(where: { !$0.isTest && $0.accuracy != nil }) else { return [] }
      let network = TrainedTrial(
        study: study.name, trial: trial, score: score,
        testScore: scores.last { $0.isTest && $0.weightsHash == score.weightsHash },
        sharedScores: all.filter { $0.fidelity == .shared && $0.accuracy != nil })
      var budgets = finalists.filter { $0.trial == trial.number }.map(\.asBudget)
      if budgets.isEmpty,
        let next = finalists.map(\.asBudget).filter({ $0.admits(trial.cost) })
          .min(by: { $0.limit < $1.limit })
      {
        budgets = [next]
      }
      return budgets.map {
        Finding(
          group: Group(strategy: study.strategy, budget: $0, recipe: recipe), network: network,
          searchSeconds: seconds)
      }
    }
  }
}

extension StrategyComparison.Row {
  /// The mean of something over the networks.
  public func mean(_ value: (StrategyComparison.TrainedTrial) -> Double) -> Double {
    networks.map(value).reduce(0, +) / Double(networks.count)
  }

  /// Correct answers and images of all networks, on the test set where all have been there, else on
  /// the hold-out.
  public var answers: (correct: Int, images: Int, isTest: Bool) {
    let isTest = networks.allSatisfy { $0.testScore?.accuracy != nil }
    let scores = networks.map { isTest ? $0.testScore ?? $0.score : $0.score }
    return (scores.map(\.correct).reduce(0, +), scores.map(\.images).reduce(0, +), isTest)
  }

  /// The mean accuracy of the networks.
  public var accuracy: Double { Double(answers.correct) / Double(answers.images) }

  /// The 95 % interval of the accuracy, all networks' answers together.
  public var interval: ClosedRange<Double> {
    wilsonInterval(correct: answers.correct, of: answers.images)
  }
}

extension RecordedFinalist {
  fileprivate var asBudget: Budget { Budget(cost, atMost: limit) }
}

extension StudyReader {
  /// Seconds that it took to find the study's networks: to train the supernet, where the strategy
  /// wants a trained one, whoever trained it, and to search.
  public func searchSeconds() throws -> Double {
    guard plan.strategy.startingWeights == .trained else { return study.searchSeconds }
    let training = try store.curve(named: TrainingCheckpoint.supernet, of: study.id).last
    return (training?.seconds ?? 0) + study.searchSeconds
  }
}
