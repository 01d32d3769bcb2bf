import Datasets
import Evaluator
import Foundation
import Kernels
import Logging
import Networks
import SearchSpace
import Strategies
public import TrialStore

/// Works on a study from wherever it stands to its end.
///
/// If the plan is about latency, the layers of the space are timed first. Then the supernet is
/// trained, and a probe tells what its ranks are worth; then the strategy asks and is told until it is
/// content; then the best networks are scored on the whole hold-out and, if the plan says so, trained
/// on their own. What is found goes to the store at once, each answer in one transaction with the
/// strategy and the random numbers it led to; so a process that dies takes with it only what was under
/// way, and the next one goes on to the same end.
public final class StudyRunner {
  var material: StudyMaterial
  let engine: Engine
  let plan: Plan
  let store: TrialStore

  /// What only retrained networks meet; `nil` if the data has no such part.
  let testImages: BatchMaker?

  let report: (StudyEvent) -> Void
  let isStopping: () -> Bool
  let clock = ContinuousClock()

  /// What the training of the supernet begins with, if the plan says so.
  let pretrained: PretrainedWeights?

  /// The weights whose slices networks trained on their own begin with, if the plan names any.
  let retrainingStart: PretrainedWeights?

  let logger = Logger(label: "nas.study")

  /// Reads the data and makes sure that the search can be begun.
  ///
  /// - Parameters:
  ///   - plan: What to do.
  ///   - store: Where the study is kept.
  ///   - report: Told how the work goes.
  ///   - isStopping: Asked after every step whether to stop there.
  /// - Throws: What is wrong with the data, the space or the budgets, before anything is written.
  public init(
    plan: Plan, openingStore store: () throws -> TrialStore,
    report: @escaping (StudyEvent) -> Void = { _ in }, isStopping: @escaping () -> Bool = { false }
  ) throws {
    self.plan = plan
    material = try StudyMaterial(plan, report: report)
    pretrained = try material.pretrainedWeights(at: plan.supernet.pretrained)
    retrainingStart = try material.pretrainedWeights(at: plan.retrain?.pretrained)
    engine = try .chosen()
    testImages = plan.retrain == nil ? nil : try material.testImages(report: report)
    // A budget that cannot be met is said before hours of training, and before a file is made.
    try plan.requireReachableBudgets(in: material.space)
    self.store = try store()
    self.report = report
    self.isStopping = isStopping
  }

  /// Works until the study is done or the run is to stop.
  ///
  /// - Parameter fresh: Whether to begin anew if there is a study of this name. The old one is kept
  ///   under another name, and no other study's supernet or teacher is taken over.
  /// - Returns: ``Run/Ending/done`` or ``Run/Ending/stopped``.
  /// - Throws: Whatever stops the work; what was committed stays.
  public func run(fresh: Bool = false) throws -> Run.Ending {
    guard let study = try findStudy(fresh: fresh) else { return .stopped }
    return try working(on: study) { run in
      try work(on: try store.study(named: study.name), fresh: fresh, in: run)
    }
  }

  /// Does something as a run of a study.
  func working(on study: Study, _ body: (ActiveRun) throws -> Run.Ending) throws -> Run.Ending {
    let run = try store.beginRun(on: study.id)
    do {
      let ending = try body(run)
      try store.endRun(run, as: ending)
      return ending
    } catch {
      // The error at hand matters more than one in noting it.
      try? store.endRun(run, as: .failed)
      throw error
    }
  }

  /// Finds the plan's study or creates it.
  ///
  /// What the study's latencies are is settled before there is a study: a budget that turns out to be
  /// unreachable can then still be changed.
  ///
  /// - Returns: The study; `nil` if the run is to stop before there is one.
  private func findStudy(fresh: Bool) throws -> Study? {
    let isThere = try store.studyNames().contains(plan.study)
    var table: LatencyTable?
    if !isThere || fresh, material.needsTiming {
      table = try measureLatencies()
      if table == nil { return nil }
    }
    if isThere {
      guard fresh else {
        let study = try store.study(named: plan.study)
        guard study.planHash == plan.fingerprint else {
          throw StudyError.planChanged(study: plan.study)
        }
        guard study.space == material.description else {
          throw StudyError.materialChanged(study: plan.study)
        }
        try takeLatencies(of: study)
        return study
      }
      // Only a study that nobody works on is put aside.
      let old = try store.beginRun(on: store.study(named: plan.study).id)
      let now = Date.now.formatted(.iso8601)
      try store.renameStudy(named: plan.study, to: "\(plan.study) (until \(now))")
      try store.endRun(old, as: .stopped)
    }
    return try store.createStudy(
      NewStudy(
        name: plan.study, seed: plan.seed, strategy: plan.strategy.name, plan: plan.resolved,
        planHash: plan.fingerprint, space: material.description,
        recipeHash: plan.table == nil
          ? material.supernetFingerprint(engine: engine, pretrained: pretrained) : nil,
        latencyTable: table.map { json($0) }, normalization: material.normalization.map { json($0) }
      ))
  }

  private func work(on study: Study, fresh: Bool, in run: ActiveRun) throws -> Run.Ending {
    guard study.stage != .done else {
      report(.began(study: study.name, from: .done))
      return .done
    }
    if case .table(let table) = material.source {
      return try search(table, study: study, in: run)
    }
    let supernet = try material.makeSupernet(engine: engine)
    let checkpoint = try TrainingCheckpoint(restoring: supernet, of: study, from: store)
    if supernet.step == 0, let pretrained { supernet.begin(with: pretrained) }
    let trials = try store.trialCount(of: study.id)
    report(
      .began(
        study: study.name,
        from: trials > 0
          ? .searching(trials: trials) : supernet.step > 0 ? .training(step: supernet.step) : .new))

    if plan.strategy.startingWeights == .trained {
      let isTaken = try !fresh && supernet.step == 0 && takeSupernet(supernet, for: study, in: run)
      guard try isTaken || train(supernet, from: checkpoint, in: run),
        try probeRanks(of: supernet, study, in: run)
      else { return .stopped }
    }
    guard
      let strategy = try search(supernet, from: checkpoint, study: study, in: run),
      !isStopping()
    else { return .stopped }
    // That they were picked is what tells scoring them from retraining them.
    if try store.finalists(of: study.id).isEmpty {
      let weights = supernet.weightsFingerprint
      try scoreFinalists(of: strategy, in: run) { architectures in
        try measure(
          architectures, images: material.images.holdOut.count, supernet, weights: weights)
      }
    }
    guard plan.retrain != nil else { return .done }
    return try retrainFinalists(of: study, fresh: fresh, in: run) ? .done : .stopped
  }
}

/// Measures times that follow one another.
struct Stopwatch {
  private let clock: ContinuousClock
  private var last: ContinuousClock.Instant

  init(_ clock: ContinuousClock) {
    self.clock = clock
    last = clock.now
  }

  /// Seconds since the last lap, or since the watch was made.
  mutating func lap() -> Double {
    let now = clock.now
    defer { last = now }
    return (now - last).seconds
  }
}

extension Duration {
  var seconds: Double {
    Double(components.seconds) + Double(components.attoseconds) * 1e-18
  }
}
