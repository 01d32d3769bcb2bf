import SearchSpace
import Strategies
import Testing

@Suite struct AutoSlimTests {
  private func run(
    _ budgets: [Budget], score: (Architecture, SearchSpace) -> Score
  ) throws -> (steps: [[Candidate]], path: [Architecture], finalists: [Finalist]) {
    let space = try smallSpace()
    var strategy = try AutoSlim(space: space, budgets: budgets)
    var generator = SeededGenerator(seed: 0)
    var steps: [[Candidate]] = []
    var path: [Architecture] = []
    while let question = strategy.ask(in: space, using: &generator) {
      let chosen = try strategy.tell(
        .scores(question.candidates.map { score($0.architecture, space) }), in: space)
      steps.append(question.candidates)
      path += chosen.map { question.candidates[$0].architecture }
    }
    return (steps, path, strategy.finalists)
  }

  @Test func `starts from the largest network and shrinks one decision by one choice a step`()
    throws
  {
    let space = try smallSpace()
    let search = try run(StrategyLawTests.budgets, score: StrategyLawTests.score)
    #expect(search.path.first == space.largest)
    for (before, after) in zip(search.path, search.path.dropFirst()) {
      let steps = zip(before.choices, after.choices).map { $0 - $1 }
      #expect(steps.filter { $0 != 0 } == [1])
    }
  }

  @Test func `finds nested networks, the first on its way that meets each budget`() throws {
    let space = try smallSpace()
    let search = try run(StrategyLawTests.budgets, score: StrategyLawTests.score)
    for finalist in search.finalists {
      let place = try #require(search.path.firstIndex(of: finalist.architecture))
      let before = search.path[..<place]
      #expect(before.allSatisfy { !finalist.budget.admits(space.network(of: $0).cost) })
    }
  }

  @Test func `takes the candidate with the least error`() throws {
    // Only narrowing the stem keeps all images right.
    let space = try smallSpace()
    let search = try run([Budget(.macs, atMost: 60_000)]) { architecture, space in
      let stem = architecture.choices[0]
      return Score(correct: 100 - 10 * stem, images: 100, loss: 1)
    }
    let firstSteps = search.path.dropFirst().prefix(3).map { $0.choices[0] }
    #expect(firstSteps == [2, 1, 0])
    #expect(space.decisions[0].name == "stem")
  }

  @Test func `breaks ties by the loss, then by the order of the layers`() throws {
    let byOrder = try run([Budget(.macs, atMost: 60_000)]) { _, _ in
      Score(correct: 50, images: 100, loss: 1)
    }
    #expect(byOrder.path[1] == byOrder.steps[1][0].architecture)
    let byLoss = try run([Budget(.macs, atMost: 60_000)]) { architecture, _ in
      let isLastLowered = architecture.choices.last.map { $0 < 2 } ?? false
      return Score(correct: 50, images: 100, loss: isLastLowered ? 0.5 : 1)
    }
    #expect(byLoss.steps[1].contains { $0.architecture == byLoss.path[1] })
    #expect(byLoss.path[1].choices.last == 1 || byLoss.path[1] != byOrder.path[1])
  }

  @Test func `never asks for a decision below its smallest choice`() throws {
    let space = try smallSpace()
    let smallest = space.network(of: space.smallest).cost
    let search = try run([Budget(.macs, atMost: smallest.macs)]) { _, _ in
      Score(correct: 0, images: 100, loss: 1)  // everything is as wrong as can be
    }
    #expect(search.finalists.count == 1)
    #expect(search.steps.joined().allSatisfy { space.contains($0.architecture) })
  }

  @Test func `serves every budget in one descending pass`() throws {
    let separate = try StrategyLawTests.budgets.flatMap { budget in
      try run([budget], score: StrategyLawTests.score).finalists
    }
    let together = try run(StrategyLawTests.budgets, score: StrategyLawTests.score).finalists
    #expect(Set(together) == Set(separate))
  }
}
