import Evaluator
import Foundation
import Kernels
import Logging
import Networks
import SearchSpace
import Strategies
import TrialStore

extension StudyRunner {
  /// Lets the strategy ask until it is content.
  ///
  /// - Returns: The strategy at its end, or `nil` if the run is to stop before.
  func search(
    _ supernet: Supernet, from checkpoint: TrainingCheckpoint, study: Study, in run: ActiveRun
  ) throws -> (any SearchStrategy)? {
    // Read anew: the study was at its beginning when this run began.
    let study = try store.study(named: study.name)
    var (strategy, generator, isNew) = try strategy(of: study)
    if isNew, plan.warmStart {
      try warmStart(
        &strategy, using: generator, supernet, weights: supernet.weightsFingerprint, in: run)
    }
    guard study.stage != .finalists else { return strategy }

    let before = try store.trials(of: study.id)
    var step = (before.last?.step ?? -1) + 1
    var trials = before.count
    let start = clock.now
    let firstProgress = strategy.progress(in: material.space)
    // The thousands of steps that gates and mixtures learn in are not worth a transaction each.
    var lastCommit = start
    var isCommitted = true
    var stopwatch = Stopwatch(clock)
    var log: TrainingLog?
    var beliefs: [RecordedBelief] = []
    func commitState() throws {
      guard !isCommitted else { return }
      var update = log?.update(of: supernet) ?? StudyUpdate()
      update.beliefs = beliefs
      update.strategyState = json(strategy)
      update.randomState = "\(generator.state)"
      update.searchSeconds = stopwatch.lap()
      try store.commit(update, in: run)
      (lastCommit, isCommitted) = (clock.now, true)
      beliefs = []
    }
    var weights: (step: Int, hash: String)?
    func weightsNow() -> String {
      if let weights, weights.step == supernet.step { return weights.hash }
      let hash = supernet.weightsFingerprint
      weights = (supernet.step, hash)
      return hash
    }
    var gateLearner: GateLearner?
    var gateLoss: Double?
    while let question = strategy.ask(in: material.space, using: &generator) {
      if isStopping() {
        try commitState()
        return nil
      }
      switch question {
      case .score(let candidates, let images):
        // No trial may be stored before the weights that it was scored with, nor before the
        // distributions that it was derived from.
        // That the state is committed does not tell that they are: they may have moved since the last
        // step of the weights, of which they were noted.
        let latest = Distributions.record(of: strategy, step: supernet.step, in: material.space)
        if !latest.isEmpty {
          beliefs += latest
          isCommitted = false
        }
        try commitState()
        let scores = try measure(
          candidates.map(\.architecture), images: images, supernet, weights: weightsNow())
        let chosen = try strategy.tell(.scores(scores.map(\.score)), in: material.space)
        try commit(
          scores, of: candidates, chosen: chosen, step: step, strategy, generator,
          seconds: stopwatch.lap(), in: run)
        trials += scores.count
      case .differentiateGates(let gates, let step):
        let learner = try gateLearner ?? material.makeGateLearner(for: gates, engine: engine)
        gateLearner = learner
        let gradient = try learner.gradient(of: gates, step: step)
        gateLoss = gradient.loss
        _ = try strategy.tell(.gateGradient(gradient), in: material.space)
        isCommitted = false
      case .trainMixture(let mixture):
        log = log ?? TrainingLog(of: supernet, from: checkpoint)
        let loss = try supernet.trainStep(with: mixture)
        let progress = try log?.note(loss, of: supernet)
        _ = try strategy.tell(
          .trained(loss: loss, progress: Double(supernet.step) / Double(supernet.stepCount)),
          in: material.space)
        isCommitted = false
        if let progress {
          report(progress.event)
          beliefs += Distributions.record(
            of: strategy, step: supernet.step, in: material.space)
        }
        continue
      case .differentiateMixture(let mixture):
        _ = try strategy.tell(
          .mixtureGradient(try supernet.differentiate(mixture)), in: material.space)
        isCommitted = false
        if clock.now - lastCommit >= plan.checkpointEvery { try commitState() }
        continue
      case .measure(let measure):
        _ = try strategy.tell(.channelMeasures(supernet.worth(by: measure)), in: material.space)
        isCommitted = false
      }
      if clock.now - lastCommit >= plan.checkpointEvery { try commitState() }
      step += 1
      let elapsed = (clock.now - start).seconds
      let progress = strategy.progress(in: material.space)
      let secondsLeft =
        progress > firstProgress ? elapsed * (1 - progress) / (progress - firstProgress) : nil
      if let gateLoss {
        report(.learningGates(loss: gateLoss, progress: progress, secondsLeft: secondsLeft))
      } else {
        report(
          .searching(
            trials: trials, perSecond: Double(trials - before.count) / elapsed,
            progress: progress, secondsLeft: secondsLeft))
      }
    }
    try store.commit(
      StudyUpdate(
        stage: .finalists, strategyState: json(strategy), randomState: "\(generator.state)",
        searchSeconds: stopwatch.lap()), in: run)
    return strategy
  }

