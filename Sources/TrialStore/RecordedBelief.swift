internal import GRDB

/// What a strategy that learns distributions held probable at a point of its search.
public struct RecordedBelief: Hashable, Sendable {
  /// How many weight steps were done.
  public let step: Int

  /// The distributions, as JSON.
  public let content: String

  /// Creates a record.
  public init(step: Int, content: String) {
    self.step = step
    self.content = content
  }
}

extension TrialStore {
  /// Returns what a study's strategy held probable, the earliest first; nothing for a strategy that
  /// learns no distributions.
  public func beliefs(of studyID: Study.ID) throws(StoreError) -> [RecordedBelief] {
    try read { db in
      try Row.fetchAll(
        db, sql: "SELECT step, content FROM beliefs WHERE study = ? ORDER BY step",
        arguments: [studyID]
      ).map { row in
        RecordedBelief(step: try row.value("step"), content: try row.value("content"))
      }
    }
  }
}
