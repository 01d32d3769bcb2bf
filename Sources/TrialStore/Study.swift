public import Foundation
internal import GRDB

/// What is fixed about a study when it is created.
public struct NewStudy: Hashable, Sendable {
  /// Its name, unique in the database.
  public let name: String

  /// The seed of everything random in it.
  public let seed: UInt64

  /// The name of its strategy, such as `autoslim`.
  public let strategy: String

  /// The search file as it was understood, defaults filled in.
  public let plan: String

  /// The hash of `plan`, in hexadecimal.
  public let planHash: String

  /// The search space, as JSON.
  public let space: String

  /// The hash of all that the weights of its supernet follow from, in hexadecimal; nil if it has
  /// none.
  public let recipeHash: String?

  /// How long the layers of its networks take, as JSON; nil if it does not ask.
  public let latencyTable: String?

  /// The scale on which its networks see pixels, as JSON; nil if it has no images.
  public let normalization: String?

  /// Where the study begins: some strategies need no supernet.
  public let stage: Stage

  /// Creates the description of a study.
  public init(
    name: String, seed: UInt64, strategy: String, plan: String, planHash: String, space: String,
    recipeHash: String? = nil, latencyTable: String? = nil, normalization: String? = nil,
    stage: Stage = .supernet
  ) {
    self.name = name
    self.seed = seed
    self.strategy = strategy
    self.plan = plan
    self.planHash = planHash
    self.space = space
    self.recipeHash = recipeHash
    self.latencyTable = latencyTable
    self.normalization = normalization
    self.stage = stage
  }
}

/// How far a study has come.
public enum Stage: String, CaseIterable, Hashable, Codable, Sendable {
  /// The supernet is being trained.
  case supernet

  /// The strategy asks and the evaluator answers.
  case search

  /// The best architectures are being scored on the whole hold-out.
  case finalists

  /// Nothing is left to do.
  case done
}

/// One search, from its plan to its frontier.
public struct Study: Hashable, Identifiable, Sendable {
  /// Its number in the database.
  public let id: Int64

  /// Its present name, unique in the database.
  public let name: String

  /// The seed of everything random in it.
  public let seed: UInt64

  /// The name of its strategy.
  public let strategy: String

  /// The search file as it was understood, defaults filled in.
  public let plan: String

  /// The hash of `plan`, in hexadecimal.
  public let planHash: String

  /// The search space, as JSON.
  public let space: String

  /// How far it has come.
  public let stage: Stage

  /// The strategy as of the last trial committed, as JSON; nil before the search begins.
  public let strategyState: String?

  /// The random number generator as of the last trial committed; nil before it is first stored.
  public let randomState: String?

  /// When it was created.
  public let createdAt: Date

  /// The hash of all that the weights of its supernet follow from, in hexadecimal; nil if it has
  /// none, or if it is older than such hashes.
  public let recipeHash: String?

  /// The study that trained its supernet, by the name it had then; nil if it trains its own.
  public let trainedBy: String?

  /// Seconds that its search took, all runs together, from the first question to the last answer.
  ///
  /// The training of a supernet before it is not counted.
  public let searchSeconds: Double

  /// The scale on which its networks see pixels, as JSON; nil if it has no images, or if it is older
  /// than such records.
  public let normalization: String?

  /// Spearman's ρ of a few networks' scores with shared weights and with weights of their own; nil if
  /// it was not found out.
  public let rankAgreement: Double?
}

