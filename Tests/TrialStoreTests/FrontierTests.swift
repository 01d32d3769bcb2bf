import SearchSpace
import Testing
import TrialStore

@Suite struct FrontierTests {
  let folder: TemporaryFolder
  let store: TrialStore
  let study: Study
  let run: ActiveRun

  init() throws {
    folder = try TemporaryFolder()
    (store, study, run) = try folder.makeStudy()
  }

  @Test(arguments: Cost.Metric.allCases, [1, 2, 3])
  func `is what no other trial beats`(cost: Cost.Metric, seed: UInt64) throws {
    var generator = SplitMix64(seed: seed)
    // Few values, so that there are many ties.
    let trials = (0..<400).map { _ in
      NewTrial.sample(
        macs: .random(in: 0..<60, using: &generator),
        parameters: .random(in: 0..<60, using: &generator),
        latency: .random(in: 0..<60, using: &generator),
        scores: [.sample(correct: .random(in: 0...100, using: &generator))])
    }
    try store.commit(StudyUpdate(trials: trials), in: run)

    let points = trials.map { trial in
      (
        cost: Cost(
          macs: trial.macs, parameters: trial.parameters, latency: trial.latency)[cost],
        accuracy: trial.scores[0].correct
      )
    }
    let expected = points.indices.filter { index in
      !points.indices.contains { other in
        points[other].cost <= points[index].cost && points[other].accuracy >= points[index].accuracy
          && (points[other] != points[index] || other < index)
      }
    }
    let frontier = try store.frontier(of: study.id, by: cost)
    #expect(
      frontier.map(\.trial.number)
        == expected.sorted { points[$0].cost < points[$1].cost }.map { $0 + 1 })
    #expect(frontier.allSatisfy { $0.accuracy == $0.score.accuracy })
  }

  @Test func `takes the most trustworthy score of each trial`() throws {
    func score(_ correct: Int, _ images: Int, _ fidelity: Fidelity, _ weights: String) -> NewScore {
      .sample(correct: correct, of: images, fidelity: fidelity, weights: weights)
    }
    try store.commit(
      StudyUpdate(trials: [
        .sample(
          macs: 1, scores: [score(90, 100, .retrained, "a"), score(400, 1000, .shared, "b")]),
        .sample(macs: 2, scores: [score(500, 1000, .shared, "a"), score(90, 100, .shared, "b")]),
        .sample(macs: 3, scores: [score(70, 100, .shared, "a"), score(60, 100, .shared, "b")]),
      ]), in: run)

    let frontier = try store.frontier(of: study.id, by: .macs, among: .all)

    #expect(frontier.map(\.accuracy) == [0.4, 0.5, 0.6])
    #expect(frontier.map(\.score.images) == [1000, 1000, 100])
    #expect(frontier.map(\.score.fidelity) == [.shared, .shared, .shared])
    let own = try store.frontier(of: study.id, by: .macs)
    #expect(own.map(\.accuracy) == [0.9] && own.map(\.score.fidelity) == [.retrained])
  }

  @Test func `compares only like with like unless asked for all`() throws {
    try store.commit(
      StudyUpdate(trials: [
        .sample(macs: 1, scores: [.sample(correct: 50)]),
        .sample(macs: 2, scores: [.sample(correct: 600, of: 1000)]),
        .sample(macs: 3, scores: [.sample(correct: 70, of: 100)]),
        .sample(macs: 4, scores: [.sample(correct: 800, of: 1000)]),
      ]), in: run)
    #expect(try numbers(.mostTrustworthy) == [2, 4])
    #expect(try numbers(.all) == [1, 2, 3, 4])

    try store.commit(
      StudyUpdate(scores: [
        TrialScore(trial: 3, score: .sample(correct: 75, fidelity: .retrained, weights: "c"))
      ]), in: run)
    #expect(try numbers(.mostTrustworthy) == [3])
    #expect(try numbers(.all) == [1, 2, 3, 4])
  }

  @Test func `never looks at the test set, but tells what it said`() throws {
    try store.commit(
      StudyUpdate(trials: [
        .sample(
          macs: 1,
          scores: [
            .sample(correct: 80),
            .sample(correct: 99, of: 10_000, fidelity: .retrained, isTest: true),
          ]),
        .sample(macs: 2, scores: [.sample(correct: 95, isTest: true)]),
        .sample(macs: 3, scores: [.sample(correct: 90)]),
      ]), in: run)

    let frontier = try store.frontier(of: study.id, by: .macs)

    #expect(frontier.map(\.accuracy) == [0.8, 0.9])
    #expect(frontier.map(\.testAccuracy) == [0.0099, nil])
  }

  @Test(arguments: Cost.Metric.allCases)
  func `has no place for a network that diverged`(cost: Cost.Metric) throws {
    try store.commit(
      StudyUpdate(trials: [
        .sample(
          macs: 1, parameters: 1, latency: 1, scores: [.sample(correct: 100, loss: .nan)]),
        .sample(macs: 2, parameters: 2, latency: 2, scores: [.sample(correct: 10)]),
        .sample(
          macs: 3, parameters: 3, latency: 3,
          scores: [.sample(correct: 20), .sample(loss: .nan, weights: "b")]),
      ]), in: run)
    let frontier = try store.frontier(of: study.id, by: cost, among: .all)
    #expect(frontier.map(\.trial.number) == [2, 3])
    #expect(frontier.map(\.accuracy) == [0.1, 0.2])
  }

  @Test func `is empty without trials and keeps studies apart`() throws {
    let other = try store.createStudy(.sample(named: "other"))
    try store.commit(StudyUpdate(trials: [.sample(scores: [.sample()]), .sample()]), in: run)
    #expect(try store.frontier(of: other.id, by: .macs) == [])
    #expect(try numbers(.all) == [1])
  }

  private func numbers(_ entrants: FrontierEntrants) throws -> [Int] {
    try store.frontier(of: study.id, by: .macs, among: entrants).map(\.trial.number)
  }
}
