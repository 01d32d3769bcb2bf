import Export
import Foundation
import GRDB
import SearchSpace
import Testing

@Suite struct TrialTableTests {
  /// Three trials: a scored one, one with everything that could trip up a reader, one that failed.
  static let table: TrialTable = {
    let space: SearchSpace
    do {
      space = try SearchSpace(name: "space", input: [1, 8, 8], classes: 2) {
        Convolution(name: "stem", width: [8, 16, 24], kernel: 3)
        Convolution(name: "=odd", width: [3, 5, 9], kernel: 3)
        GlobalAveragePool()
        Linear()
      }
    } catch {
      preconditionFailure("\(error)")
    }
    let names = space.decisions.map(\.name)
    func row(_ number: Int, _ sizes: [Int]) -> TrialTable.Row {
      .init(
        number: number, step: number - 1, role: nil, isChosen: false,
        cost: Cost(macs: 1000 * number, parameters: 10 * number),
        sizes: Dictionary(uniqueKeysWithValues: zip(names, sizes)), failure: nil,
        endedAt: Date(timeIntervalSince1970: 1_700_000_000.25), seconds: 1.5, score: nil,
        testAccuracy: nil)
    }
    var first = row(1, [16, 5])
    first.cost.latency = 1500
    first.score = .init(
      accuracy: 0.75, interval: 0.7...0.8, loss: 0.5, images: 200, fidelity: "shared")
    var second = row(2, [8, 9])
    second.role = "=HYPERLINK(\"http://evil.example\"), \"a\"\n"
    second.isChosen = true
    second.score = .init(
      accuracy: 0.5, interval: 0.4...0.6, loss: 1, images: 200, fidelity: "retrained")
    second.testAccuracy = 0.25
    var third = row(3, [24, 3])
    third.failure = "'; DROP TABLE trials; --"
    let curve = TrialTable.Curve(
      name: "supernet/../..",
      points: [
        .init(step: 10, seconds: 1, loss: 2, accuracy: nil, learningRate: 0.1),
        .init(step: 20, seconds: 2, loss: .nan, accuracy: 0.5, learningRate: 0.05),
      ])
    return TrialTable(
      study: "a \"study\"", strategy: "autoslim", seed: .max,
      createdAt: Date(timeIntervalSince1970: 1_700_000_000), plan: "study: x\n",
      decisions: space.decisions, rows: [first, second, third], curves: [curve])
  }()

  private func withFolder(_ body: (URL) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "nas-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder)
  }

