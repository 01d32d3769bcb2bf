import Evaluator
import SearchSpace
import TrialStore

extension StudyRunner {
  /// Times the layers of the space, has the space tell latencies from now on, and makes sure that the
  /// budgets can be met.
  ///
  /// - Returns: The table for the study to keep; `nil` if the run is to stop.
  /// - Throws: ``PlanError`` if a budget cannot be met; `KernelError` if a kernel fails.
  func measureLatencies() throws -> LatencyTable? {
    let meter = material.makeLatencyMeter(engine: engine)
    let start = clock.now
    let measured = try meter.measure(
      processor: Machine.processor,
      tell: { done, count in
        let elapsed = (clock.now - start).seconds
        report(
          .measuringLatency(
            layers: meter.layerCount, networks: meter.networkCount,
            progress: Double(done) / Double(count),
            secondsLeft: elapsed / Double(done) * Double(count - done)))
      }, isStopping: isStopping)
    guard let table = measured else { return nil }
    material.time(by: table)
    report(.measuredLatency(table))
    try plan.requireReachableBudgets(in: material.space)
    return table
  }

  /// Has the space tell the latencies that a study began with.
  ///
  /// - Throws: ``StudyError/damagedState(study:what:)`` if its table cannot be read.
  func takeLatencies(of study: Study) throws {
    guard material.needsTiming else { return }
    try material.time(byStored: store.latencyTable(of: study.id) ?? "")
  }
}
