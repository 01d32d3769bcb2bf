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
    _ supernet: Supernet, from checkpoint: SupernetCheckpoint, weights: String, study: Study,
    in run: ActiveRun
  ) throws -> (any SearchStrategy)? {
    // Read anew: the study was at its beginning when this run began.
    let study = try store.study(named: study.name)
    var strategy: any SearchStrategy
    var generator = SeededGenerator(seed: plan.seed, stream: "strategy")
    if let state = study.strategyState, let random = study.randomState.flatMap(UInt64.init) {
      guard let restored = try? plan.strategy.search(from: Data(state.utf8)) else {
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
    var checkpoint = checkpoint
    var curve: [CurvePoint] = []
    var beliefs: [RecordedBelief] = []
    let firstStep = supernet.step
    let secondsBefore = checkpoint.seconds
    var lastCheckpoint = start
    func save() throws {
      try store.commit(
        StudyUpdate(
          checkpoints: [checkpoint.record(of: supernet)], curve: curve, beliefs: beliefs,
          strategyState: json(strategy), randomState: "\(generator.state)"), in: run)
      (curve, beliefs) = ([], [])
      lastCheckpoint = clock.now
    }
    while let question = strategy.ask(in: material.space, using: &generator) {
      if isStopping() {
        if plan.strategy.learnsMixtures { try save() }
        return nil
      }
      switch question {
      case .train(let mixture):
        let loss = try supernet.trainStep(with: mixture)
        guard loss.isFinite else { throw StudyError.diverged(step: supernet.step) }
        checkpoint.lossSum += loss
        _ = try strategy.tell(
          .trained(
            loss: loss, progress: Double(supernet.step) / Double(supernet.stepCount)),
          in: material.space)
        continue
      case .differentiate(let mixture):
        _ = try strategy.tell(
          .gradient(try supernet.differentiate(mixture)), in: material.space)
        let elapsed = (clock.now - start).seconds
        checkpoint.seconds = secondsBefore + elapsed
        if supernet.step.isMultiple(of: 10) || supernet.isTrained {
          let steps = (supernet.step - 1) % 10 + 1
          let loss = checkpoint.lossSum / Double(steps)
          checkpoint.lossSum = 0
          curve.append(
            CurvePoint(
              name: SupernetCheckpoint.name, step: supernet.step,
              epoch: Double(supernet.step) / Double(supernet.stepsPerEpoch), loss: loss,
              learningRate: supernet.settings.optimizer.rate(
                at: supernet.step - 1, of: supernet.stepCount),
              seconds: checkpoint.seconds))
          if let belief = Distributions.record(
            of: strategy, step: supernet.step, in: material.space)
          {
            beliefs.append(belief)
          }
          report(
            .training(
              step: supernet.step, count: supernet.stepCount, loss: loss,
              secondsLeft: elapsed / Double(supernet.step - firstStep)
                * Double(supernet.stepCount - supernet.step)))
        }
        if clock.now - lastCheckpoint >= plan.checkpointEvery || supernet.isTrained { try save() }
        continue
      case .score(let candidates, let images):
        let weights = supernet.weightsFingerprint
        let asked = clock.now
        let recipe = material.recipe(images: images)
        let scores = try supernet.score(candidates.map(\.architecture), with: recipe)
        let seconds = (clock.now - asked).seconds / Double(scores.count)
        let chosen = try strategy.tell(.scores(scores), in: material.space)
        try store.commit(
          StudyUpdate(
            trials: zip(candidates, scores).enumerated().map { index, pair in
              trial(
                pair.0, pair.1, step: step, chosen: chosen.contains(index), seconds: seconds,
                recipe: recipe, precision: supernet.precision, weights: weights)
            }, strategyState: json(strategy), randomState: "\(generator.state)"), in: run)
        logger.debug(
          "committed an answer",
          metadata: [
            "step": "\(step)", "trials": "\(scores.count)",
            "chosen": "\(chosen.map { candidates[$0].role })",
            "seconds": "\(seconds * Double(scores.count))",
          ])
        trials += scores.count
      }
      step += 1
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

  func newScore(
    _ score: Score, recipe: ScoringRecipe, precision: ElementType, weights: String, seconds: Double
  ) -> NewScore {
    NewScore(
      fidelity: .shared, correct: score.correct, images: score.images, loss: score.loss,
      calibration: recipe.record(of: engine, precision: precision), weightsHash: weights,
      imagesHash: "\(material.images.holdOutFingerprint)/\(score.images)", seconds: seconds)
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
