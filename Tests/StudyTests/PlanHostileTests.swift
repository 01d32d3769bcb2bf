import Foundation
import SearchSpace
import Study
import Testing

/// Files that no one writes who means well.
@Suite(.serialized) struct PlanHostileTests {
  /// The messages about a file, which has to be refused within a few seconds.
  private func messages(_ text: String) throws -> [String] {
    try messages(Array(text.utf8))
  }

  private func messages(_ bytes: [UInt8]) throws -> [String] {
    var error: PlanError?
    let time = ContinuousClock().measure {
      error = #expect(throws: PlanError.self) { _ = try Plan(bytes, file: "f.yaml") }
    }
    // Alone it takes a second at most; but other tests keep the processors busy.
    #expect(time < .seconds(10))
    let problems = try #require(error).problems
    #expect(!problems.isEmpty && problems.allSatisfy { $0.line >= 1 && $0.column >= 1 })
    return problems.map { "\($0.line):\($0.column) \($0.message)" }
  }

  @Test func `refuses a billion laughs, as values and as keys`() throws {
    let laughs = (1..<30).map { level in
      let previous = (0..<9).map { _ in "*l\(level - 1)" }.joined(separator: ", ")
      return "l\(level): &l\(level) [\(previous)]\n"
    }
    let values = "l0: &l0 [lol]\n" + laughs.joined()
    #expect(try messages(values).contains { $0.hasPrefix("2:10 aliases such as *name") })
    // Yams hashes keys with all that is in them.
    let keys = values + "? *l29\n: x\n"
    #expect(try messages(keys).contains { $0.hasPrefix("1:5 anchors such as &name") })
  }

