import Datasets
import Evaluator
import Foundation
import Kernels
import SearchSpace

/// What a stage of a study will take on this machine.
public struct StageEstimate: Hashable, Sendable {
  public let stage: Stage

  /// What there is to do, such as `428 steps of 128 images`.
  public let work: String

  public let seconds: Double

  /// Bytes of memory: the engine's, the images' and the program's own.
  public let bytes: Int

  /// The stages, in their order.
  public enum Stage: String, Hashable, Sendable, CaseIterable {
    case training
    case search
    case finalists
  }
}

extension StageEstimate {
  /// Estimates the stages of a plan from a few short measurements.
  ///
  /// A supernet made for the purpose is trained for a moment on the plan's own images, and its
  /// largest and smallest networks classify a few. The steps of the plan's training are as long as
  /// these but for the number of images; a search takes as long as its ``DryRun`` at this ``Speed``.
  /// The measurements take about a third of a second where networks are small; on large ones, the
  /// time of a few images.
  ///
  /// Not counted: reading the data, a checkpoint now and then, and how much slower a processor is
  /// that becomes hot or has other work.
  ///
  /// - Throws: `KernelError` if a kernel fails, `StrategyError` if a budget cannot be met.
  static func all(of material: StudyMaterial) throws -> [StageEstimate] {
    let engine = try Engine.chosen()
    let supernet = try supernet(of: material, batch: 1, engine: engine)
    let dryRun = try DryRun(of: material, with: supernet)
    let images = material.images
    let shared = images.maker.dataset.pixels.count + Self.programBytes
    let memory = material.memory(of: material.space.largest)

    let batch = material.plan.supernet.batch
    let steps = material.plan.supernet.epochs * (images.training.count / batch)
    let secondsPerImage = try Self.trainingSecondsPerImage(of: material, engine: engine)
    let speed = try Self.scoringSpeed(of: material, supernet)
    return [
      StageEstimate(
        stage: .training, work: "\(steps) steps of \(batch) images",
        seconds: Double(steps * batch) * secondsPerImage, bytes: shared + memory.trainingBytes),
      StageEstimate(
        stage: .search, work: "some \(dryRun.trials) networks",
        seconds: speed.seconds(for: dryRun.search), bytes: shared + memory.scoringBytes),
      StageEstimate(
        stage: .finalists, work: "the best on all \(images.holdOut.count) images",
        seconds: speed.seconds(for: dryRun.finalists), bytes: shared + memory.scoringBytes),
    ]
  }

  /// What the program and its libraries take by themselves, roughly.
  private static let programBytes = 24 << 20

  /// Seconds that one measurement is to take.
  private static let patience = 0.07

  private static func supernet(
    of material: StudyMaterial, batch: Int, engine: Engine
  ) throws -> Supernet {
    var settings = material.supernetSettings
    settings.batch = batch
    // Trying both precisions would take longer than the estimate may.
    settings.precision = settings.precision ?? .float32
    return try Supernet(
      space: material.space, images: material.images, settings: settings, engine: engine)
  }

  /// How long training takes for an image of a step, all subnets of the sandwich together.
  private static func trainingSecondsPerImage(
    of material: StudyMaterial, engine: Engine
  ) throws -> Double {
    let wanted = material.plan.supernet.batch
    var batch = min(wanted, 8)
    while true {
      let supernet = try supernet(of: material, batch: batch, engine: engine)
      let first = try Self.seconds { try supernet.trainStep() }
      // The first step meets memory that was never used; a larger one tells more.
      let affordable = min(wanted, Int(Double(batch) * Self.patience / first))
      if affordable >= 2 * batch {
        batch = affordable
        continue
      }
      if first > Self.patience { return first / Double(batch) }
      let steps = max(1, min(4, Int(1.5 * Self.patience / first)))
      let rest = try Self.seconds { for _ in 0..<steps { try supernet.trainStep() } }
      return rest / Double(steps * batch)
    }
  }

  /// How fast networks are scored, gathering statistics and classifying alike.
  private static func scoringSpeed(
    of material: StudyMaterial, _ supernet: Supernet
  ) throws -> Speed {
    func measure(_ architecture: Architecture) throws -> (Workload, Double) {
      var images = min(16, material.images.holdOut.count)
      let most = min(512, material.images.holdOut.count)
      while true {
        let recipe = ScoringRecipe(images: images, calibration: images)
        let time = try Self.seconds { _ = try supernet.score([architecture], with: recipe) }
        let work = Workload(of: material.space.network(of: architecture).layers)
        guard time < Self.patience / 4, images < most else {
          return (work, time / Double(images + min(images, material.images.training.count)))
        }
        images = min(most, 4 * images)
      }
    }
    return Speed(
      large: try measure(material.space.largest), small: try measure(material.space.smallest))
  }

  private static func seconds(_ body: () throws -> Void) rethrows -> Double {
    try ContinuousClock().measure(body).seconds
  }
}
