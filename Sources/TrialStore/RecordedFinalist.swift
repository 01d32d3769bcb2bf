internal import GRDB
public import SearchSpace

/// The trial that was picked for a budget.
public struct RecordedFinalist: Hashable, Sendable {
  /// The budget as the user reads it, such as `macs ≤ 4000000`; unique in a study.
  public let budget: String

  /// What the budget limits.
  public let cost: Cost.Metric

  /// The most that the budget allows, in units of `cost`.
  public let limit: Int

  /// The trial's number in its study.
  public let trial: Int

  /// Creates a finalist.
  public init(budget: String, cost: Cost.Metric, limit: Int, trial: Int) {
    self.budget = budget
    self.cost = cost
    self.limit = limit
    self.trial = trial
  }
}

extension TrialStore {
  /// Returns the finalists of a study, the cheapest budget first.
  public func finalists(of studyID: Study.ID) throws(StoreError) -> [RecordedFinalist] {
    try read { db in
      try Row.fetchAll(
        db,
        sql: """
          SELECT finalists.*, trials.number FROM finalists JOIN trials ON trials.id = trial
          WHERE finalists.study = ? ORDER BY cost, limit_value, budget
          """,
        arguments: [studyID]
      ).map { row in
        RecordedFinalist(
          budget: try row.value("budget"), cost: try row.value("cost"),
          limit: try row.value("limit_value"), trial: try row.value("number"))
      }
    }
  }
}
