import Evaluator
import Foundation
import Kernels
import Logging
import Networks
import SearchSpace
import Strategies
public import TrialStore

/// Works on a study from wherever it stands to its end.
///
/// First the supernet is trained, then the strategy asks and is told until it is content, then the
/// best networks are scored on the whole hold-out. What is found goes to the store at once, each
/// answer in one transaction with the strategy and the random numbers it led to; so a process that
/// dies takes with it only what was under way, and the next one goes on to the same end.
public final class StudyRunner {
  private let material: StudyMaterial
  private let engine: Engine
  private let plan: Plan
  private let store: TrialStore
  private let report: (StudyEvent) -> Void
  private let isStopping: () -> Bool
  private let clock = ContinuousClock()
  private let logger = Logger(label: "nas.study")

  /// Reads the data and makes sure that the search can be begun.
  ///
  /// - Parameters:
  ///   - plan: What to do.
  ///   - store: Where the study is kept.
  ///   - report: Told how the work goes.
  ///   - isStopping: Asked after every step whether to stop there.
  /// - Throws: What is wrong with the data, the space or the budgets, before anything is written.
  public init(
    plan: Plan, openingStore store: () throws -> TrialStore,
    report: @escaping (StudyEvent) -> Void = { _ in }, isStopping: @escaping () -> Bool = { false }
  ) throws {
    self.plan = plan
    material = try StudyMaterial(plan)
    engine = try .chosen()
    // A budget that cannot be met is said before hours of training, and before a file is made.
    try plan.requireReachableBudgets(in: material.space)
    self.store = try store()
    self.report = report
    self.isStopping = isStopping
  }

  /// Works until the study is done or the run is to stop.
  ///
  /// - Parameter fresh: Whether to begin anew if there is a study of this name. The old one is kept
  ///   under another name.
  /// - Returns: ``Run/Ending/done`` or ``Run/Ending/stopped``.
  /// - Throws: Whatever stops the work; what was committed stays.
  public func run(fresh: Bool = false) throws -> Run.Ending {
    let study = try findStudy(fresh: fresh)
    let run = try store.beginRun(on: study.id)
    do {
      let ending = try work(on: try store.study(named: study.name), in: run)
      try store.endRun(run, as: ending)
      return ending
    } catch {
      // The error at hand matters more than one in noting it.
      try? store.endRun(run, as: .failed)
      throw error
    }
  }

  private func findStudy(fresh: Bool) throws -> Study {
    if try store.studyNames().contains(plan.study) {
      guard fresh else {
        let study = try store.study(named: plan.study)
        guard study.planHash == plan.fingerprint else {
          throw StudyError.planChanged(study: plan.study)
        }
        guard study.space == material.description else {
          throw StudyError.materialChanged(study: plan.study)
        }
        return study
      }
      // Only a study that nobody works on is put aside.
      let old = try store.beginRun(on: store.study(named: plan.study).id)
      let now = Date.now.formatted(.iso8601)
      try store.renameStudy(named: plan.study, to: "\(plan.study) (until \(now))")
      try store.endRun(old, as: .stopped)
    }
    return try store.createStudy(
      NewStudy(
        name: plan.study, seed: plan.seed, strategy: plan.strategy.name, plan: plan.resolved,
        planHash: plan.fingerprint, space: material.description))
  }

  private func work(on study: Study, in run: ActiveRun) throws -> Run.Ending {
    guard study.stage != .done else {
      report(.began(study: study.name, from: .done))
      return .done
    }
    let supernet = try material.makeSupernet(engine: engine)
    let checkpoint = try SupernetCheckpoint(restoring: supernet, of: study, from: store)
    let trials = try store.trialCount(of: study.id)
    report(
      .began(
        study: study.name,
        from: trials > 0
          ? .searching(trials: trials) : supernet.step > 0 ? .training(step: supernet.step) : .new))

    guard try train(supernet, from: checkpoint, in: run) else { return .stopped }
    let weights = supernet.weightsFingerprint
    guard let strategy = try search(supernet, weights: weights, study: study, in: run),
      !isStopping()
    else { return .stopped }
    try scoreFinalists(of: strategy, supernet, weights: weights, in: run)
    return .done
  }

  // MARK: - The supernet

  /// Steps from one point of the learning curve to the next.
  private static let stepsPerPoint = 10

