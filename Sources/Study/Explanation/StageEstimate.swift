import Datasets
import Evaluator
import Foundation
import Kernels
import SearchSpace
import Strategies

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
    case latency
    case training
    case probe
    case search
    case finalists
    case retraining
  }
}

extension StageEstimate {
  /// Estimates the stages of a plan from a few short measurements.
  ///
  /// A supernet made for the purpose is trained for a moment on the plan's own images, and its
  /// largest and smallest networks classify a few. The steps of the plan's training are as long as
  /// the quickest of these but for the number of images; a search takes as long as its ``DryRun`` at
  /// this ``Speed``. The measurements take about a third of a second, unless a single image of a
  /// large network takes longer.
  ///
  /// Not counted: reading the data, a checkpoint now and then, and how much slower a processor is
  /// that becomes hot or has other work.
  ///
  /// - Returns: The stages; none where a table answers, which takes no time to speak of.
  /// - Throws: `KernelError` if a kernel fails, `StrategyError` if a budget cannot be met.
  static func all(of material: StudyMaterial) throws -> [StageEstimate] {
    guard case .images = material.source else { return [] }
    let engine = try Engine.chosen()
    let supernet = try supernet(of: material, batch: 1, engine: engine)
    let dryRun = try DryRun(of: material, with: supernet)
    let images = material.images
    let pixels = images.maker.dataset.pixels
    let shared = (pixels.areMapped ? 0 : pixels.count) + Self.programBytes
    let memory = material.memory(of: material.space.largest)

    let speed = try Self.scoringSpeed(of: material, supernet)
    var stages: [StageEstimate] = []
    let batch = material.plan.supernet.batch
    if material.plan.strategy.startingWeights == .trained {
      let steps = material.plan.supernet.epochs * (images.training.count / batch)
      let secondsPerImage = try Self.trainingSecondsPerImage(of: material, engine: engine)
      stages.append(
        StageEstimate(
          stage: .training, work: "\(steps) steps of \(batch) images",
          seconds: Double(steps * batch) * secondsPerImage, bytes: shared + memory.trainingBytes))
      if let probe = RankProbe(of: try material.makeSupernet(engine: engine), in: material) {
        stages.append(
          StageEstimate(
            stage: .probe, work: "\(probe.architectures.count) networks, \(probe.steps) steps each",
            seconds: stages[0].seconds * RankProbe.share, bytes: shared + probe.bytes))
      }
    }
    if material.plan.strategy.learnsMixtures {
      let steps = material.plan.supernet.epochs * (images.training.count / 2 / batch)
      stages.append(
        StageEstimate(
          stage: .search, work: "\(steps) steps of weights and of distributions",
          seconds: Double(steps * batch)
            * (try Self.mixtureSecondsPerImage(of: material, engine: engine)),
          bytes: shared + memory.trainingBytes))
    }
    if let gates = dryRun.gates {
      stages.append(
        StageEstimate(
          stage: .search, work: "\(dryRun.gateSteps) steps of \(batch) images",
          seconds: speed.seconds(for: dryRun.search),
          bytes: shared + material.memory(of: gates).trainingBytes))
    }
    if dryRun.trials > 0 {
      stages += [
        StageEstimate(
          stage: .search, work: "about \(dryRun.trials) networks",
          seconds: speed.seconds(for: dryRun.search), bytes: shared + memory.scoringBytes),
        StageEstimate(
          stage: .finalists, work: "the best on all \(images.holdOut.count) images",
          seconds: speed.seconds(for: dryRun.finalists), bytes: shared + memory.scoringBytes),
      ]
    }
    let largest = Workload(of: material.largestNetwork.layers)
    let retraining = try Self.retraining(
      of: material, engine: engine, scoring: speed.seconds(for: largest), shared: shared)
    if let retraining { stages.append(retraining) }
    return stages
  }

  /// Times the space of a plan that is about latency, at a glance.
  ///
  /// - Returns: The table and the stage in which a study measures its own; `nil` if it measures none.
  static func time(_ material: inout StudyMaterial) throws -> (table: LatencyTable, stage: Self)? {
    guard material.needsTiming else { return nil }
    let engine = try Engine.chosen()
    let meter = material.makeLatencyMeter(engine: engine)
    let glance = material.makeLatencyMeter(engine: engine, settings: .glance)
    var measured: LatencyTable?
    let seconds = try seconds { measured = try glance.measure(processor: Machine.processor) }
    guard let table = measured else { return nil }
    material.time(by: table)
    let subjects = Double(glance.layerCount + glance.networkCount * Self.layersPerNetwork)
    let all = Double(meter.layerCount + meter.networkCount * Self.layersPerNetwork)
    return (
      table,
      StageEstimate(
        stage: .latency,
        work: "\(meter.layerCount) layers, \(meter.networkCount) networks, each "
          + "\(meter.settings.rounds) times",
        seconds: seconds * Double(meter.settings.rounds) * all / subjects,
        bytes: Self.programBytes + material.memory(of: material.space.largest).scoringBytes)
    )
  }

