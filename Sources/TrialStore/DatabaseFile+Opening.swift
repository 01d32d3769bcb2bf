import Foundation
internal import GRDB

extension DatabaseFile {
  /// Files up to this many bytes are checked page by page before they are written to.
  private static let checkedSize = 64 << 20

  /// Opens the file to read it.
  func openForReading() throws(StoreError) -> DatabaseQueue {
    switch try examine() {
    case .absent, .empty: throw StoreError(.missing, path: path)
    case .ours: break
    }
    let (queue, version) = try openForReadingAnyVersion()
    guard version == Schema.version else {
      throw StoreError(.olderSchema(version: version, known: Schema.version), path: path)
    }
    return queue
  }

  /// Opens the file to write it, and brings its schema up to date.
  ///
  /// - Parameter creating: Whether to create it if it is absent or has no bytes.
  /// - Returns: A connection to a database of the latest schema.
  /// - Throws: ``StoreError`` if the file is not a sound database of ours that can be written.
  func openForWriting(creating: Bool) throws(StoreError) -> DatabaseQueue {
    // All that may be refused is refused before a lock file is left beside it.
    let found = try examine()
    try requireUse(found, creating: creating)
    if case .ours(let version) = found, version > 0 { try checkPages() }
    // Two processes may create or migrate one file at the same time: the second one waits, and
    // then finds it done.
    let lock = try StudyLock(on: StudyLock.schema, of: self)
    try lock.waitUntilAcquired(seconds: 10)
    defer { lock.release() }
    let contents = try examine()
    try requireUse(contents, creating: creating)

    return try translatingErrors(at: path) {
      let queue: DatabaseQueue
      do {
        queue = try DatabaseQueue(path: location, configuration: Self.writing)
      } catch DatabaseError.SQLITE_CANTOPEN where contents == .absent {
        throw StoreError(.cannotCreate, path: path)
      }
      try queue.writeWithoutTransaction { db in
        // Before anything else, so that a file whose creation was cut short is known to be ours;
        // and again then, for SQLite may just have undone it.
        if [.absent, .empty, .ours(version: 0)].contains(contents) {
          try db.execute(sql: "PRAGMA application_id = \(Schema.applicationID)")
        }
        let mode = try String.fetchOne(db, sql: "PRAGMA journal_mode = WAL")
        guard mode == "wal" else {
          throw StoreError(
            .inputOutput, path: path,
            cause: .init(code: 0, message: "this file system has no write-ahead log"))
        }
      }
      if contents != .ours(version: Schema.version) { try Schema.migrator.migrate(queue) }
      return queue
    }
  }

  /// Opens the file to read it, whatever its schema, so that nothing changes on the disk.
  ///
  /// - Throws: ``StoreError`` if it is not ours, too new or damaged.
  func openForReadingAnyVersion() throws(StoreError) -> (queue: DatabaseQueue, version: Int) {
    try translatingErrors(at: path) {
      let queue = try makeReader()
      let version = try queue.read { db in
        let version = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
        let applicationID = try Int32.fetchOne(db, sql: "PRAGMA application_id") ?? 0
        try judge(applicationID: applicationID, version: version)
        let tables = try Set(String.fetchAll(db, sql: "SELECT name FROM sqlite_master"))
        guard version == 0 || tables.isSuperset(of: Schema.tables) else {
          throw StoreError(
            .corrupt, path: path,
            cause: .init(
              code: 0,
              message:
                "no table \(Schema.tables.filter { !tables.contains($0) }.joined(separator: ", "))")
          )
        }
        return version
      }
      return (queue, version)
    }
  }

  // MARK: - Steps

  private func requireUse(_ contents: Contents, creating: Bool) throws(StoreError) {
    switch contents {
    case .absent where creating: break
    case .empty where creating, .ours:
      guard access(location, W_OK) == 0 else {
        throw StoreError(.readOnly, path: path, systemError: errno)
      }
    case .absent, .empty: throw StoreError(.missing, path: path)
    }
  }

  /// Opens a connection to read.
  ///
  /// SQLite needs a log and an index of it even to read. If there is a log, a read-only connection
  /// uses it and never moves its pages into the file. If there is none, a connection that could
  /// write makes an empty one and, unlike a read-only one, takes it away again.
  private func makeReader() throws -> DatabaseQueue {
    var configuration = Self.reading
    configuration.readonly = hasLog
    let folder = URL(filePath: location).deletingLastPathComponent().path(percentEncoded: false)
    guard hasLog || access(folder, W_OK) == 0 else {
      // SQLite cannot make its files here, but neither can a writer: nothing changes underneath.
      configuration.readonly = true
      return try DatabaseQueue(path: immutableURI, configuration: configuration)
    }
    return try DatabaseQueue(path: location, configuration: configuration)
  }

  /// The name by which SQLite reads the file as if it were on a medium that cannot change.
  private var immutableURI: String {
    var uri = URLComponents()
    uri.scheme = "file"
    uri.path = location
    uri.queryItems = [URLQueryItem(name: "immutable", value: "1")]
    return uri.string ?? location
  }

  /// Reads the schema, and every page of a file that is small enough for that to go unnoticed.
  private func checkPages() throws(StoreError) {
    let (queue, _) = try openForReadingAnyVersion()
    var status = stat()
    guard stat(location, &status) == 0, status.st_size <= Self.checkedSize else { return }
    try translatingErrors(at: path) {
      let complaint = try queue.read { db in
        try String.fetchOne(db, sql: "PRAGMA quick_check(1)")
      }
      if let complaint, complaint != "ok" {
        throw StoreError(.corrupt, path: path, cause: .init(code: 0, message: complaint))
      }
    }
  }

  private static var reading: Configuration {
    var configuration = Configuration()
    configuration.busyMode = .timeout(10)
    return configuration
  }

  private static var writing: Configuration {
    var configuration = reading
    configuration.prepareDatabase { db in
      // After a loss of power the last commits may be gone, but the file is sound; the death of
      // the process loses nothing.
      try db.execute(sql: "PRAGMA synchronous = NORMAL")
      // Debian's SQLite overwrites deleted pages with zeros, which old checkpoints need not be.
      try db.execute(sql: "PRAGMA secure_delete = OFF")
    }
    return configuration
  }
}
