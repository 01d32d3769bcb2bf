import Evaluator
import SearchSpace
import Strategies
import TrialStore

extension StudyRunner {
  /// How many networks of the search's frontier are scored again beside those of the strategy.
  static let frontierFinalists = 12

  /// How many of the best trials within each budget are.
  static let finalistsPerBudget = 3

  /// How far below its budget, as a share of it, a network may stay without a word about it.
  private static let budgetTolerance = 0.01

  /// Scores the best networks on the whole hold-out, picks one for each budget and ends the search,
  /// all in one transaction.
  ///
  /// The search compares many networks on few images, so some owe their place to luck. What was
  /// best then is looked at again on all images, and only these scores decide.
  ///
  /// - Parameters:
  ///   - strategy: The strategy at its end.
  ///   - run: The run.
  ///   - score: Scores architectures as well as can be.
  /// - Throws: What `score` throws; ``StoreError`` if the store fails.
  func scoreFinalists(
    of strategy: any SearchStrategy, in run: ActiveRun,
    scoring score: ([Architecture]) throws -> [NewScore]
  ) throws {
    guard try store.trialCount(of: run.studyID) > 0 else {
      return try pickUnscored(of: strategy, in: run)
    }
    let trials = try finalists(of: strategy, in: run)
    report(.scoringFinalists(count: trials.count))
    let scores = try score(trials.map { try material.architecture(of: $0.architecture) })

    let largest = material.space.cost(of: material.space.largest)
    let picks = plan.budgets(largest: largest).compactMap { budget in
      best(of: Array(zip(trials, scores.map(\.score))), within: budget).map { trial in
        RecordedFinalist(
          budget: "\(budget)", cost: budget.metric,
          limit: budget.limit, trial: trial.number)
      }
    }
    try store.commit(
      StudyUpdate(
        scores: zip(trials, scores).map { TrialScore(trial: $0.number, score: $1) },
        finalists: picks, stage: plan.retrain == nil ? .done : nil), in: run)
  }

  /// Picks the networks of a strategy that asked for no score, each for its budget.
  private func pickUnscored(of strategy: any SearchStrategy, in run: ActiveRun) throws {
    var finalists: [(architecture: Architecture, budgets: [Budget])] = []
    for finalist in strategy.finalists {
      let key = material.space.key(of: finalist.architecture)
      if let known = finalists.firstIndex(where: {
        material.space.key(of: $0.architecture) == key
      }) {
        finalists[known].budgets.append(finalist.budget)
      } else {
        finalists.append((finalist.architecture, [finalist.budget]))
      }
    }
    var trials: [NewTrial] = []
    var picks: [RecordedFinalist] = []
    for (index, finalist) in finalists.enumerated() {
      let cost = material.space.cost(of: finalist.architecture)
      trials.append(
        NewTrial(
          architecture: material.sizes(of: finalist.architecture),
          key: material.space.key(of: finalist.architecture), step: 0,
          role: finalist.budgets.map { role(of: cost, for: $0) }.joined(separator: "; "),
          macs: cost.macs, parameters: cost.parameters, latency: cost.latency, seconds: 0,
          scores: []))
      picks += finalist.budgets.map {
        RecordedFinalist(
          budget: "\($0)", cost: $0.metric, limit: $0.limit, trial: index + 1)
      }
    }
    try store.commit(
      StudyUpdate(trials: trials, finalists: picks, stage: plan.retrain == nil ? .done : nil),
      in: run)
    for (index, finalist) in finalists.enumerated() {
      for budget in finalist.budgets {
        let cost = material.space.cost(of: finalist.architecture)[budget.metric]
        report(.found(trial: index + 1, budget: budget, cost: cost))
      }
    }
  }

  /// What a network was found for, and how far it stays from that if it is far.
  private func role(of cost: Cost, for budget: Budget) -> String {
    let below = 1 - Double(cost[budget.metric]) / Double(max(1, budget.limit))
    guard below > Self.budgetTolerance else { return "for \(budget)" }
    let percent = (below * 1000).rounded() / 10
    return "for \(budget), \(percent) % below it: the space has nothing nearer on the way"
  }

  /// The networks that the strategy ended with, some along the frontier of all trials, and the
  /// best of each budget so far.
  private func finalists(of strategy: any SearchStrategy, in run: ActiveRun) throws -> [Trial] {
    let trials = try store.trials(of: run.studyID)
    var finalists = strategy.finalists.compactMap { finalist in
      let key = material.space.key(of: finalist.architecture)
      return trials.first { $0.key == key }
    }
    let frontier = try store.frontier(of: run.studyID, by: .macs, among: .all).map(\.trial)
    let count = min(Self.frontierFinalists, frontier.count)
    for index in 0..<count {
      finalists.append(frontier[index * (frontier.count - 1) / max(1, count - 1)])
    }
    let largest = material.space.cost(of: material.space.largest)
    for budget in plan.budgets(largest: largest) {
      let within = try store.frontier(
        of: run.studyID, by: budget.metric, among: .all
      ).map(\.trial).filter { budget.admits($0.cost) }
      finalists += within.suffix(Self.finalistsPerBudget)
    }
    var seen: Set<String> = []
    return finalists.filter { seen.insert($0.key).inserted }
  }

  /// The network with the best score within a budget; of equals, the cheapest.
  private func best(of scored: [(Trial, Score)], within budget: Budget) -> Trial? {
    scored.filter { budget.admits($0.0.cost) && $0.1.isValid }.max { left, right in
      (left.1.accuracy, -left.0.cost[budget.metric])
        < (right.1.accuracy, -right.0.cost[budget.metric])
    }?.0
  }
}
