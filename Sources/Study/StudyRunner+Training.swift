import Evaluator
import Kernels
import Logging
import Networks
import TrialStore

extension StudyRunner {
  /// Steps from one point of the learning curve to the next.
  private static let stepsPerPoint = 10

  /// Takes over the supernet that another study of the database trained by the same recipe.
  ///
  /// Its weights are those that training would lead to, but for rounding on another processor.
  ///
  /// - Returns: Whether there is one.
  func takeSupernet(
    _ supernet: Supernet, for study: Study, in run: ActiveRun
  ) throws -> Bool {
    guard let recipe = study.recipeHash else { return false }
    let donors = try store.studies(
      trainedBy: recipe, checkpoint: TrainingCheckpoint.supernet, step: supernet.stepCount)
    // One that cannot be read is no reason to stop, as this study can train its own.
    for donor in donors
    where (try? TrainingCheckpoint(restoring: supernet, of: donor, from: store)) != nil {
      try store.takeSupernet(named: TrainingCheckpoint.supernet, of: donor, in: run)
      report(.tookSupernet(study: donor.trainedBy ?? donor.name))
      return true
    }
    return false
  }

  /// How far a training has come, for those who wait.
  struct TrainingProgress {
    var step: Int
    var count: Int

    /// The mean since the last point of the curve.
    var loss: Double

    var secondsPerStep: Double
  }

  /// Trains weights to their end.
  ///
  /// - Parameters:
  ///   - training: The weights.
  ///   - checkpoint: Where they come from.
  ///   - stage: What the study goes on with, if that is another stage.
  ///   - run: The run.
  ///   - tell: Told at each point of the learning curve.
  /// - Returns: Whether they came to their end; else a checkpoint was written.
  /// - Throws: ``StudyError/diverged(name:step:)`` if the loss is no number any more.
  func train(
    _ training: some StepwiseTraining, from checkpoint: TrainingCheckpoint,
    to stage: Stage? = nil, in run: ActiveRun, tell: (TrainingProgress) -> Void
  ) throws -> Bool {
    guard !training.isTrained else { return true }
    var checkpoint = checkpoint
    var curve: [CurvePoint] = []
    let start = clock.now
    let firstStep = training.step
    let secondsBefore = checkpoint.seconds
    var lastCheckpoint = start

    func save() throws {
      let record = checkpoint.record(of: training)
      try store.commit(
        StudyUpdate(
          checkpoints: [record], curve: curve, stage: training.isTrained ? stage : nil), in: run)
      curve = []
      lastCheckpoint = clock.now
      logger.debug(
        "wrote a checkpoint",
        metadata: [
          "name": "\(record.name)", "step": "\(training.step)",
          "bytes": "\(record.content.count)",
        ])
    }

    while !training.isTrained {
      let loss = try training.takeStep()
      guard loss.isFinite else {
        throw StudyError.diverged(name: checkpoint.name, step: training.step)
      }
      checkpoint.lossSum += loss
      let elapsed = (clock.now - start).seconds
      checkpoint.seconds = secondsBefore + elapsed
      if training.step % Self.stepsPerPoint == 0 || training.isTrained {
        let steps = (training.step - 1) % Self.stepsPerPoint + 1
        let loss = checkpoint.lossSum / Double(steps)
        checkpoint.lossSum = 0
        curve.append(
          CurvePoint(
            name: checkpoint.name, step: training.step,
            epoch: Double(training.step) / Double(training.stepsPerEpoch), loss: loss,
            learningRate: training.optimizer.rate(
              at: training.step - 1, of: training.stepCount),
            seconds: checkpoint.seconds))
        tell(
          TrainingProgress(
            step: training.step, count: training.stepCount, loss: loss,
            secondsPerStep: elapsed / Double(training.step - firstStep)))
      }
      if isStopping() {
        try save()
        return training.isTrained
      }
      if clock.now - lastCheckpoint >= plan.checkpointEvery { try save() }
    }
    try save()
    return true
  }

  /// Trains the supernet to its end.
  ///
  /// - Returns: Whether it came to its end; else a checkpoint was written.
  func train(
    _ supernet: Supernet, from checkpoint: TrainingCheckpoint, in run: ActiveRun
  ) throws -> Bool {
    try train(supernet, from: checkpoint, to: .search, in: run) { progress in
      report(
        .training(
          step: progress.step, count: progress.count, loss: progress.loss,
          secondsLeft: Double(progress.count - progress.step) * progress.secondsPerStep))
    }
  }
}
