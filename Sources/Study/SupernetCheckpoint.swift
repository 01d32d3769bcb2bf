import Evaluator
import Foundation
import Networks
import TrialStore

/// The weights of a study's supernet as they lie in the store.
///
/// They are written with the learning curve up to them, and carry what the runner adds up between
/// two points of the curve, so that a run that goes on draws the same curve.
struct SupernetCheckpoint {
  /// The checkpoint's name in the store, and the curve's.
  static let name = "supernet"

  private static let lossSumKey = "nas.loss-sum"
  private static let secondsKey = "nas.seconds"

  /// The sum of the losses since the last point of the curve.
  var lossSum = 0.0

  /// Seconds of training, all runs together.
  var seconds = 0.0

  init() {}

  /// Loads the latest weights, if there are any.
  ///
  /// - Throws: ``StudyError/damagedState(study:what:)`` if they are not what was written.
  init(restoring supernet: Supernet, of study: Study, from store: TrialStore) throws {
    guard let stored = try store.checkpoint(named: Self.name, of: study.id) else { return }
    let bytes = [UInt8](stored.content)
    guard fingerprint(of: bytes) == stored.checksum, let file = try? Safetensors(decoding: bytes),
      let lossSum = file.metadata[Self.lossSumKey].flatMap(Double.init),
      let seconds = file.metadata[Self.secondsKey].flatMap(Double.init),
      (try? supernet.restore(file)) != nil
    else { throw StudyError.damagedState(study: study.name, what: "the checkpoint") }
    self.lossSum = lossSum
    self.seconds = seconds
  }

  /// The weights of now, for the store.
  func record(of supernet: Supernet) -> NewCheckpoint {
    var file = supernet.checkpoint()
    file.metadata[Self.lossSumKey] = "\(lossSum)"
    file.metadata[Self.secondsKey] = "\(seconds)"
    let bytes = file.encoded()
    return NewCheckpoint(
      name: Self.name, step: supernet.step, checksum: fingerprint(of: bytes), content: Data(bytes))
  }
}

extension Supernet {
  /// The hash that scores name as that of the weights they were made with.
  var weightsFingerprint: String { fingerprint(of: checkpoint().encoded()) }
}
