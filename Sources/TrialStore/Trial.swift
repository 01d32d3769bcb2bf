public import Foundation
internal import GRDB
public import SearchSpace

/// An architecture that was evaluated, before it has a number.
public struct NewTrial: Hashable, Sendable {
  /// The architecture, as JSON.
  public let architecture: String

  /// The architecture's canonical key; the same for the same architecture, always.
  public let key: String

  /// Which question of the strategy led to it, counted from 0; -1 if it was known before the first.
  public let step: Int

  /// What the strategy notes about it, such as the decision it changed: `stage2.width`.
  public let role: String?

  /// Whether the strategy went on with it.
  public let chosen: Bool

  /// Multiply-adds of one forward pass of one image.
  public let macs: Int

  /// The number of trainable parameters.
  public let parameters: Int

  /// Nanoseconds in which its network classifies a batch, as its study's table predicts them; `nil`
  /// without a table.
  public let latency: Int?

  /// Whether the evaluation succeeded.
  public let outcome: Outcome

  /// How long the evaluation took.
  public let seconds: Double

  /// How it was scored; may be empty, and scores may be added later.
  public let scores: [NewScore]

  /// Creates the description of a trial.
  ///
  /// - Precondition: Costs and `seconds` are finite and not negative.
  public init(
    architecture: String, key: String, step: Int, role: String? = nil, chosen: Bool = false,
    macs: Int, parameters: Int, latency: Int? = nil, outcome: Outcome = .done, seconds: Double,
    scores: [NewScore]
  ) {
    precondition(
      macs >= 0 && parameters >= 0 && latency ?? 0 >= 0,
      "costs of \(macs), \(parameters) and \(latency ?? 0) are negative")
    precondition(seconds >= 0 && seconds.isFinite, "a trial cannot take \(seconds) s")
    self.architecture = architecture
    self.key = key
    self.step = step
    self.role = role
    self.chosen = chosen
    self.macs = macs
    self.parameters = parameters
    self.latency = latency
    self.outcome = outcome
    self.seconds = seconds
    self.scores = scores
  }
}

/// How the evaluation of a trial ended.
public enum Outcome: Hashable, Sendable {
  /// It gave a score.
  case done

  /// It gave none, for the given reason.
  case failed(reason: String)
}

/// An architecture that was evaluated.
public struct Trial: Hashable, Identifiable, Sendable {
  /// Its number in the database.
  public let id: Int64

  /// Its number in its study, from 1 on without a gap.
  public let number: Int

  /// The architecture, as JSON.
  public let architecture: String

  /// The architecture's canonical key.
  public let key: String

  /// Which question of the strategy led to it, counted from 0.
  public let step: Int

  /// What the strategy notes about it.
  public let role: String?

  /// Whether the strategy went on with it.
  public let chosen: Bool

  /// Multiply-adds of one forward pass of one image.
  public let macs: Int

  /// The number of trainable parameters.
  public let parameters: Int

  /// Nanoseconds in which its network classifies a batch, as its study's table predicts them; `nil`
  /// without a table.
  public let latency: Int?

  /// Whether the evaluation succeeded.
  public let outcome: Outcome

  /// How long the evaluation took.
  public let seconds: Double

  /// When it was committed.
  public let createdAt: Date

  /// What its network costs.
  public var cost: Cost { Cost(macs: macs, parameters: parameters, latency: latency) }
}

extension Trial {
  init(_ row: Row) throws {
    let reason = try row.decode(String?.self, forColumn: "reason")
    self.init(
      id: try row.value("id"), number: try row.value("number"),
      architecture: try row.value("architecture"), key: try row.value("key"),
      step: try row.value("step"), role: try row.decode(String?.self, forColumn: "role"),
      chosen: try row.value("chosen"), macs: try row.value("macs"),
      parameters: try row.value("params"),
      latency: try row.decode(Int?.self, forColumn: "latency"),
      outcome: reason.map { .failed(reason: $0) } ?? .done,
      seconds: try row.value("seconds"), createdAt: try row.date("created_at"))
  }
}

// MARK: - Trials of a store

extension TrialStore {
  /// Returns the trials of a study in the order of their numbers.
  public func trials(of studyID: Study.ID) throws(StoreError) -> [Trial] {
    try read { db in
      try Row.fetchAll(
        db, sql: "SELECT * FROM trials WHERE study = ? ORDER BY number", arguments: [studyID]
      ).map(Trial.init)
    }
  }

  /// Returns how many trials a study has, which is also the highest of their numbers.
  public func trialCount(of studyID: Study.ID) throws(StoreError) -> Int {
    try read { db in try lastTrialNumber(of: studyID, db) }
  }

  /// Returns one trial of a study.
  ///
  /// - Throws: ``StoreError/Kind/noSuchTrial(number:last:)`` if no trial has that number.
  public func trial(_ number: Int, of studyID: Study.ID) throws(StoreError) -> Trial {
    try read { db in
      guard
        let row = try Row.fetchOne(
          db, sql: "SELECT * FROM trials WHERE study = ? AND number = ?",
          arguments: [studyID, number])
      else { throw try noSuchTrial(number, of: studyID, db) }
      return try Trial(row)
    }
  }

  /// Returns the trials of a study that no score tells anything about, the cheapest first.
  ///
  /// Some strategies pick networks that they never had scored.
  public func unscoredTrials(of studyID: Study.ID) throws(StoreError) -> [Trial] {
    try read { db in
      try Row.fetchAll(
        db,
        sql: """
          SELECT * FROM trials WHERE study = ? AND state = 'done'
            AND NOT EXISTS (SELECT 1 FROM scores WHERE scores.trial = trials.id)
          ORDER BY macs, number
          """,
        arguments: [studyID]
      ).map(Trial.init)
    }
  }

  func lastTrialNumber(of studyID: Study.ID, _ db: Database) throws -> Int {
    try Int.fetchOne(
      db, sql: "SELECT max(number) FROM trials WHERE study = ?", arguments: [studyID]) ?? 0
  }

  func noSuchTrial(_ number: Int, of studyID: Study.ID, _ db: Database) throws -> StoreError {
    StoreError(
      .noSuchTrial(number: number, last: try lastTrialNumber(of: studyID, db)), path: path)
  }
}
