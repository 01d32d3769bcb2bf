import Evaluator
import Foundation
import Kernels
import Networks
import TrialStore

/// Weights that are trained step by step: a supernet's, or those of one network.
protocol StepwiseTraining: AnyObject {
  var step: Int { get }
  var stepCount: Int { get }
  var stepsPerEpoch: Int { get }
  var isTrained: Bool { get }

  /// How long it has waited for images since it was made.
  var waited: Duration { get }

  var optimizer: MomentumOptimizer { get }

  /// Trains one step.
  ///
  /// - Returns: The loss before it; no number if training has diverged.
  func takeStep() throws(KernelError) -> Double

  func checkpoint() -> Safetensors
  func restore(_ file: Safetensors) throws(WeightsError)
}

extension Supernet: StepwiseTraining {
  var optimizer: MomentumOptimizer { settings.optimizer }

  func takeStep() throws(KernelError) -> Double {
    let losses = try trainStep()
    return losses.areFinite ? losses.first : .nan
  }
}

extension NetworkTraining: StepwiseTraining {
  var optimizer: MomentumOptimizer { recipe.optimizer }

  func takeStep() throws(KernelError) -> Double { try trainStep().loss }
}

/// Weights in training as they lie in the store.
///
/// They are written with the learning curve up to them, and carry what the runner adds up between
/// two points of the curve, so that a run that goes on draws the same curve.
struct TrainingCheckpoint {
  /// The name of the supernet's checkpoint and curve.
  static let supernet = "supernet"

  private static let lossSumKey = "nas.loss-sum"
  private static let secondsKey = "nas.seconds"
  private static let waitedKey = "nas.waited-seconds"

  /// The checkpoint's name in the store, and the curve's.
  let name: String

  /// The sum of the losses since the last point of the curve.
  var lossSum = 0.0

  /// Seconds of training, all runs together.
  var seconds = 0.0

  /// Seconds of these that were spent waiting for images.
  var waited = 0.0

  /// Loads the latest weights, if there are any.
  ///
  /// - Throws: ``StudyError/damagedState(study:what:)`` if they are not what was written.
  init(
    named name: String = supernet, restoring training: some StepwiseTraining, of study: Study,
    from store: TrialStore
  ) throws {
    self.name = name
    guard let file = try store.weights(named: name, of: study) else { return }
    guard let lossSum = file.metadata[Self.lossSumKey].flatMap(Double.init),
      let seconds = file.metadata[Self.secondsKey].flatMap(Double.init),
      (try? training.restore(file)) != nil
    else { throw StudyError.damagedState(study: study.name, what: "the checkpoint '\(name)'") }
    self.lossSum = lossSum
    self.seconds = seconds
    // Checkpoints of earlier versions do not say.
    waited = file.metadata[Self.waitedKey].flatMap(Double.init) ?? 0
  }

  /// The weights of now, for the store.
  func record(of training: some StepwiseTraining) -> NewCheckpoint {
    var file = training.checkpoint()
    file.metadata[Self.lossSumKey] = "\(lossSum)"
    file.metadata[Self.secondsKey] = "\(seconds)"
    file.metadata[Self.waitedKey] = "\(waited)"
    return NewCheckpoint(name: name, step: training.step, of: file)
  }
}

extension NewCheckpoint {
  /// A checkpoint whose content is a file of weights.
  init(name: String, step: Int, of file: Safetensors) {
    let bytes = file.encoded()
    self.init(name: name, step: step, checksum: fingerprint(of: bytes), content: Data(bytes))
  }
}

extension TrialStore {
  /// The file of weights that a checkpoint holds, if there is one.
  ///
  /// - Throws: ``StudyError/damagedState(study:what:)`` if it is not what was written.
  func weights(named name: String, of study: Study) throws -> Safetensors? {
    guard let stored = try checkpoint(named: name, of: study.id) else { return nil }
    let bytes = [UInt8](stored.content)
    guard fingerprint(of: bytes) == stored.checksum, let file = try? Safetensors(decoding: bytes)
    else { throw StudyError.damagedState(study: study.name, what: "the checkpoint '\(name)'") }
    return file
  }
}

extension Supernet {
  /// The hash that scores name as that of the weights they were made with.
  var weightsFingerprint: String { fingerprint(of: checkpoint().encoded()) }
}