  /// How many layers take as long to time as a network, roughly.
  private static let layersPerNetwork = 20

  /// What the program and its libraries take by themselves, roughly.
  private static let programBytes = 24 << 20

  /// Multiply-adds of one step or score that is measured, unless one image has more.
  ///
  /// Some hundredths of a second on two cores, and enough that calling the kernels takes no part.
  private static let measured = 2e9

  /// Seconds for which each of the three measurements is repeated.
  private static let patience = 0.12

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

  /// How long training takes for an image of a step, all its subnets together.
  private static func trainingSecondsPerImage(
    of material: StudyMaterial, engine: Engine
  ) throws -> Double {
    // Forward once and backward twice; large and small subnets make up for each other.
    let passes = 3 * Double(material.plan.supernet.paths.count) / 2
    let batch = images(of: material.space.largest, passes: passes, in: material)
    let supernet = try supernet(
      of: material, batch: min(batch, material.plan.supernet.batch), engine: engine)

    // The random subnets of a step may be large or small: what counts is the time for their work.
    var least = Double.infinity
    try repeating {
      let work = supernet.work(ofStep: supernet.step)
      least = min(least, try seconds { try supernet.trainStep() } / work)
    }
    return least * supernet.workOfStep / Double(supernet.settings.batch)
  }

  /// How long a step of weights and one of distributions take for an image.
  private static func mixtureSecondsPerImage(
    of material: StudyMaterial, engine: Engine
  ) throws -> Double {
    let batch = images(of: material.space.largest, passes: 6, in: material)
    let supernet = try supernet(
      of: material, batch: min(batch, material.plan.supernet.batch), engine: engine)
    var strategy = try material.plan.makeStrategy(in: material.space)
    var generator = SeededGenerator(seed: material.plan.seed, stream: "estimate")
    var least = Double.infinity
    try repeating {
      let time = try seconds {
        // A question of each kind.
        for _ in 0..<2 {
          switch strategy.ask(in: material.space, using: &generator) {
          case .trainMixture(let mixture):
            let loss = try supernet.trainStep(with: mixture)
            _ = try strategy.tell(.trained(loss: loss, progress: 0), in: material.space)
          case .differentiateMixture(let mixture):
            _ = try strategy.tell(
              .mixtureGradient(supernet.differentiate(mixture)), in: material.space)
          case .score, .differentiateGates, .measure, nil: break
          }
        }
      }
      least = min(least, time)
    }
    return least / Double(supernet.settings.batch)
  }

  /// How fast networks are scored, gathering statistics and classifying alike.
  private static func scoringSpeed(
    of material: StudyMaterial, _ supernet: Supernet
  ) throws -> Speed {
    func measure(_ architecture: Architecture) throws -> (Workload, Double) {
      let images = min(
        images(of: architecture, passes: 2, in: material), ScoringRecipe().batch,
        material.images.holdOut.count, material.images.training.count)
      let recipe = ScoringRecipe(images: images, calibration: images)
      var least = Double.infinity
      try repeating {
        least = min(least, try seconds { _ = try supernet.score([architecture], with: recipe) })
      }
      let work = Workload(of: material.space.network(of: architecture).layers)
      return (work, least / Double(2 * images))
    }
    return Speed(
      large: try measure(material.space.largest), small: try measure(material.space.smallest))
  }

  /// How many images make a measurement, at least one.
  static func images(
    of architecture: Architecture, passes: Double, in material: StudyMaterial
  ) -> Int {
    let macs = Double(max(1, material.space.network(of: architecture).cost.macs))
    return Int(min(4096, max(1, measured / (passes * macs))))
  }

  /// Does something again and again for a while and at least once.
  ///
  /// Of its times the least counts: what makes the others longer, such as memory used for the first
  /// time or another program's turn, is no part of what the machine can do.
  static func repeating(_ body: () throws -> Void) rethrows {
    let start = ContinuousClock.now
    repeat { try body() } while (ContinuousClock.now - start).seconds < patience
  }

  static func seconds(_ body: () throws -> Void) rethrows -> Double {
    try ContinuousClock().measure(body).seconds
  }
}
