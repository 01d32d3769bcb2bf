import Foundation
import GRDB
import SearchSpace
import Testing
import TrialStore

@Suite struct KnownScoresTests {
  let folder: TemporaryFolder
  let store: TrialStore
  let run: ActiveRun
  let provenance = ScoreProvenance(
    recipeHash: "4ec1", weightsHash: "aa", calibration: #"{"batches": 4}"#, imagesHash: "da7a")

  init() throws {
    folder = try TemporaryFolder()
    store = try TrialStore.open(path: folder.database, for: .creating)
    run = try store.beginRun(on: try store.createStudy(.sample(recipe: "4ec1")).id)
  }

  @Test func `knows what any study of the same recipe found out`() throws {
    let answers = RightAnswers.sample(wrong: 0..<7)
    try store.commit(
      StudyUpdate(trials: [
        .sample(macs: 1, scores: [.sample(answers: answers)]),
        .sample(macs: 2, scores: [.sample(correct: 3, loss: .nan)]), .sample(macs: 3),
      ]), in: run)
    let other = try store.createStudy(.sample(named: "other", recipe: "4ec1"))
    let otherRun = try store.beginRun(on: other.id)
    try store.commit(
      StudyUpdate(trials: [
        .sample(macs: 4, scores: [.sample(correct: 5)]),
        .sample(macs: 1, scores: [.sample(answers: answers, isKnown: true)]),
      ]), in: otherRun)

    let known = try store.knownScores(of: (1...9).map { "w\($0)" }, from: provenance)

    #expect(known.keys.sorted() == ["w1", "w2", "w4"])
    #expect(known["w1"]?.answers == answers && known["w1"]?.isKnown == false)
    #expect(known["w2"]?.accuracy == nil && known["w2"]?.correct == 3)
    #expect(known["w4"]?.correct == 5)
    let all = try store.knownScores(from: provenance)
    #expect(all.map(\.key) == ["w1", "w2", "w4"])
    #expect(all.map(\.architecture) == [1, 2, 4].map { #"{"width": [\#($0)]}"# })
    #expect(all.map(\.score.correct) == [993, 3, 5])
  }

  @Test func `knows nothing that was found out in another way`() throws {
    try store.commit(
      StudyUpdate(trials: [
        .sample(scores: [
          .sample(fidelity: .retrained), .sample(weights: "bb"), .sample(isTest: true),
        ])
      ]), in: run)
    let other = try store.createStudy(.sample(named: "other", recipe: nil))
    let third = try store.createStudy(.sample(named: "third", recipe: "0ther"))
    for study in [other, third] {
      let run = try store.beginRun(on: study.id)
      try store.commit(StudyUpdate(trials: [.sample(scores: [.sample()])]), in: run)
    }
    #expect(try store.knownScores(of: ["w1000"], from: provenance).isEmpty)
    #expect(try store.knownScores(from: provenance).isEmpty)
  }

  @Test func `finds what is known of an architecture without looking at the others`() throws {
    let plan = try DatabaseQueue(path: folder.database).read { db in
      try Row.fetchAll(
        db,
        sql: """
          EXPLAIN QUERY PLAN
          SELECT scores.* FROM trials JOIN scores ON scores.trial = trials.id
          WHERE trials.key = 'w1' AND fidelity = 'shared' AND weights_hash = 'aa'
          """
      ).map { row in row["detail"] as String }
    }
    #expect(plan.count == 2 && plan.allSatisfy { $0.hasPrefix("SEARCH") }, "\(plan)")
  }

  @Test func `takes the supernet of another study over, and stays whole without it`() throws {
    let study = try store.study(named: "fashion")
    let points = (1...3).map {
      CurvePoint(
        name: "supernet", step: $0, epoch: 1, loss: 1 / Double($0), learningRate: 0.1, seconds: 2)
    }
    func checkpoint(step: Int) -> NewCheckpoint {
      NewCheckpoint(name: "supernet", step: step, checksum: "5a", content: Data([1, 2, 3]))
    }
    try store.commit(StudyUpdate(checkpoints: [checkpoint(step: 3)], curve: points), in: run)
    // In training still, or trained otherwise or for longer: none of these is one to take over.
    #expect(try donors(step: 3) == [])
    try store.commit(StudyUpdate(stage: .search), in: run)
    #expect(try donors(step: 4) == [])
    #expect(try store.studies(trainedBy: "0ther", checkpoint: "supernet", step: 3) == [])
    #expect(try donors(step: 3).map(\.id) == [study.id])

    let taker = try store.createStudy(.sample(named: "taker", recipe: "4ec1"))
    let taking = try store.beginRun(on: taker.id)
    try store.takeSupernet(named: "supernet", of: study, in: taking)

    #expect(try store.study(named: "taker").stage == .search)
    #expect(try store.study(named: "taker").trainedBy == "fashion")
    // The third says who trained it, not who handed it on.
    let third = try store.createStudy(.sample(named: "third", recipe: "4ec1"))
    let thirdRun = try store.beginRun(on: third.id)
    #expect(try donors(step: 3).map(\.name) == ["taker", "fashion"])
    try store.takeSupernet(named: "supernet", of: donors(step: 3)[0], in: thirdRun)
    #expect(try store.study(named: "third").trainedBy == "fashion")

    try store.endRun(run, as: .done)
    try DatabaseQueue(path: folder.database).write { db in
      for table in ["checkpoints", "curve", "runs"] {
        try db.execute(sql: "DELETE FROM \(table) WHERE study = ?", arguments: [study.id])
      }
      try db.execute(sql: "DELETE FROM studies WHERE id = ?", arguments: [study.id])
    }
    let copy = try #require(try store.checkpoint(named: "supernet", of: taker.id))
    #expect(copy.step == 3 && copy.content == Data([1, 2, 3]) && copy.checksum == "5a")
    #expect(try store.curve(named: "supernet", of: taker.id) == points)
  }

  private func donors(step: Int) throws -> [Study] {
    try store.studies(trainedBy: "4ec1", checkpoint: "supernet", step: step)
  }

  @Test func `lists trials without a score, the cheapest first`() throws {
    try store.commit(
      StudyUpdate(trials: [
        .sample(macs: 9), .sample(macs: 1, scores: [.sample()]), .sample(macs: 2),
        .sample(macs: 3, outcome: .failed(reason: "no memory")),
      ]), in: run)
    #expect(try store.unscoredTrials(of: run.studyID).map(\.macs) == [2, 9])
    #expect(try store.frontier(of: run.studyID, by: .macs).map(\.trial.macs) == [1])
  }

  @Test func `brings a database of the first schema up to date`() throws {
    try store.commit(StudyUpdate(trials: [.sample(scores: [.sample()])]), in: run)
    try store.endRun(run, as: .stopped)
    try store.close()
    try DatabaseQueue(path: folder.database).write { db in
      try db.execute(
        sql: """
          DROP INDEX trials_by_key;
          ALTER TABLE scores DROP COLUMN known;
          ALTER TABLE scores DROP COLUMN answers;
          ALTER TABLE studies DROP COLUMN recipe_hash;
          ALTER TABLE studies DROP COLUMN trained_by;
          DELETE FROM grdb_migrations WHERE identifier LIKE '2 %';
          PRAGMA user_version = 1;
          """)
    }
    let error = #expect(throws: StoreError.self) {
      try TrialStore.open(path: folder.database, for: .reading)
    }
    #expect(error?.kind == .olderSchema(version: 1, known: newestSchema))

    let store = try TrialStore.open(path: folder.database, for: .writing)

    let study = try store.study(named: "fashion")
    #expect(study.recipeHash == nil && study.trainedBy == nil)
    let score = try #require(try store.scores(of: store.trial(1, of: study.id)).first)
    #expect(score.correct == 90 && !score.isKnown && score.answers == nil)
  }
}
