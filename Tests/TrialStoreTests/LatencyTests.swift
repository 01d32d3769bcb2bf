import Foundation
import GRDB
import SearchSpace
import Testing
import TrialStore

@Suite struct LatencyTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func trial(latency: Int?, correct: Int) -> NewTrial {
    NewTrial(
      architecture: "{}", key: "\(latency ?? 0)", step: 0, macs: 1000, parameters: 10,
      latency: latency, seconds: 0, scores: [.sample(correct: correct)])
  }

  @Test func `keeps a study's table from its beginning, and the latencies of its trials`() throws {
    let store = try TrialStore.open(path: folder.database, for: .creating)
    let plain = try store.createStudy(.sample())
    let timed = try store.createStudy(
      NewStudy(
        name: "timed", seed: 1, strategy: "random", plan: "study: timed\n", planHash: "c0ffee",
        space: "{}", latencyTable: #"{"factor": 1}"#))
    #expect(try store.latencyTable(of: plain.id) == nil)
    #expect(try store.latencyTable(of: timed.id) == #"{"factor": 1}"#)

    let run = try store.beginRun(on: timed.id)
    try store.commit(
      StudyUpdate(
        trials: [
          trial(latency: 300, correct: 80), trial(latency: nil, correct: 99),
          trial(latency: 100, correct: 70), trial(latency: 200, correct: 60),
        ],
        finalists: [
          RecordedFinalist(budget: "latency ≤ 150ns", cost: .latency, limit: 150, trial: 3)
        ]), in: run)
    #expect(try store.trials(of: timed.id).map(\.latency) == [300, nil, 100, 200])
    // What has no latency takes no part, however good it is.
    #expect(
      try store.frontier(of: timed.id, by: .latency).map(\.trial.latency) == [100, 300])
    #expect(try store.frontier(of: timed.id, by: .macs).map(\.accuracy) == [0.99])
    let finalist = try #require(try store.finalists(of: timed.id).first)
    #expect(finalist.cost == .latency && finalist.limit == 150)
  }

  @Test func `finds the frontier of latencies by its index`() throws {
    let (store, _, _) = try folder.makeStudy()
    try store.close()
    let details = try DatabaseQueue(path: folder.database).read { db in
      try Row.fetchAll(
        db,
        sql: """
          EXPLAIN QUERY PLAN SELECT latency FROM trials
          WHERE study = 1 AND state = 'done' AND trials.latency IS NOT NULL
          ORDER BY trials.latency, trials.number
          """
      ).map { $0["detail"] as String }
    }
    #expect(details.contains { $0.contains("trials_by_latency") })
    #expect(!details.contains { $0.contains("TEMP B-TREE") })
  }

  @Test func `brings a database without latencies up to date and keeps its finalists`() throws {
    let (store, study, run) = try folder.makeStudy()
    try store.commit(
      StudyUpdate(
        trials: [.sample()],
        finalists: [RecordedFinalist(budget: "macs ≤ 9", cost: .macs, limit: 9, trial: 1)]),
      in: run)
    try store.endRun(run, as: .stopped)
    try store.close()
    try DatabaseQueue(path: folder.database).write { db in
      try db.execute(
        sql: """
          DROP INDEX trials_by_latency;
          ALTER TABLE trials DROP COLUMN latency;
          DROP TABLE latency_tables;
          DELETE FROM grdb_migrations WHERE identifier LIKE '5 %';
          PRAGMA user_version = 4;
          """)
    }

    let newer = try TrialStore.open(path: folder.database, for: .writing)

    #expect(try newer.trial(1, of: study.id).latency == nil)
    #expect(try newer.latencyTable(of: study.id) == nil)
    #expect(
      try newer.finalists(of: study.id)
        == [RecordedFinalist(budget: "macs ≤ 9", cost: .macs, limit: 9, trial: 1)])
  }
}
