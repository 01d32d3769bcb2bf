import Foundation
import GRDB
import Testing
import TrialStore

/// How many migrations there are.
let newestSchema = 6

@Suite struct SchemaTests {
  @Test func `results.sql makes what the migrations make`() throws {
    let folder = try TemporaryFolder()
    _ = try TrialStore.open(path: folder.database, for: .creating)
    let migrated = try DatabaseQueue(path: folder.database)
    let written = try DatabaseQueue()
    try written.write { try $0.execute(sql: Self.resultsSQL) }

    #expect(try Self.schema(of: migrated) == Self.schema(of: written))
    #expect(try Self.migrations(of: migrated) == Self.migrations(of: written))
    #expect(try Self.number("application_id", of: migrated) == 0x4E41_5331)
    #expect(try Self.number("application_id", of: written) == 0x4E41_5331)
    #expect(try Self.number("user_version", of: migrated) == newestSchema)
    #expect(try Self.number("user_version", of: written) == newestSchema)
  }

  @Test func `a database made from results.sql can be worked with`() throws {
    let folder = try TemporaryFolder()
    try DatabaseQueue(path: folder.database).write { try $0.execute(sql: Self.resultsSQL) }

    let store = try TrialStore.open(path: folder.database, for: .writing)

    #expect(try store.createStudy(.sample()).name == "fashion")
  }

  @Test func `keeps a write-ahead log and strict tables`() throws {
    let folder = try TemporaryFolder()
    _ = try TrialStore.open(path: folder.database, for: .creating)
    let database = try DatabaseQueue(path: folder.database)

    #expect(
      try database.read { try String.fetchOne($0, sql: "PRAGMA journal_mode") } == "wal")
    let loose = try database.read { db in
      try String.fetchAll(
        db,
        sql: """
          SELECT name FROM pragma_table_list
          WHERE schema = 'main' AND NOT strict AND name NOT LIKE 'sqlite_%'
          """)
    }
    #expect(loose == ["grdb_migrations"])
  }

  private static var resultsSQL: String {
    get throws {
      let root = URL(filePath: #filePath).appending(path: "../../..").standardized
      return try String(contentsOf: root.appending(path: "results.sql"), encoding: .utf8)
    }
  }

  private static func number(_ pragma: String, of database: DatabaseQueue) throws -> Int? {
    try database.read { try Int.fetchOne($0, sql: "PRAGMA \(pragma)") }
  }

  private static func migrations(of database: DatabaseQueue) throws -> [String] {
    try database.read {
      try String.fetchAll($0, sql: "SELECT identifier FROM grdb_migrations ORDER BY identifier")
    }
  }

  /// Returns the statements that make up a schema, without comments and spaces.
  ///
  /// Spaces all go, so words could merge; but the two sides would have to differ in nothing else.
  private static func schema(of database: DatabaseQueue) throws -> [String] {
    let rows = try database.read { db in
      try String.fetchAll(
        db, sql: "SELECT type || ' ' || name || ': ' || coalesce(sql, '') FROM sqlite_master")
    }
    return rows.map { row in
      row.replacing(/--[^\n]*/, with: "").filter { !$0.isWhitespace }
    }.sorted()
  }
}
