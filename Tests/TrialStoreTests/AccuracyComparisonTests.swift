import SearchSpace
import Testing
import TrialStore

@Suite struct AccuracyComparisonTests {
  // Sums of binomial coefficients in whole numbers, divided at the end, by Python's math.comb.
  @Test(arguments: [
    (1, 8, 0.0390625), (6, 16, 0.0524787902832031), (0, 5, 0.0625), (0, 6, 0.03125),
    (59, 121, 4.434_449_26e-06), (400, 470, 0.0192670528), (1000, 1100, 0.0307207079), (7, 7, 1),
  ])
  func `gives the exact probability of McNemar's test`(
    here: Int, there: Int, expected: Double
  ) {
    #expect(abs(mcNemarProbability(here, there) / expected - 1) < 1e-8)
    #expect(mcNemarProbability(here, there) == mcNemarProbability(there, here))
  }

  @Test func `adds up to one over all ways to fall`() {
    // Each way below the middle stands for the two tails from it on: their differences are single
    // probabilities, of which all together make one.
    for count in stride(from: 1, through: 201, by: 20) {
      var previous = 0.0
      for fewer in 0..<(count + 1) / 2 {
        let tails = mcNemarProbability(fewer, count - fewer)
        #expect(tails > previous)
        previous = tails
      }
      #expect(abs(previous - 1) < 1e-12)
    }
  }

  @Test func `tells networks apart by single images where their intervals overlap`() throws {
    // 900 and 915 of 1000 right: their intervals overlap by far.
    let alike = try scores(RightAnswers.sample(wrong: 0..<100), .sample(wrong: 15..<100))
    #expect(alike[0].interval?.overlaps(try #require(alike[1].interval)) == true)
    #expect(alike[0].differs(from: alike[1]) && alike[1].differs(from: alike[0]))
    // The same counts, the errors being of other images.
    let unlike = try scores(.sample(wrong: 0..<100), .sample(wrong: 500..<585))
    #expect(unlike.map(\.correct) == alike.map(\.correct))
    #expect(!unlike[0].differs(from: unlike[1]))
    #expect(!unlike[0].differs(from: unlike[0]))
  }

  @Test func `compares counts where single answers are not known`() throws {
    let scores = try scores(
      .sample(correct: 900, of: 1000), .sample(correct: 915, of: 1000),
      .sample(correct: 930, of: 1000), .sample(correct: 1000, of: 1000),
      .sample(correct: 1000, of: 1000))
    // z of 0.9 and 0.915 is 1.17, of 0.9 and 0.93 it is 2.41.
    #expect(!scores[0].differs(from: scores[1]))
    #expect(scores[0].differs(from: scores[2]))
    #expect(scores[0].differs(from: scores[3]))
    #expect(!scores[3].differs(from: scores[4]))
  }

  @Test func `names the cheapest network that each is level with`() throws {
    let folder = try TemporaryFolder()
    let (store, study, run) = try folder.makeStudy()
    let wrong = [0..<100, 15..<100, 17..<100, 40..<100, 41..<100]
    try store.commit(
      StudyUpdate(
        trials: wrong.enumerated().map { index, wrong in
          .sample(macs: index, scores: [.sample(answers: .sample(wrong: wrong))])
        }), in: run)
    let frontier = try store.frontier(of: study.id, by: .macs)
    #expect(frontier.count == wrong.count)
    // All errors of the better network are errors of the lesser one too: from a difference of six
    // images on, 2 / 2⁶ < 5 %.
    #expect(frontier.cheapestEquals.map { $0?.trial.number } == [nil, nil, 2, nil, 4])
  }

  private func scores(_ answers: RightAnswers...) throws -> [RecordedScore] {
    try recorded(answers.map { .sample(answers: $0) })
  }

  private func scores(_ scores: NewScore...) throws -> [RecordedScore] { try recorded(scores) }

  private func recorded(_ scores: [NewScore]) throws -> [RecordedScore] {
    let folder = try TemporaryFolder()
    let (store, study, run) = try folder.makeStudy()
    try store.commit(
      StudyUpdate(trials: scores.map { .sample(scores: [$0]) }), in: run)
    return try store.trials(of: study.id).map { try #require(try store.scores(of: $0).first) }
  }
}
