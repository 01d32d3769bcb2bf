import Evaluator
import Kernels
import Logging
import Networks
import TrialStore

extension StudyRunner {
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
    var log = TrainingLog(of: training, from: checkpoint)
    var lastCheckpoint = clock.now

    func save() throws {
      var update = log.update(of: training)
      if training.isTrained { update.stage = stage }
      try store.commit(update, in: run)
      lastCheckpoint = clock.now
      logger.debug(
        "wrote a checkpoint",
        metadata: ["name": "\(checkpoint.name)", "step": "\(training.step)"])
    }

    while !training.isTrained {
      if let progress = try log.note(training.takeStep(), of: training) {
        tell(progress)
        if training.isTrained {
          report(
            .trained(
              name: checkpoint.name, seconds: progress.seconds, waiting: progress.waiting))
        }
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
    try train(supernet, from: checkpoint, to: .search, in: run) { report($0.event) }
  }
}
