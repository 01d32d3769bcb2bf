import Networks
import TrialStore

/// How far a training has come, for those who wait.
struct TrainingProgress {
  var step: Int
  var count: Int

  /// The mean since the last point of the curve.
  var loss: Double

  var secondsPerStep: Double

  /// The seconds of the whole training, all runs together.
  var seconds: Double

  /// The share of these in which it waited for images.
  var waiting: Double

  /// The event that tells of it, of a supernet.
  var event: StudyEvent {
    .training(
      step: step, count: count, loss: loss, secondsLeft: Double(count - step) * secondsPerStep)
  }
}

/// A training as it is written down: its learning curve since the last commit, and what is added up
/// between two points of the curve.
struct TrainingLog {
  /// Steps from one point of the learning curve to the next.
  private static let stepsPerPoint = 10

  private var checkpoint: TrainingCheckpoint
  private var curve: [CurvePoint] = []
  private let firstStep: Int
  private let secondsBefore: Double
  private let waitedBefore: Double
  private let start = ContinuousClock.now

  /// Goes on from a checkpoint.
  init(of training: some StepwiseTraining, from checkpoint: TrainingCheckpoint) {
    self.checkpoint = checkpoint
    firstStep = training.step
    secondsBefore = checkpoint.seconds
    waitedBefore = checkpoint.waited - training.waited.seconds
  }

  /// Notes a step that was taken.
  ///
  /// - Returns: How far the training has come, at each point of the curve.
  /// - Throws: ``StudyError/diverged(name:step:)`` if the loss is no number any more.
  mutating func note(
    _ loss: Double, of training: some StepwiseTraining
  ) throws(StudyError) -> TrainingProgress? {
    guard loss.isFinite else { throw .diverged(name: checkpoint.name, step: training.step) }
    checkpoint.lossSum += loss
    let elapsed = (ContinuousClock.now - start).seconds
    checkpoint.seconds = secondsBefore + elapsed
    checkpoint.waited = waitedBefore + training.waited.seconds
    guard training.step % Self.stepsPerPoint == 0 || training.isTrained else { return nil }
    let steps = (training.step - 1) % Self.stepsPerPoint + 1
    let mean = checkpoint.lossSum / Double(steps)
    checkpoint.lossSum = 0
    curve.append(
      CurvePoint(
        name: checkpoint.name, step: training.step,
        epoch: Double(training.step) / Double(training.stepsPerEpoch), loss: mean,
        learningRate: training.optimizer.rate(at: training.step - 1, of: training.stepCount),
        seconds: checkpoint.seconds, waited: checkpoint.waited))
    return TrainingProgress(
      step: training.step, count: training.stepCount, loss: mean,
      secondsPerStep: elapsed / Double(training.step - firstStep), seconds: checkpoint.seconds,
      waiting: checkpoint.waited / checkpoint.seconds)
  }

  /// The weights of now and the curve up to them, for the store.
  mutating func update(of training: some StepwiseTraining) -> StudyUpdate {
    defer { curve = [] }
    return StudyUpdate(checkpoints: [checkpoint.record(of: training)], curve: curve)
  }
}