  /// The strategy as a study left it, or at its start.
  func strategy(
    of study: Study
  ) throws -> (any SearchStrategy, SeededGenerator, isNew: Bool) {
    var generator = SeededGenerator(seed: plan.seed, stream: "strategy")
    guard let state = study.strategyState, let random = study.randomState.flatMap(UInt64.init)
    else { return (try plan.makeStrategy(in: material.space), generator, true) }
    guard let restored = try? plan.strategy.search(from: Data(state.utf8)) else {
      throw StudyError.damagedState(study: study.name, what: "the strategy")
    }
    generator.state = random
    return (restored, generator, false)
  }

  /// Writes scores down, with the strategy that was told of them.
  func commit(
    _ scores: [NewScore], of candidates: [Candidate], chosen: [Int], step: Int,
    _ strategy: any SearchStrategy, _ generator: SeededGenerator, seconds: Double,
    in run: ActiveRun
  ) throws {
    try store.commit(
      StudyUpdate(
        trials: zip(candidates, scores).enumerated().map { index, pair in
          trial(pair.0, pair.1, step: step, chosen: chosen.contains(index))
        }, strategyState: json(strategy), randomState: "\(generator.state)",
        searchSeconds: seconds), in: run)
    logger.debug(
      "committed an answer",
      metadata: [
        "step": "\(step)", "trials": "\(scores.count)",
        "known": "\(scores.count(where: \.isKnown))",
        "chosen": "\(chosen.map { candidates[$0].role })",
        "seconds": "\(scores.reduce(0) { $0 + $1.seconds })",
      ])
  }

  func trial(_ candidate: Candidate, _ score: NewScore, step: Int, chosen: Bool) -> NewTrial {
    let cost = material.space.cost(of: candidate.architecture)
    return NewTrial(
      architecture: material.sizes(of: candidate.architecture),
      key: material.space.key(of: candidate.architecture), step: step, role: candidate.role,
      chosen: chosen, macs: cost.macs, parameters: cost.parameters, latency: cost.latency,
      seconds: score.seconds, scores: [score])
  }
}

extension ScoringRecipe {
  /// How the statistics of normalisations were made, what computed and, of retrained weights, how
  /// they came about, for the record.
  func record(
    of engine: Engine, precision: ElementType, training: Retraining.Record? = nil
  ) -> String {
    struct Record: Encodable {
      let method = "cumulative mean"
      let images: Int
      let batch: Int
      let library: String
      let precision: ElementType
      let threads: Int
      let training: Retraining.Record?
    }
    return json(
      Record(
        images: calibration, batch: batch, library: engine.backend.rawValue,
        precision: precision, threads: Engine.threads, training: training))
  }
}
