import Testing
import TrialStore

@Suite struct StoreErrorTests {
  @Test(arguments: [
    StoreError.Kind.missing, .notADatabase, .foreignDatabase(applicationID: 7),
    .newerSchema(version: 9, known: 1), .olderSchema(version: 0, known: 1), .corrupt,
    .cannotCreate, .readOnly, .diskFull, .inputOutput, .busy,
    .locked(processIdentifier: 1, host: "h"), .ownershipLost(processIdentifier: nil, host: nil),
    .noSuchStudy(name: "a", known: []), .noSuchTrial(number: 1, last: 0), .studyExists(name: "a"),
    .unexpected,
  ])
  func `is one line that says what, where and what to do`(kind: StoreError.Kind) {
    let line = StoreError(kind, path: "r.sqlite", cause: .init(code: 1, message: "why")).description
    #expect(line.hasPrefix("r.sqlite: "))
    #expect(line.contains(" (why); "))
    #expect(!line.contains("\n"))
  }

  @Test func `names the process that holds a study`() {
    let error = StoreError(.locked(processIdentifier: 42, host: "node7"), path: "r.sqlite")
    #expect(
      error.description
        == "r.sqlite: process 42 on node7 is working on this study; "
        + "wait until it is done or stop it, then run again")
  }

  @Test func `spells out what could command a terminal`() {
    let error = StoreError(.studyExists(name: "a\u{1B}[2J\n\u{202E}ü"), path: "r.sqlite")
    #expect(
      error.description
        == #"r.sqlite: there already is a study 'a\u{1B}[2J\n\u{202E}ü'; "#
        + "go on with it, or rename it first")
  }

  @Test func `lists only the latest of many studies`() {
    let error = StoreError(
      .noSuchStudy(name: "x", known: (1...7).map { "s\($0)" }), path: "r.sqlite")
    #expect(
      error.description.hasSuffix("the latest of 7 studies are 's3', 's4', 's5', 's6', 's7'"))
  }
}
