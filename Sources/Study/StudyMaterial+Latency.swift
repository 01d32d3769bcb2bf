import Evaluator
import Foundation
import Kernels
import SearchSpace

extension StudyMaterial {
  /// Whether the space is to be timed before anything can be said of the plan's latencies.
  var needsTiming: Bool { plan.namesLatency && !space.isTimed }

  /// Creates what times the plan's space.
  func makeLatencyMeter(engine: Engine, settings: LatencyMeter.Settings = .init()) -> LatencyMeter {
    var settings = settings
    settings.batch = plan.latency.batch
    settings.threads = plan.latency.threads
    settings.seed = plan.seed
    return LatencyMeter(of: space, backend: engine.backend, settings: settings)
  }

  /// Times the space by a table that a study keeps.
  ///
  /// - Throws: ``StudyError/damagedState(study:what:)`` if it is none of this space.
  mutating func time(byStored text: String) throws {
    guard let table = LatencyTable(stored: text, covering: space) else {
      throw StudyError.damagedState(study: plan.study, what: "the latency table")
    }
    time(by: table)
  }

  /// Refuses a table of known networks that does not tell the latency of each of them.
  func requireLatencies(of table: ArchitectureTable) throws {
    guard let flaw = table.flawOfLatencies else { return }
    guard let file = plan.places.file, let place = plan.placeOfLatency else {
      throw TableError(file: table.file, reason: flaw)
    }
    throw PlanError(
      file: file, problems: [Problem(at: place, "no latency can be had from the table: \(flaw)")])
  }
}

extension LatencyTable {
  /// Reads a table as the store keeps it; `nil` if it is damaged or of another space.
  init?(stored text: String, covering space: SearchSpace) {
    guard let table = try? JSONDecoder().decode(LatencyTable.self, from: Data(text.utf8)),
      table.covers(space)
    else { return nil }
    self = table
  }
}
