public import Foundation
internal import GRDB

/// One process working on a study.
public struct Run: Hashable, Identifiable, Sendable {
  /// Its number in the database; a later run has a higher one.
  public let id: Int64

  /// The process.
  public let processIdentifier: Int32

  /// The machine.
  public let host: String

  /// When it began.
  public let startedAt: Date

  /// When it ended; nil while it works, and for ever if it was killed.
  public let endedAt: Date?

  /// How it ended; nil while it works, and for ever if it was killed.
  public let ending: Ending?

  /// How a run ended.
  public enum Ending: String, CaseIterable, Hashable, Sendable {
    /// The study is finished.
    case done

    /// The user stopped it; another run goes on.
    case stopped

    /// An error stopped it.
    case failed
  }
}

/// The run of this process, with which it may write to a study.
///
/// The study stays locked until the run is ended with ``TrialStore/endRun(_:as:)``, its last
/// reference is gone, or the process ends.
public final class ActiveRun: Sendable {
  /// Its number in the database.
  public let id: Run.ID

  /// The study it works on.
  public let studyID: Study.ID

  let lock: StudyLock

  init(id: Run.ID, studyID: Study.ID, lock: StudyLock) {
    self.id = id
    self.studyID = studyID
    self.lock = lock
  }
}

extension Run {
  init(_ row: Row) throws {
    let ending = try row.decode(String?.self, forColumn: "ending")
    let endedAt = try row.decode(Double?.self, forColumn: "ended_at")
    self.init(
      id: try row.value("id"), processIdentifier: try row.value("pid"),
      host: try row.value("host"), startedAt: try row.date("started_at"),
      endedAt: endedAt.map(Date.init(timeIntervalSince1970:)),
      ending: ending.flatMap(Ending.init))
  }
}

// MARK: - Runs of a store

extension TrialStore {
  /// Locks a study for this process and notes that it works on it.
  ///
  /// - Throws: ``StoreError/Kind/locked(processIdentifier:host:)`` if another process, or another
  ///   store of this one, works on it.
  public func beginRun(on studyID: Study.ID) throws(StoreError) -> ActiveRun {
    guard access != .reading else { throw StoreError(.readOnly, path: path) }
    let lock = try StudyLock(on: studyID, of: file)
    guard try lock.acquire() else {
      let owner = try read { db in try latestRun(of: studyID, db) }
      throw StoreError(
        .locked(processIdentifier: owner?.processIdentifier, host: owner?.host), path: path)
    }
    let id = try write { db in
      try db.execute(
        sql: "INSERT INTO runs (study, pid, host, started_at) VALUES (?, ?, ?, ?)",
        arguments: [studyID, getpid(), Self.hostName, now()])
      return db.lastInsertedRowID
    }
    return ActiveRun(id: id, studyID: studyID, lock: lock)
  }

  /// Notes how a run ended and unlocks its study.
  ///
  /// - Throws: ``StoreError/Kind/ownershipLost(processIdentifier:host:)`` if it had ended before.
  public func endRun(_ run: ActiveRun, as ending: Run.Ending) throws(StoreError) {
    try write { db in
      try requireOwnership(of: run, db)
      try db.execute(
        sql: "UPDATE runs SET ended_at = ?, ending = ? WHERE id = ?",
        arguments: [now(), ending.rawValue, run.id])
    }
    run.lock.release()
  }

  /// Returns the runs of a study, oldest first.
  public func runs(of studyID: Study.ID) throws(StoreError) -> [Run] {
    try read { db in
      try Row.fetchAll(
        db, sql: "SELECT * FROM runs WHERE study = ? ORDER BY id", arguments: [studyID]
      ).map(Run.init)
    }
  }

  /// Throws unless `run` is the latest of its study and has not ended.
  ///
  /// The lock alone would do if nobody ever deleted the file it is on.
  func requireOwnership(of run: ActiveRun, _ db: Database) throws {
    let latest = try latestRun(of: run.studyID, db)
    guard let latest, latest.id == run.id, latest.ending == nil else {
      throw StoreError(
        .ownershipLost(processIdentifier: latest?.processIdentifier, host: latest?.host),
        path: path)
    }
  }

  private func latestRun(of studyID: Study.ID, _ db: Database) throws -> Run? {
    try Row.fetchOne(
      db, sql: "SELECT * FROM runs WHERE study = ? ORDER BY id DESC LIMIT 1", arguments: [studyID]
    ).map(Run.init)
  }

  /// The machine's name; Foundation's may ask the network for it and wait.
  private static var hostName: String {
    var name = [CChar](repeating: 0, count: 256)
    guard gethostname(&name, name.count - 1) == 0 else { return "unknown" }
    return String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}