extension Study {
  init(_ row: Row) throws {
    let seed: Int64 = try row.value("seed")
    self.init(
      id: try row.value("id"), name: try row.value("name"), seed: UInt64(bitPattern: seed),
      strategy: try row.value("strategy"), plan: try row.value("plan"),
      planHash: try row.value("plan_hash"), space: try row.value("space"),
      stage: try row.value("stage"),
      strategyState: try row.decode(String?.self, forColumn: "strategy_state"),
      randomState: try row.decode(String?.self, forColumn: "random_state"),
      createdAt: try row.date("created_at"),
      recipeHash: try row.decode(String?.self, forColumn: "recipe_hash"),
      trainedBy: try row.decode(String?.self, forColumn: "trained_by"),
      searchSeconds: try row.value("search_seconds"),
      normalization: try row.decode(String?.self, forColumn: "normalization"),
      rankAgreement: try row.decode(Double?.self, forColumn: "rank_agreement"))
  }
}

// MARK: - Studies of a store

extension TrialStore {
  /// Creates a study.
  ///
  /// - Throws: ``StoreError/Kind/studyExists(name:)`` if its name is taken.
  public func createStudy(_ new: NewStudy) throws(StoreError) -> Study {
    try write { db in
      try requireNoStudy(named: new.name, db)
      try db.execute(
        sql: """
          INSERT INTO studies
            (name, seed, strategy, plan, plan_hash, space, stage, created_at, recipe_hash,
             normalization)
          VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
          """,
        arguments: [
          new.name, Int64(bitPattern: new.seed), new.strategy, new.plan, new.planHash, new.space,
          new.stage.rawValue, now(), new.recipeHash, new.normalization,
        ])
      if let table = new.latencyTable {
        try db.execute(
          sql: "INSERT INTO latency_tables (study, content, created_at) VALUES (?, ?, ?)",
          arguments: [db.lastInsertedRowID, table, now()])
      }
      return try fetchStudy(named: new.name, db)
    }
  }

  /// Returns the study of the given name.
  ///
  /// - Throws: ``StoreError/Kind/noSuchStudy(name:known:)`` if there is none.
  public func study(named name: String) throws(StoreError) -> Study {
    try read { db in try fetchStudy(named: name, db) }
  }

  /// Returns how long the layers of a study's networks take, as JSON; `nil` if it does not ask.
  public func latencyTable(of studyID: Study.ID) throws(StoreError) -> String? {
    try read { db in
      try String.fetchOne(
        db, sql: "SELECT content FROM latency_tables WHERE study = ?", arguments: [studyID])
    }
  }

  /// Returns every study, oldest first.
  public func studies() throws(StoreError) -> [Study] {
    try read { db in
      try Row.fetchAll(db, sql: "SELECT * FROM studies ORDER BY id").map(Study.init)
    }
  }

  /// Returns the names of every study, oldest first.
  public func studyNames() throws(StoreError) -> [String] {
    try read(fetchStudyNames)
  }

  /// Gives a study another name, which frees the old one for a fresh start.
  ///
  /// - Throws: ``StoreError/Kind/noSuchStudy(name:known:)`` if there is none of the old name;
  ///   ``StoreError/Kind/studyExists(name:)`` if the new name is taken.
  public func renameStudy(named oldName: String, to newName: String) throws(StoreError) {
    try write { db in
      let study = try fetchStudy(named: oldName, db)
      if newName != oldName { try requireNoStudy(named: newName, db) }
      try db.execute(
        sql: "UPDATE studies SET name = ? WHERE id = ?", arguments: [newName, study.id])
    }
  }

  private func requireNoStudy(named name: String, _ db: Database) throws {
    guard try !fetchStudyNames(db).contains(name) else {
      throw StoreError(.studyExists(name: name), path: path)
    }
  }

  private func fetchStudy(named name: String, _ db: Database) throws -> Study {
    guard
      let row = try Row.fetchOne(db, sql: "SELECT * FROM studies WHERE name = ?", arguments: [name])
    else {
      throw StoreError(
        .noSuchStudy(name: name, known: try fetchStudyNames(db)), path: path)
    }
    return try Study(row)
  }

  private func fetchStudyNames(_ db: Database) throws -> [String] {
    try String.fetchAll(db, sql: "SELECT name FROM studies ORDER BY id")
  }
}
