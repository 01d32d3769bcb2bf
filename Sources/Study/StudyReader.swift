public import Datasets
import Foundation
public import SearchSpace
public import TrialStore

/// A study as it stands in a store, with its space made from its plan.
public struct StudyReader {
  public let study: Study
  public let plan: Plan
  public let space: SearchSpace
  public let store: TrialStore

  /// How long the layers of the study's networks take; `nil` where the study does not ask.
  public let latencies: LatencyTable?

  /// Finds a study.
  ///
  /// - Parameters:
  ///   - name: The study's name; by default that of the newest.
  ///   - store: Where it is kept.
  /// - Throws: ``StoreError`` if there is none; ``StudyError/damagedState(study:what:)`` if what is
  ///   stored of it cannot be read.
  public init(named name: String?, in store: TrialStore) throws {
    if let name {
      try self.init(store.study(named: name), in: store)
    } else if let newest = try store.studies().last {
      try self.init(newest, in: store)
    } else {
      throw StoreError(.noSuchStudy(name: "", known: []), path: store.path)
    }
  }

  /// Reads a study.
  ///
  /// - Parameters:
  ///   - study: The study.
  ///   - store: Where it is kept.
  /// - Throws: ``StudyError/damagedState(study:what:)`` if what is stored of it cannot be read.
  public init(_ study: Study, in store: TrialStore) throws {
    self.study = study
    self.store = store
    let untimed: SearchSpace
    struct Description: Decodable {
      let input: Shape
      let classes: Int
    }
    do {
      plan = try Plan(Array(study.plan.utf8), file: study.name)
      let description = try JSONDecoder().decode(Description.self, from: Data(study.space.utf8))
      untimed = try plan.space.makeSpace(
        input: description.input, classes: description.classes)
    } catch {
      throw StudyError.damagedState(study: study.name, what: "the plan")
    }
    guard let stored = try store.latencyTable(of: study.id) else {
      (latencies, space) = (nil, untimed)
      return
    }
    guard let table = LatencyTable(stored: stored, covering: untimed) else {
      throw StudyError.damagedState(study: study.name, what: "the latency table")
    }
    (latencies, space) = (table, untimed.timed(by: table))
  }

  /// The scale on which the study's networks see pixels; `nil` if it has no images, or if it is older
  /// than such records.
  public var normalization: Datasets.Normalization? {
    study.normalization.flatMap {
      try? JSONDecoder().decode(Datasets.Normalization.self, from: Data($0.utf8))
    }
  }

  /// The sizes that a trial's architecture chose, by decision.
  public func sizes(of trial: Trial) throws -> [String: Int] {
    guard
      let sizes = try? JSONDecoder().decode(
        [String: Int].self, from: Data(trial.architecture.utf8))
    else { throw StudyError.damagedState(study: study.name, what: "trial \(trial.number)") }
    return sizes
  }

  /// The architecture of a trial.
  public func architecture(of trial: Trial) throws -> Architecture {
    do {
      return try space.architecture(sizes: sizes(of: trial))
    } catch let error as SearchSpaceError {
      throw StudyError.damagedState(study: study.name, what: "trial \(trial.number) (\(error))")
    }
  }

  /// The network of a trial, layer by layer.
  public func network(of trial: Trial) throws -> Network {
    space.network(of: try architecture(of: trial))
  }

  /// Which network of a study is meant.
  public enum Choice: Hashable, Sendable {
    /// The most accurate one of the frontier.
    case best
    /// The most accurate one within a budget.
    case within(Budget)
    /// The trial of this number.
    case trial(Int)
  }

  /// Refuses to weigh networks by what nobody knows of them.
  ///
  /// - Throws: ``StudyError/noLatencies(study:)`` if the study has trials, none with a latency.
  public func requireCosts(in metric: Cost.Metric) throws {
    guard metric == .latency else { return }
    let trials = try store.trials(of: study.id)
    guard trials.isEmpty || trials.contains(where: { $0.latency != nil }) else {
      throw StudyError.noLatencies(study: study.name)
    }
  }

  /// Finds the trial that is meant.
  ///
  /// - Throws: ``StudyError`` if there is none.
  public func trial(_ choice: Choice) throws -> Trial {
    if case .trial(let number) = choice { return try store.trial(number, of: study.id) }
    let metric: Cost.Metric = if case .within(let budget) = choice { budget.metric } else { .macs }
    let frontier = try store.frontier(of: study.id, by: metric)
    guard !frontier.isEmpty else {
      try requireCosts(in: metric)
      throw study.stage == .done
        ? StudyError.unscored(study: study.name) : .unfinished(study: study.name)
    }
    func eligible(_ frontier: [FrontierPoint]) -> [FrontierPoint] {
      guard case .within(let budget) = choice else { return frontier }
      return frontier.filter { budget.admits($0.trial.cost) }
    }
    // No retrained network may be within the budget where one of the search's is.
    var candidates = eligible(frontier)
    if candidates.isEmpty {
      candidates = eligible(try store.frontier(of: study.id, by: metric, among: .all))
    }
    guard let best = candidates.max(by: { $0.accuracy < $1.accuracy }) else {
      guard case .within(let budget) = choice else {
        throw StudyError.unfinished(study: study.name)
      }
      throw StudyError.noSuchNetwork(study: study.name, wish: "with \(budget)")
    }
    return best.trial
  }
}
