import Foundation
import GRDB
import Testing
import SearchSpace
import TrialStore

@Suite struct CommitTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  @Test func `stores trials with their scores and numbers them without a gap`() throws {
    let (store, study, run) = try folder.makeStudy()
    let score = NewScore.sample(correct: 15, of: 148)

    #expect(
      try store.commit(
        StudyUpdate(trials: [.sample(macs: 5, scores: [score]), .sample()]), in: run) == 1..<3)
    #expect(try store.commit(StudyUpdate(), in: run) == 3..<3)
    #expect(try store.commit(StudyUpdate(trials: [.sample(macs: 7)]), in: run) == 3..<4)

    #expect(try store.trials(of: study.id).map(\.number) == [1, 2, 3])
    #expect(try store.trialCount(of: study.id) == 3)
    let trial = try store.trial(1, of: study.id)
    #expect(trial.architecture == #"{"width": [5]}"#)
    #expect(trial.key == "w5")
    #expect(trial.step == 3)
    #expect(trial.role == "stage2.width")
    #expect(trial.macs == 5 && trial.parameters == 10)
    #expect(trial.outcome == .done)
    #expect(trial.seconds == 0.25)
    let stored = try #require(try store.scores(of: trial).first)
    #expect(stored.accuracy == 15.0 / 148)
    #expect(stored.interval == wilsonInterval(correct: 15, of: 148))
    #expect(stored.loss == 0.5)
    #expect(stored.calibration == score.calibration)
    #expect(stored.weightsHash == "aa" && stored.imagesHash == "da7a")
    #expect(!stored.isTest)
  }

  @Test func `stores the state of the search with the trials it led to`() throws {
    let (store, _, run) = try folder.makeStudy()
    try store.commit(
      StudyUpdate(trials: [.sample()], stage: .search, strategyState: "s1", randomState: "r1"),
      in: run)
    try store.commit(StudyUpdate(strategyState: "s2"), in: run)

    let study = try store.study(named: "fashion")

    #expect(study.stage == .search)
    #expect(study.strategyState == "s2")
    #expect(study.randomState == "r1")
  }

  @Test func `marks chosen trials and replaces finalists of the same budget`() throws {
    let (store, study, run) = try folder.makeStudy()
    try store.commit(StudyUpdate(trials: [.sample(), .sample(), .sample()]), in: run)
    func finalist(_ trial: Int) -> RecordedFinalist {
      RecordedFinalist(budget: "macs <= 4000000", cost: .macs, limit: 4_000_000, trial: trial)
    }
    try store.commit(StudyUpdate(chosen: [2], finalists: [finalist(1)]), in: run)
    try store.commit(StudyUpdate(finalists: [finalist(3)]), in: run)

    #expect(try store.trials(of: study.id).map(\.chosen) == [false, true, false])
    #expect(try store.finalists(of: study.id) == [finalist(3)])
  }

  @Test func `adds a score to a trial once`() throws {
    let (store, study, run) = try folder.makeStudy()
    try store.commit(StudyUpdate(trials: [.sample(scores: [.sample()])]), in: run)
    let retrained = NewScore.sample(correct: 95, fidelity: .retrained, weights: "bb")
    for _ in 1...2 {
      try store.commit(StudyUpdate(scores: [TrialScore(trial: 1, score: retrained)]), in: run)
    }

    let scores = try store.scores(of: store.trial(1, of: study.id))

    #expect(scores.map(\.fidelity) == [.shared, .retrained])
  }

  @Test func `replaces a checkpoint and keeps the curve`() throws {
    let (store, study, run) = try folder.makeStudy()
    #expect(try store.checkpoint(named: "supernet", of: study.id) == nil)
    for step in 1...3 {
      let content = Data(repeating: UInt8(step), count: 100_000 * step)
      let point = CurvePoint(
        name: "supernet", step: step, epoch: 0.5 * Double(step), loss: step == 2 ? .infinity : 1,
        accuracy: step == 3 ? 0.5 : nil, learningRate: 0.1, seconds: Double(step))
      try store.commit(
        StudyUpdate(
          checkpoints: [
            .init(name: "supernet", step: step, checksum: "5a\(step)", content: content)
          ],
          curve: [point]),
        in: run)
    }

    let checkpoint = try #require(try store.checkpoint(named: "supernet", of: study.id))
    #expect(checkpoint.step == 3)
    #expect(checkpoint.checksum == "5a3")
    #expect(checkpoint.content == Data(repeating: 3, count: 300_000))
    let curve = try store.curve(named: "supernet", of: study.id)
    #expect(curve.map(\.step) == [1, 2, 3])
    #expect(curve.map(\.loss.isNaN) == [false, true, false])
    #expect(curve.map(\.accuracy) == [nil, nil, 0.5])
    #expect(try store.curve(named: "finalist 1", of: study.id) == [])
  }

  @Test(arguments: [Double.nan, .infinity])
  func `a network that diverged has failed and has no accuracy`(loss: Double) throws {
    let (store, study, run) = try folder.makeStudy()
    try store.commit(
      StudyUpdate(trials: [
        .sample(macs: 1, scores: [.sample(correct: 100, loss: loss)]),
        .sample(macs: 2, scores: [.sample(correct: 10)]),
      ]), in: run)

    let trial = try store.trial(1, of: study.id)
    #expect(trial.outcome == .failed(reason: "the loss over 100 images is \(loss)"))
    let score = try #require(try store.scores(of: trial).first)
    #expect(score.accuracy == nil && score.loss == nil && score.interval == nil)
    #expect(try store.trial(2, of: study.id).outcome == .done)
  }

  @Test func `keeps the reason why a trial failed`() throws {
    let (store, study, run) = try folder.makeStudy()
    try store.commit(
      StudyUpdate(trials: [.sample(outcome: .failed(reason: "no memory"))]), in: run)
    #expect(try store.trial(1, of: study.id).outcome == .failed(reason: "no memory"))
  }

  @Test func `stores all of an update or nothing`() throws {
    let (store, study, run) = try folder.makeStudy()
    try store.commit(StudyUpdate(trials: [.sample()], strategyState: "s1"), in: run)

    let error = #expect(throws: StoreError.self) {
      try store.commit(
        StudyUpdate(
          trials: [.sample(scores: [.sample()])], chosen: [1, 9], stage: .done,
          strategyState: "s2"), in: run)
    }

    #expect(error?.kind == .noSuchTrial(number: 9, last: 2))
    try store.close()
    let reader = try TrialStore.open(path: folder.database, for: .reading)
    #expect(try reader.study(named: "fashion").strategyState == "s1")
    #expect(try reader.study(named: "fashion").stage == .supernet)
    #expect(try reader.trialCount(of: study.id) == 1)
  }

  @Test func `names the trials there are when there is no such one`() throws {
    let (store, study, run) = try folder.makeStudy()
    try store.commit(StudyUpdate(trials: [.sample(), .sample()]), in: run)
    let error = #expect(throws: StoreError.self) { try store.trial(3, of: study.id) }
    #expect(error?.kind == .noSuchTrial(number: 3, last: 2))
  }

  @Test func `a full disk loses nothing that was committed`() throws {
    let (store, study, run) = try folder.makeStudy()
    try store.commit(StudyUpdate(trials: [.sample()], strategyState: "s1"), in: run)
    try store.limitSize(toPages: 60)
    let checkpoint = NewCheckpoint(
      name: "supernet", step: 1, checksum: "00", content: Data(repeating: 1, count: 1 << 20))

    let error = #expect(throws: StoreError.self) {
      try store.commit(
        StudyUpdate(trials: [.sample()], checkpoints: [checkpoint], strategyState: "s2"), in: run)
    }

    #expect(error?.kind == .diskFull)
    #expect(try store.trialCount(of: study.id) == 1)
    #expect(try store.study(named: "fashion").strategyState == "s1")
    try store.limitSize(toPages: 1_000_000)
    #expect(try store.commit(StudyUpdate(checkpoints: [checkpoint]), in: run) == 2..<2)
    try store.close()
    let intact = try DatabaseQueue(path: folder.database).read {
      try String.fetchOne($0, sql: "PRAGMA integrity_check")
    }
    #expect(intact == "ok")
  }
}