  @Test func `refuses what is nested deeply`() throws {
    for bracket in ["[", "{", "- ", "? "] {
      for depth in [900, 1100, 100_000] {
        #expect(try messages(String(repeating: bracket, count: depth)).count <= 30)
      }
    }
    let nested = String(repeating: "[", count: 40) + String(repeating: "]", count: 40)
    #expect(
      try messages(search(["study": nested]))
        == [
          "5:39 this is nested more than 32 levels deep; a search is not",
          "5:8 study must be a name, but is a list",
        ].reversed())
    let stairs = (0..<40).map { String(repeating: " ", count: $0) + "a:\n" }.joined()
    #expect(try messages(stairs).contains { $0.contains("more than 32 levels deep") })
  }

  @Test func `refuses what is large`() throws {
    let large = [UInt8](repeating: UInt8(ascii: "a"), count: 50_000_000)
    let refusal = "1:1 the file is larger than 1 MB; a search file is a page of text"
    #expect(try messages(large) == [refusal])
    #expect(try messages("study: " + String(repeating: "x", count: 10_000_000)) == [refusal])
    // Just small enough to be looked at.
    #expect(
      try messages(search(["study": String(repeating: "x", count: 900_000)]))
        == ["5:8 study has 900000 characters; shorten it to 100"])
  }

  enum Megabyte: CaseIterable {
    case items, flow, keys, nestedKeys, deepKeys, sameKeys, aliases, comments, runningOn

    var text: String {
      func times(_ count: Int, _ text: String) -> String { String(repeating: text, count: count) }
      func words(_ count: Int, _ end: String) -> String {
        (0..<count).map { "a\($0)\(end)" }.joined()
      }
      return switch self {
      case .items: times(249_000, "- a\n")
      case .flow: "[" + times(490_000, "a,") + "]"
      case .keys: words(110_000, ":\n")
      case .nestedKeys: times(20, "{") + words(120_000, ",") + times(20, "}")
      case .deepKeys: times(900, "{") + words(3000, ",") + times(900, "}")
      case .sameKeys: times(190_000, "a: 1\n")
      case .aliases: "[" + times(300_000, "*a,") + "]"
      case .comments: times(120_000, "# [[??*\n")
      case .runningOn: "a: b\n" + times(300_000, " x\n")
      }
    }
  }

  @Test(arguments: Megabyte.allCases)
  func `is done with a megabyte in a few seconds`(megabyte: Megabyte) throws {
    _ = try messages(megabyte.text)
  }

  @Test func `counts what a file holds`() throws {
    #expect(
      try messages(search(["study": "[" + String(repeating: "a,", count: 12_000) + "]"]))
        .contains { $0.contains("more than 10000 values") })
  }

  @Test(
    arguments: [
      ([], "1:1 the file is empty; searches/autoslim.yaml is one to start from"),
      ([0x23, 0x0a], "1:1 the file is empty; searches/autoslim.yaml is one to start from"),
      ([0xff, 0xfe, 0x61, 0x00], "1:1 the file is UTF-16; save it as UTF-8"),
      ([0xfe, 0xff, 0x00, 0x61], "1:1 the file is UTF-16; save it as UTF-8"),
      ([0x61, 0x0a, 0xc3, 0x28], "2:1 this is not UTF-8; save the file as UTF-8"),
      ([0x61, 0xed, 0xa0, 0x80], "1:2 this is not UTF-8; save the file as UTF-8"),
      (
        [0x61, 0x0d, 0x0a, 0x62, 0x00],
        "2:2 a NUL character cannot be in a search file; was it saved as UTF-16?"
      ),
      (
        [0x61, 0x0d, 0x1b],
        #"2:1 the control character \x1b cannot be in a search file; remove it"#
      ),
      (
        [0xef, 0xbb, 0xbf, 0x61, 0xe2, 0x80, 0xa8],
        "1:2 the separator U+2028 cannot be in a search file; replace it by a line break"
      ),
    ] as [([UInt8], String)])
  func `refuses what is not text`(bytes: [UInt8], message: String) throws {
    #expect(try messages(bytes) == [message])
  }

  /// Turns a good file into others by a few changes a time.
  @Test func `makes a plan or an error of anything`() throws {
    let seed: UInt64 = 20_261_121
    print("mutating a search with seed \(seed)")
    var generator = SeededGenerator(seed: seed)
    let layers = LayersTests.pairs.map { "    - {\($0.yaml)}\n" }.joined()
    let own = search(["space": "\n  input: [3, 32, 32]\n  layers:\n" + layers])
    let starts = [PlanResolvedTests.everything, own].map { Array($0.utf8) }
    let pieces = [
      "*a", "&a ", "!t ", "? ", ": ", "- ", "{", "}", "[", "]", ",", "\"", "'", "#", "\n", "\t",
      "\r",
      "\u{0}", "\u{feff}", "\u{e000}", "\\ue000", "%", "---\n", "|\n", ">", "<<: ", "1e400", "-1",
      "99999999999999999999", "nan", "%", "{from: 1, to: 9}", "[3, 5]", "one-of: ", "[]",
      "seed: 1\n", "resnet-", "é", "\u{2028}", "  ",
    ].map { Array($0.utf8) }
    let clock = ContinuousClock()
    let seconds = ProcessInfo.processInfo.environment["NAS_FUZZ_SECONDS"].flatMap { Int($0) }
    let end = clock.now + .seconds(seconds ?? 2)
    var plans = 0
    var errors = 0
    while clock.now < end {
      let start = starts[Int.random(in: 0...1, using: &generator)]
      var bytes = start
      for _ in 0..<Int.random(in: 1...3, using: &generator) {
        let place = Int.random(in: 0..<bytes.count, using: &generator)
        let length = Int.random(in: 0...min(12, bytes.count - place), using: &generator)
        switch Int.random(in: 0..<6, using: &generator) {
        case 0:
          bytes[place] = UInt8.random(in: 0...255, using: &generator)
        case 1:
          bytes[place] = UInt8.random(in: 0x20...0x7e, using: &generator)
        case 2:
          bytes.removeSubrange(place..<place + length)
        case 3:
          bytes.insert(contentsOf: pieces.randomElement(using: &generator) ?? [], at: place)
        case 4:
          let other = Int.random(in: 0..<bytes.count, using: &generator)
          bytes.insert(contentsOf: bytes[place..<place + length], at: other)
        default:
          bytes[place] = UInt8(ascii: "0") + UInt8.random(in: 0...9, using: &generator)
        }
        if bytes.isEmpty { bytes = start }
      }
      do {
        let plan = try Plan(bytes, file: "f.yaml")
        #expect(try Plan(plan.resolved.utf8, file: "g.yaml") == plan)
        plans += 1
      } catch {
        #expect(!error.problems.isEmpty)
        #expect(error.problems.allSatisfy { $0.line >= 1 && $0.column >= 1 })
        #expect(error.description.utf8.allSatisfy { $0 >= 0x20 || $0 == UInt8(ascii: "\n") })
        errors += 1
      }
    }
    print("of which \(plans) were plans and \(errors) were not")
    #expect(plans > 10 && errors > 10)
  }
}