  /// Trains the supernet to its end.
  ///
  /// - Returns: Whether it came to its end; else a checkpoint was written.
  private func train(
    _ supernet: Supernet, from checkpoint: SupernetCheckpoint, in run: ActiveRun
  ) throws -> Bool {
    guard !supernet.isTrained else { return true }
    var checkpoint = checkpoint
    var curve: [CurvePoint] = []
    let start = clock.now
    let firstStep = supernet.step
    let secondsBefore = checkpoint.seconds
    var lastCheckpoint = start

    func save() throws {
      let record = checkpoint.record(of: supernet)
      try store.commit(
        StudyUpdate(
          checkpoints: [record], curve: curve, stage: supernet.isTrained ? .search : nil), in: run)
      curve = []
      lastCheckpoint = clock.now
      logger.debug(
        "wrote a checkpoint",
        metadata: ["step": "\(supernet.step)", "bytes": "\(record.content.count)"])
    }

    while !supernet.isTrained {
      let losses = try supernet.trainStep()
      guard losses.isFinite else { throw StudyError.diverged(step: supernet.step) }
      checkpoint.lossSum += losses.largest
      let elapsed = (clock.now - start).seconds
      checkpoint.seconds = secondsBefore + elapsed
      if supernet.step % Self.stepsPerPoint == 0 || supernet.isTrained {
        let steps = (supernet.step - 1) % Self.stepsPerPoint + 1
        let loss = checkpoint.lossSum / Double(steps)
        checkpoint.lossSum = 0
        curve.append(
          CurvePoint(
            name: SupernetCheckpoint.name, step: supernet.step,
            epoch: Double(supernet.step) / Double(supernet.stepsPerEpoch), loss: loss,
            learningRate: supernet.settings.optimizer.rate(
              at: supernet.step - 1, of: supernet.stepCount),
            seconds: checkpoint.seconds))
        let rate = Double(supernet.step - firstStep) / elapsed
        report(
          .training(
            step: supernet.step, count: supernet.stepCount, loss: loss,
            secondsLeft: Double(supernet.stepCount - supernet.step) / rate))
      }
      if isStopping() {
        try save()
        return supernet.isTrained
      }
      if clock.now - lastCheckpoint >= plan.checkpointEvery { try save() }
    }
    try save()
    return true
  }

  // MARK: - The search

  /// Lets the strategy ask until it is content.
  ///
  /// - Returns: The strategy at its end, or `nil` if the run is to stop before.
  private func search(
    _ supernet: Supernet, weights: String, study: Study, in run: ActiveRun
  ) throws -> (any SearchStrategy)? {
    // Read anew: the study was at its beginning when this run began.
    let study = try store.study(named: study.name)
    var strategy: any SearchStrategy
    var generator = SeededGenerator(seed: plan.seed, stream: "strategy")
    if let state = study.strategyState, let random = study.randomState.flatMap(UInt64.init) {
      guard let restored = try? plan.restoreStrategy(from: state) else {
        throw StudyError.damagedState(study: study.name, what: "the strategy")
      }
      strategy = restored
      generator.state = random
    } else {
      strategy = try plan.makeStrategy(in: material.space)
    }
    guard study.stage != .finalists else { return strategy }

    let before = try store.trials(of: study.id)
    var step = (before.last?.step ?? -1) + 1
    var trials = before.count
    let start = clock.now
    let firstProgress = strategy.progress(in: material.space)
    while let question = strategy.ask(in: material.space, using: &generator) {
      if isStopping() { return nil }
      let asked = clock.now
      let scores = try supernet.score(
        question.candidates.map(\.architecture), with: material.recipe(images: question.images))
      let seconds = (clock.now - asked).seconds / Double(scores.count)
      let chosen = try strategy.tell(scores, in: material.space)
      try store.commit(
        StudyUpdate(
          trials: zip(question.candidates, scores).enumerated().map { index, pair in
            trial(
              pair.0, pair.1, step: step, chosen: chosen.contains(index), seconds: seconds,
              recipe: material.recipe(images: question.images), precision: supernet.precision,
              weights: weights)
          }, strategyState: json(strategy), randomState: "\(generator.state)"), in: run)
      logger.debug(
        "committed an answer",
        metadata: [
          "step": "\(step)", "trials": "\(scores.count)",
          "chosen": "\(chosen.map { question.candidates[$0].role })",
          "seconds": "\(seconds * Double(scores.count))",
        ])
      step += 1
      trials += scores.count
      let elapsed = (clock.now - start).seconds
      let progress = strategy.progress(in: material.space)
      report(
        .searching(
          trials: trials, perSecond: Double(trials - before.count) / elapsed, progress: progress,
          secondsLeft: progress > firstProgress
            ? elapsed * (1 - progress) / (progress - firstProgress) : nil))
    }
    try store.commit(
      StudyUpdate(
        stage: .finalists, strategyState: json(strategy), randomState: "\(generator.state)"),
      in: run)
    return strategy
  }

