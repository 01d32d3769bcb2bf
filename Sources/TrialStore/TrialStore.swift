public import Foundation
internal import GRDB

/// The results of every study, in one SQLite file.
///
/// One process at a time works on a study and writes with ``commit(_:in:)``; any number of others
/// read meanwhile, without making it wait.
///
///     let store = try TrialStore.open(path: "results.sqlite", for: .creating)
///     let study = try store.createStudy(description)
///     let run = try store.beginRun(on: study.id)
///     try store.commit(StudyUpdate(trials: answers, strategyState: state), in: run)
///     try store.endRun(run, as: .done)
///
/// Calls block until SQLite is done. Every error is a ``StoreError``.
public struct TrialStore: Sendable {
  /// The database file, as the caller named it.
  public let path: String

  /// What the store was opened for.
  public let access: Access

  let file: DatabaseFile
  private let queue: DatabaseQueue
  private let clock: @Sendable () -> Date

  /// What a store is opened for.
  public enum Access: Hashable, Sendable {
    /// To read. Nothing is created or changed.
    case reading

    /// To read and write a database that exists.
    case writing

    /// To read and write a database that is created if there is none.
    case creating
  }

  /// Opens the results at `path`.
  ///
  /// A file that is anything but a database of this program is left as it is, to the last byte.
  ///
  /// - Parameters:
  ///   - path: The database file. SQLite keeps files beside it while it is open, with `-wal` and
  ///     `-shm` at the end of their names, and writers one that ends in `-lock`.
  ///   - access: What to do with it.
  ///   - clock: Tells the instant of everything that is stored.
  /// - Returns: The store, which keeps the file open as long as a copy of it lives.
  /// - Throws: ``StoreError`` if the file is missing, not ours, damaged, or out of reach.
  public static func open(
    path: String, for access: Access, clock: @escaping @Sendable () -> Date = { Date() }
  ) throws(StoreError) -> TrialStore {
    let file = DatabaseFile(path: path)
    let queue =
      switch access {
      case .reading: try file.openForReading()
      case .writing: try file.openForWriting(creating: false)
      case .creating: try file.openForWriting(creating: true)
      }
    return TrialStore(path: path, access: access, file: file, queue: queue, clock: clock)
  }

  /// Closes the file at once instead of with the last copy of the store.
  ///
  /// Whatever is asked of the store afterwards fails.
  public func close() throws(StoreError) {
    try translatingErrors(at: path) { try queue.close() }
  }

  /// The present instant as Unix seconds, which is how all instants are stored.
  func now() -> Double { clock().timeIntervalSince1970 }

  /// Reads in one transaction, so that all that is read is from the same instant.
  func read<Value>(_ body: (Database) throws -> Value) throws(StoreError) -> Value {
    try translatingErrors(at: path) { try queue.read(body) }
  }

  /// Writes in one transaction, which is undone as a whole if `body` throws.
  func write<Value>(_ body: (Database) throws -> Value) throws(StoreError) -> Value {
    guard access != .reading else { throw StoreError(.readOnly, path: path) }
    return try translatingErrors(at: path) { try queue.write(body) }
  }

  /// Refuses to let the file grow, as a full disk would, so that a test can meet one.
  package func limitSize(toPages pages: Int) throws(StoreError) {
    try translatingErrors(at: path) {
      try queue.writeWithoutTransaction { db in
        _ = try Int.fetchOne(db, sql: "PRAGMA max_page_count = \(pages)")
      }
    }
  }
}

/// Does something with the database at `path` and turns every error into a ``StoreError``.
func translatingErrors<Value>(
  at path: String, _ body: () throws -> Value
) throws(StoreError) -> Value {
  do {
    return try body()
  } catch {
    throw StoreError(error, path: path)
  }
}

extension TrialStore {
  /// The version of the linked SQLite library, such as `3.40.1`.
  public static var sqliteVersion: String {
    let version = try? DatabaseQueue().read { db in
      try String.fetchOne(db, sql: "SELECT sqlite_version()")
    }
    return version ?? "unknown"
  }
}