  @Test func `writes trials as values that a spreadsheet takes for no formula`() {
    let lines = Self.table.csv.components(separatedBy: "\r\n")
    #expect(
      lines[0]
        == "trial,step,role,chosen,state,macs,params,latency_ns,accuracy,low,high,loss,images,weights,"
        + "test_accuracy,seconds,ended,reason,stem,'=odd")
    #expect(
      lines[1]
        == "1,0,,false,done,1000,10,1500,0.75,0.7,0.8,0.5,200,shared,,1.5,2023-11-14T22:13:20Z,,16,5"
    )
    #expect(
      lines[2]
        == "2,1,\"'=HYPERLINK(\"\"http://evil.example\"\"), \"\"a\"\"\n\",true,done,2000,20,,0.5,0.4,0.6,"
        + "1.0,200,retrained,0.25,1.5,2023-11-14T22:13:20Z,,8,9")
    #expect(lines[3].contains("failed,3000,30,,,,,,,,,1.5,"))
    #expect(lines.count == 5 && lines[4].isEmpty)
  }

  @Test func `writes a database as Optuna does`() throws {
    try withFolder { folder in
      let path = folder.appending(path: "trials.db").path
      try Self.table.writeOptuna(to: path, replacing: false)
      #expect(throws: ExportError.self) { try Self.table.writeOptuna(to: path, replacing: false) }
      try Self.table.writeOptuna(to: path, replacing: true)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["trials.db"])
      try DatabaseQueue(path: path).read { db in
        func rows(_ sql: String) throws -> [String] {
          try Row.fetchAll(db, sql: sql).map { row in
            row.map { "\($0.1)" }.joined(separator: " ")
          }
        }
        #expect(try String.fetchAll(db, sql: "PRAGMA foreign_key_check").isEmpty)
        #expect(
          try rows("SELECT schema_version, version_num FROM version_info, alembic_version")
            == ["12 \"v3.2.0.a\""])
        #expect(try String.fetchAll(db, sql: "SELECT study_name FROM studies") == ["a \"study\""])
        #expect(
          try rows("SELECT * FROM trials") == [
            "1 0 1 \"COMPLETE\" \"2023-11-14 22:13:18.750000\" \"2023-11-14 22:13:20.250000\"",
            "2 1 1 \"COMPLETE\" \"2023-11-14 22:13:18.750000\" \"2023-11-14 22:13:20.250000\"",
            "3 2 1 \"FAIL\" \"2023-11-14 22:13:18.750000\" \"2023-11-14 22:13:20.250000\"",
          ])
        #expect(
          try rows("SELECT trial_id, objective, value, value_type FROM trial_values") == [
            "1 0 0.75 \"FINITE\"", "1 1 1000.0 \"FINITE\"", "2 0 0.5 \"FINITE\"",
            "2 1 2000.0 \"FINITE\"",
          ])
        // Even steps are whole numbers, others are places among categories.
        let parameters = try Row.fetchAll(
          db, sql: "SELECT param_name, param_value, distribution_json FROM trial_params")
        #expect(parameters.map { $0["param_value"] as Double } == [16, 1, 8, 2, 24, 0])
        #expect(
          parameters[0]["distribution_json"] as String
            == #"{"name": "IntDistribution", "attributes": {"log": false, "step": 8, "low": 8, "high": 24}}"#
        )
        #expect(
          parameters[1]["distribution_json"] as String
            == #"{"name": "CategoricalDistribution", "attributes": {"choices": [3, 5, 9]}}"#)
        for text in try String.fetchAll(
          db,
          sql: """
            SELECT value_json FROM trial_user_attributes UNION ALL
            SELECT value_json FROM study_user_attributes UNION ALL
            SELECT distribution_json FROM trial_params
            """)
        {
          _ = try JSONSerialization.jsonObject(with: Data(text.utf8), options: .fragmentsAllowed)
        }
      }
    }
  }

  @Test func `checks records as others do`() {
    // RFC 3720, B.4, and the check value of the CRC catalogue.
    #expect(EventFile.checksum(of: [UInt8](repeating: 0, count: 32)) == 0x8a91_36aa)
    #expect(EventFile.checksum(of: [UInt8](repeating: 0xff, count: 32)) == 0x62a8_ab43)
    #expect(EventFile.checksum(of: (0..<32).map { UInt8($0) }) == 0x46dd_794e)
    #expect(EventFile.checksum(of: Array("123456789".utf8)) == 0xe306_9283)
    // The first record of any file by tensorboard 2.21, for an event at 0 s.
    let bytes = EventFile(start: Date(timeIntervalSince1970: 0)).bytes
    #expect(bytes.prefix(8) == [24, 0, 0, 0, 0, 0, 0, 0])
    #expect(bytes.count == 24 + 16)
  }

  @Test func `writes curves and trials as event files`() throws {
    try withFolder { folder in
      let path = folder.appending(path: "events").path
      #expect(try Self.table.writeTensorBoard(to: path, replacing: false) == 2)
      let files = try FileManager.default.subpathsOfDirectory(atPath: path).filter {
        $0.contains("tfevents")
      }
      let name = "events.out.tfevents.0.nas"
      #expect(
        files.sorted() == [
          name, "supernet------/\(name)", "trials/00001/\(name)", "trials/00002/\(name)",
        ])
      #expect(throws: ExportError.self) {
        try Self.table.writeTensorBoard(to: path, replacing: false)
      }
      try Self.table.writeTensorBoard(to: path, replacing: true)
      // Every record's length and checksums lead to the next, and the last to the end.
      for file in files {
        let bytes = [UInt8](try Data(contentsOf: URL(filePath: path).appending(path: file)))
        var place = 0
        var records = 0
        while place < bytes.count {
          let length = bytes[place..<place + 8].reversed().reduce(0) { $0 << 8 | Int($1) }
          for (start, count) in [(place, 8), (place + 12, length)] {
            let checksum = bytes[(start + count)..<(start + count + 4)].reversed().reduce(0) {
              $0 << 8 | UInt32($1)
            }
            let rotated = checksum &- 0xa282_ead8
            #expect(
              rotated << 15 | rotated >> 17
                == EventFile.checksum(of: Array(bytes[start..<start + count])))
          }
          place += length + 16
          records += 1
        }
        #expect(place == bytes.count && records >= 2)
      }
    }
  }

  @Test func `replaces nothing that it has not written`() throws {
    try withFolder { folder in
      try Data("mine".utf8).write(to: folder.appending(path: "thesis.txt"))
      for replacing in [false, true] {
        #expect(throws: ExportError.self) {
          try Self.table.writeTensorBoard(to: folder.path, replacing: replacing)
        }
        #expect(throws: ExportError.self) {
          try Self.table.writeCSV(to: folder.path, replacing: replacing)
        }
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["thesis.txt"])
    }
  }
}