  private func trial(
    _ candidate: Candidate, _ score: Score, step: Int, chosen: Bool, seconds: Double,
    recipe: ScoringRecipe, precision: ElementType, weights: String
  ) -> NewTrial {
    let cost = material.space.network(of: candidate.architecture).cost
    return NewTrial(
      architecture: material.sizes(of: candidate.architecture),
      key: material.space.key(of: candidate.architecture), step: step, role: candidate.role,
      chosen: chosen, macs: cost.macs, parameters: cost.parameters, seconds: seconds,
      scores: [
        newScore(
          score, recipe: recipe, precision: precision, weights: weights, seconds: seconds)
      ])
  }

  private func newScore(
    _ score: Score, recipe: ScoringRecipe, precision: ElementType, weights: String, seconds: Double
  ) -> NewScore {
    NewScore(
      fidelity: .shared, correct: score.correct, images: score.images, loss: score.loss,
      calibration: recipe.record(of: engine, precision: precision), weightsHash: weights,
      imagesHash: "\(material.images.holdOutFingerprint)/\(score.images)", seconds: seconds)
  }

  // MARK: - The finalists

  /// How many networks of the search's frontier are scored again beside those of the strategy.
  static let frontierFinalists = 12

  /// How many of the best trials within each budget are.
  static let finalistsPerBudget = 3

  /// Scores the best networks on the whole hold-out, picks one for each budget and ends the study,
  /// all in one transaction.
  ///
  /// The search compares many networks on few images, so some owe their place to luck. What was
  /// best then is looked at again on all images, and only these scores decide.
  private func scoreFinalists(
    of strategy: any SearchStrategy, _ supernet: Supernet, weights: String, in run: ActiveRun
  ) throws {
    let trials = try finalists(of: strategy, in: run)
    report(.scoringFinalists(count: trials.count))
    let recipe = material.recipe(images: material.images.holdOut.count)
    let start = clock.now
    let scores = try supernet.score(
      trials.map { try material.architecture(of: $0.architecture) }, with: recipe)
    let seconds = (clock.now - start).seconds / Double(max(1, scores.count))

    let largest = material.space.network(of: material.space.largest).cost
    let picks = plan.budgets(largest: largest).compactMap { budget in
      best(of: Array(zip(trials, scores)), within: budget).map { trial in
        RecordedFinalist(
          budget: "\(budget)", cost: budget.metric,
          limit: budget.limit, trial: trial.number)
      }
    }
    try store.commit(
      StudyUpdate(
        scores: zip(trials, scores).map { trial, score in
          TrialScore(
            trial: trial.number,
            score: newScore(
              score, recipe: recipe, precision: supernet.precision, weights: weights,
              seconds: seconds))
        }, finalists: picks, stage: .done), in: run)
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
    let largest = material.space.network(of: material.space.largest).cost
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

extension ScoringRecipe {
  /// How the statistics of normalisations were made and what computed, for the record.
  func record(of engine: Engine, precision: ElementType) -> String {
    struct Record: Encodable {
      let method = "cumulative mean"
      let images: Int
      let batch: Int
      let library: String
      let precision: ElementType
      let threads: Int
    }
    return json(
      Record(
        images: calibration, batch: batch, library: engine.backend.rawValue,
        precision: precision, threads: Engine.threads))
  }
}

extension Trial {
  var cost: Cost { Cost(macs: macs, parameters: parameters) }
}

extension Duration {
  var seconds: Double {
    Double(components.seconds) + Double(components.attoseconds) * 1e-18
  }
}
