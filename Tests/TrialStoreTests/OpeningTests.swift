import Foundation
import GRDB
import Testing
import TrialStore

@Suite struct OpeningTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  @Test(arguments: [TrialStore.Access.reading, .writing])
  func `creates nothing unless asked to`(access: TrialStore.Access) throws {
    let error = #expect(throws: StoreError.self) {
      try TrialStore.open(path: folder.database, for: access)
    }
    #expect(error?.kind == .missing)
    #expect(try folder.files == [])
  }

  @Test(arguments: [TrialStore.Access.reading, .writing])
  func `takes an empty file for a missing one`(access: TrialStore.Access) throws {
    try Data().write(to: URL(filePath: folder.database))
    let error = #expect(throws: StoreError.self) {
      try TrialStore.open(path: folder.database, for: access)
    }
    #expect(error?.kind == .missing)
    #expect(try folder.files == ["results.sqlite"])
  }

  @Test func `makes a database of an empty file when creating`() throws {
    try Data().write(to: URL(filePath: folder.database))
    #expect(try TrialStore.open(path: folder.database, for: .creating).studies() == [])
  }

  @Test func `goes on with a creation that was cut short`() throws {
    try DatabaseQueue(path: folder.database).write {
      try $0.execute(sql: "PRAGMA application_id = \(0x4E41_5331)")
    }
    let error = #expect(throws: StoreError.self) {
      try TrialStore.open(path: folder.database, for: .reading)
    }
    #expect(error?.kind == .olderSchema(version: 0, known: newestSchema))
    #expect(try TrialStore.open(path: folder.database, for: .creating).studies() == [])
  }

  @Test func `says where a file cannot be created`() throws {
    for path in ["\(folder.path)/no/such/folder.sqlite", "/proc/results.sqlite"] {
      let error = #expect(throws: StoreError.self) {
        try TrialStore.open(path: path, for: .creating)
      }
      #expect(error?.kind == .cannotCreate)
      #expect(error?.path == path)
    }
  }

  @Test(arguments: [TrialStore.Access.reading, .writing, .creating])
  func `leaves files that are not ours as they are`(access: TrialStore.Access) throws {
    for (name, bytes) in try Self.strangers(folder) {
      let url = URL(filePath: folder.path).appending(path: name)
      try bytes.write(to: url)
      let filesBefore = try folder.files

      let error = #expect(throws: StoreError.self, "\(name)") {
        try TrialStore.open(path: url.path(percentEncoded: false), for: access)
      }

      #expect(error?.kind == Self.expectedKinds[name], "\(name)")
      #expect(try Data(contentsOf: url) == bytes, "\(name)")
      #expect(try folder.files == filesBefore, "\(name)")
    }
  }

  static let expectedKinds: [String: StoreError.Kind] = [
    "text.sqlite": .notADatabase, "short.sqlite": .notADatabase, "picture.sqlite": .notADatabase,
    "flipped.sqlite": .notADatabase, "half.sqlite": .corrupt,
    "foreign.sqlite": .foreignDatabase(applicationID: 7),
    "anonymous.sqlite": .foreignDatabase(applicationID: 0),
    "newer.sqlite": .newerSchema(version: 1000, known: newestSchema), "gutted.sqlite": .corrupt,
  ]

  /// Makes the contents of one file of each kind that must be refused.
  static func strangers(_ folder: TemporaryFolder) throws -> [(String, Data)] {
    func database(_ change: (DatabaseQueue) throws -> Void) throws -> Data {
      let path = folder.path + "/sample"
      defer { try? FileManager.default.removeItem(atPath: path) }
      let queue = try DatabaseQueue(path: path)
      try change(queue)
      try queue.close()
      return try Data(contentsOf: URL(filePath: path))
    }
    func ours(_ change: (DatabaseQueue) throws -> Void = { _ in }) throws -> Data {
      let path = folder.path + "/ours"
      defer {
        for end in ["", "-lock"] { try? FileManager.default.removeItem(atPath: path + end) }
      }
      try TrialStore.open(path: path, for: .creating).close()
      let queue = try DatabaseQueue(path: path)
      try change(queue)
      try queue.close()
      return try Data(contentsOf: URL(filePath: path))
    }
    let sound = try ours()
    var flipped = sound
    flipped[3] ^= 0x20
    let text = Data(String(repeating: "epochs: 4\n", count: 500).utf8)
    return [
      ("text.sqlite", text),
      ("short.sqlite", Data("SQLite format 3\0".utf8)),
      ("picture.sqlite", Data([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) + text),
      ("flipped.sqlite", flipped),
      ("half.sqlite", sound.prefix(sound.count / 2)),
      (
        "foreign.sqlite",
        try database { queue in
          try queue.write { try $0.execute(sql: "PRAGMA application_id = 7; CREATE TABLE t (x)") }
        }
      ),
      (
        "anonymous.sqlite",
        try database { queue in try queue.write { try $0.execute(sql: "CREATE TABLE t (x)") } }
      ),
      (
        "newer.sqlite",
        try ours { queue in
          try queue.write { try $0.execute(sql: "PRAGMA user_version = 1000") }
        }
      ),
      (
        "gutted.sqlite",
        try ours { queue in try queue.write { try $0.execute(sql: "DROP TABLE runs") } }
      ),
    ]
  }

  @Test func `leaves a foreign database with a log as it is`() throws {
    let foreign = try DatabasePool(path: folder.database)
    try foreign.write { try $0.execute(sql: "CREATE TABLE t (x); INSERT INTO t VALUES (1)") }
    let before = try Data(contentsOf: URL(filePath: folder.database))

    for access in [TrialStore.Access.reading, .writing, .creating] {
      let error = #expect(throws: StoreError.self) {
        try TrialStore.open(path: folder.database, for: access)
      }
      #expect(error?.kind == .foreignDatabase(applicationID: 0))
    }

    #expect(try Data(contentsOf: URL(filePath: folder.database)) == before)
    try foreign.close()
  }

  @Test func `refuses to write to a database with a damaged page`() throws {
    let (store, _, run) = try folder.makeStudy()
    try store.commit(
      StudyUpdate(trials: (1...2000).map { .sample(macs: $0, scores: [.sample()]) }), in: run)
    try store.endRun(run, as: .stopped)
    try store.close()
    var bytes = try Data(contentsOf: URL(filePath: folder.database))
    let page = bytes.count / 4096 / 2 * 4096
    bytes.replaceSubrange(page..<page + 4096, with: repeatElement(0x5A, count: 4096))
    try bytes.write(to: URL(filePath: folder.database))

    let error = #expect(throws: StoreError.self) {
      try TrialStore.open(path: folder.database, for: .writing)
    }

    #expect(error?.kind == .corrupt)
    #expect(try Data(contentsOf: URL(filePath: folder.database)) == bytes)
    let reader = try TrialStore.open(path: folder.database, for: .reading)
    let whileReading = #expect(throws: StoreError.self) {
      for study in try reader.studies() {
        for trial in try reader.trials(of: study.id) { _ = try reader.scores(of: trial) }
      }
    }
    #expect(whileReading?.kind == .corrupt)
  }

  @Test func `a folder is not a database`() throws {
    for access in [TrialStore.Access.reading, .writing, .creating] {
      let error = #expect(throws: StoreError.self) {
        try TrialStore.open(path: folder.path, for: access)
      }
      #expect(error?.kind == .notADatabase)
    }
  }

  @Test func `reading leaves nothing behind and cannot write`() throws {
    let (store, study, run) = try folder.makeStudy()
    try store.endRun(run, as: .done)
    try store.close()
    let before = try Data(contentsOf: URL(filePath: folder.database))
    #expect(try folder.files == ["results.sqlite", "results.sqlite-lock"])

    let reader = try TrialStore.open(path: folder.database, for: .reading)
    #expect(try reader.studies() == [study])
    let error = #expect(throws: StoreError.self) { try reader.createStudy(.sample(named: "b")) }
    #expect(error?.kind == .readOnly)
    #expect(throws: StoreError.self) { try reader.beginRun(on: study.id) }
    try reader.close()

    #expect(try folder.files == ["results.sqlite", "results.sqlite-lock"])
    #expect(try Data(contentsOf: URL(filePath: folder.database)) == before)
  }

  @Test func `a reader sees what a writer committed, and does not stop it`() throws {
    let (writer, study, run) = try folder.makeStudy()
    let reader = try TrialStore.open(path: folder.database, for: .reading)
    #expect(try reader.trialCount(of: study.id) == 0)

    try writer.commit(StudyUpdate(trials: [.sample()]), in: run)

    #expect(try reader.trialCount(of: study.id) == 1)
    let raw = try DatabaseQueue(path: folder.database)
    try raw.read { db in
      #expect(try Int.fetchOne(db, sql: "SELECT count(*) FROM trials") == 1)
      try writer.commit(StudyUpdate(trials: [.sample()]), in: run)
      #expect(try Int.fetchOne(db, sql: "SELECT count(*) FROM trials") == 1)
    }
    #expect(try reader.trialCount(of: study.id) == 2)
  }

  @Test(.enabled(if: geteuid() != 0, "root may write everything"))
  func `reads a folder that cannot be written, and says so when asked to write`() throws {
    let (store, study, run) = try folder.makeStudy()
    try store.endRun(run, as: .done)
    try store.close()
    for path in [folder.database, folder.path] { #expect(chmod(path, 0o555) == 0) }
    defer { chmod(folder.path, 0o755) }

    let reader = try TrialStore.open(path: folder.database, for: .reading)
    #expect(try reader.studies() == [study])
    let error = #expect(throws: StoreError.self) {
      try TrialStore.open(path: folder.database, for: .creating)
    }
    #expect(error?.kind == .readOnly)
    let elsewhere = #expect(throws: StoreError.self) {
      try TrialStore.open(path: folder.path + "/other.sqlite", for: .creating)
    }
    #expect(elsewhere?.kind == .cannotCreate)
  }

  @Test func `a symbolic link leads to the same database and the same lock`() throws {
    let (_, study, run) = try folder.makeStudy()
    let link = folder.path + "/link"
    try FileManager.default.createSymbolicLink(
      atPath: link, withDestinationPath: folder.database)
    let other = try TrialStore.open(path: link, for: .writing)
    #expect(throws: StoreError.self) { try other.beginRun(on: study.id) }
    withExtendedLifetime(run) {}
  }
}
