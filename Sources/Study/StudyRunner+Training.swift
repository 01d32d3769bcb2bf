import Evaluator
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
      trainedBy: recipe, checkpoint: SupernetCheckpoint.name, step: supernet.stepCount)
    // One that cannot be read is no reason to stop, as this study can train its own.
    for donor in donors
    where (try? SupernetCheckpoint(restoring: supernet, of: donor, from: store)) != nil {
      try store.takeSupernet(named: SupernetCheckpoint.name, of: donor, in: run)
      report(.tookSupernet(study: donor.trainedBy ?? donor.name))
      return true
    }
    return false
  }

  /// Trains the supernet to its end.
  ///
  /// - Returns: Whether it came to its end; else a checkpoint was written.
  func train(
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
      guard losses.areFinite else { throw StudyError.diverged(step: supernet.step) }
      checkpoint.lossSum += losses.first
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
}
