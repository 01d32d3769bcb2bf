import Foundation
import SearchSpace
import Strategies
import Testing

/// Eight digits from 0 to 3; what a network is worth is the caller's to say.
private func digits() throws -> SearchSpace {
  try SearchSpace(name: "digits", input: Shape(channels: 1, height: 2, width: 2)) {
    for _ in 0..<8 { Convolution(width: [1, 2, 3, 4], kernel: 1) }
    GlobalAveragePool()
    Linear(classes: 2)
  }
}

private func sum(_ architecture: Architecture) -> Int { architecture.choices.reduce(0, +) }

@Suite struct EvolutionTests {
  /// Asks and tells to the end, and keeps every question.
  private func questions<S: SearchStrategy>(
    _ start: S, in space: SearchSpace, score: (Architecture) -> Int
  ) throws -> [[Candidate]] {
    var strategy = start
    var generator = SeededGenerator(seed: 3)
    var questions: [[Candidate]] = []
    while let question = strategy.ask(in: space, using: &generator) {
      questions.append(question.candidates)
      let scores = question.candidates.map {
        Score(correct: score($0.architecture), images: 1000, loss: 1)
      }
      _ = try strategy.tell(.scores(scores), in: space)
    }
    return questions
  }

  @Test func `regularized evolution lets the oldest die`() throws {
    let space = try digits()
    var settings = RegularizedEvolution.Settings()
    (settings.trials, settings.population, settings.sample, settings.batch) = (90, 5, 50, 1)
    let strategy = try RegularizedEvolution(space: space, budgets: [], settings: settings)
    let asked = try questions(strategy, in: space, score: sum).joined().map(\.architecture)
    for (place, child) in asked.enumerated().dropFirst(settings.population) {
      // Fifty draws of five all but surely find the best, which only the living can be.
      let living = asked[(place - settings.population)..<place]
      let best = living.map(sum).max()
      let parents = living.filter { sum($0) == best }
      #expect(
        parents.contains { parent in
          zip(parent.choices, child.choices).count { $0 != $1 } == 1
        })
    }
  }

  @Test func `random search draws networks near the budget if it is told to`() throws {
    var family = Family.Settings()
    family.width = WidthRule(divisor: 1, shares: [30, 40, 50, 60, 70, 80, 90, 100])
    let space = try Family("resnet-20").space(
      input: [3, 32, 32], classes: 10, settings: family)
    let budgets = [Budget(.macs, atMost: 18_000_000), Budget(.parameters, atMost: 200_000)]
    var settings = RandomSearch.Settings()
    (settings.trials, settings.tolerance) = (40, 0.05)
    let asked = try questions(
      RandomSearch(space: space, budgets: budgets, settings: settings), in: space, score: sum
    ).joined().map { space.cost(of: $0.architecture) }
    #expect(asked.count == 40)
    for (turn, cost) in asked.enumerated() {
      let budget = budgets[turn % 2]
      #expect(budget.admits(cost))
      // One choice of a width changes the cost by a few per cent at most.
      #expect(cost[budget.metric] > budget.limit * 88 / 100)
    }
    #expect(Set(asked).count > 30)
  }

  @Test func `spos makes mutants and children of the top alone`() throws {
    let space = try digits()
    var settings = SPOS.Settings()
    settings.trials = 200
    let asked = try questions(
      SPOS(space: space, budgets: [], settings: settings), in: space, score: sum)
    #expect(asked.map(\.count) == [50, 50, 50, 50])
    #expect(asked[0].allSatisfy { $0.role == "random" })
    for generation in asked.dropFirst() {
      #expect(generation.count { $0.role == "mutant" } == 25)
      #expect(generation.count { $0.role == "child" } == 25)
    }
    let top = asked[0].map { sum($0.architecture) }.sorted().suffix(settings.top)
    // A coin is tossed for each digit, so a child of the top has at least the smaller digits.
    let parents = asked[0].map(\.architecture).filter { sum($0) >= top.first ?? 0 }
    for child in asked[1] where child.role == "child" {
      #expect(
        child.architecture.choices.enumerated().allSatisfy { index, choice in
          parents.contains { $0.choices[index] == choice }
        })
    }
  }

  @Test func `nsga-ii begins with the ends of the frontier and closes in on it`() throws {
    let space = try digits()
    var settings = NSGA2.Settings()
    settings.trials = 600
    let asked = try questions(
      NSGA2(space: space, budgets: [], settings: settings), in: space
    ) { architecture in
      // The best of so many choices has the larger ones in front.
      architecture.choices.enumerated().reduce(0) { $0 + $1.element * (16 - 2 * $1.offset) }
    }
    #expect(asked[0][0].architecture == space.smallest)
    #expect(asked[0][1].architecture == space.largest)
    #expect(asked.dropFirst().joined().allSatisfy { $0.role == "child" })
    #expect(asked.allSatisfy { $0.count == 50 })
  }

  @Test func `exhaustive search passes every network once, in order`() throws {
    let space = try smallSpace()
    let asked = try questions(ExhaustiveSearch(space: space, budgets: []), in: space, score: sum)
    let all = Array(try space.allArchitectures(atMost: 100_000))
    #expect(asked.joined().map(\.architecture) == all)
  }

  @Test func `exhaustive search refuses what is too large and says how large it is`() throws {
    let space = try digits()
    let error = #expect(throws: StrategyError.self) {
      _ = try ExhaustiveSearch(space: space, budgets: [])
    }
    #expect(error?.description.contains("65536 architectures") == true)
    var settings = ExhaustiveSearch.Settings()
    settings.limit = 65_536
    _ = try ExhaustiveSearch(space: space, budgets: [], settings: settings)
  }

  @Test func `a predictor finds the best of a sum in fewer scores than evolution`() throws {
    let space = try digits()
    var generator = SeededGenerator(seed: 8)
    let worth = (0..<8).map { _ in (0..<4).map { _ in Int.random(in: 0..<100, using: &generator) } }
    func score(_ architecture: Architecture) -> Int {
      zip(worth, architecture.choices).reduce(0) { $0 + $1.0[$1.1] }
    }
    let best = worth.reduce(0) { $0 + ($1.max() ?? 0) }
    func scores(_ strategy: some SearchStrategy) throws -> Int? {
      try questions(strategy, in: space, score: score).joined().map(\.architecture)
        .firstIndex { score($0) == best }
    }
    var settings = PredictorSearch.Settings()
    settings.trials = 300
    let predicted = try #require(
      try scores(PredictorSearch(space: space, budgets: [], settings: settings)))
    let evolved = try scores(RegularizedEvolution(space: space, budgets: [], settings: .init()))
    #expect(predicted < evolved ?? 500)
  }
}
