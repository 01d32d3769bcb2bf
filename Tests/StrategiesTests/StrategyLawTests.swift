import Foundation
import SearchSpace
import Strategies
import TestSupport
import Testing

/// What every strategy promises.
///
/// A new strategy joins `Kind` and is held to the same laws.
@Suite struct StrategyLawTests {
  static let budgets = [
    Budget(.macs, atMost: 200_000), Budget(.macs, atMost: 60_000),
    Budget(.parameters, atMost: 3000),
  ]

  /// An evaluator whose answers depend on nothing but the architecture.
  static func score(_ architecture: Architecture, in space: SearchSpace) -> Score {
    let cost = space.network(of: architecture).cost
    var generator = SeededGenerator(seed: UInt64(cost.macs &* 31 &+ cost.parameters))
    let correct = 50 + min(40, cost.macs / 40_000) + Int.random(in: 0..<8, using: &generator)
    return Score(correct: correct, images: 100, loss: generator.uniform())
  }

  /// Answers any question as if there were networks: training takes 60 steps, and of a mixture the
  /// larger choices have the lower loss.
  static func answer(
    to question: Question, after steps: inout Int, in space: SearchSpace
  ) -> Answer {
    switch question {
    case .score(let candidates, _):
      return .scores(candidates.map { score($0.architecture, in: space) })
    case .differentiateGates(let gates, let step):
      // Each channel has a worth of its own, and each batch its own opinion of it.
      var worths = SeededGenerator(seed: 5)
      var noise = SeededGenerator(seed: 5, stream: "batch", index: step)
      var answer = GateGradient(loss: 0, gradient: gates)
      for index in gates.values.indices {
        let slope = 0.1 * noise.normal() - worths.uniform()
        answer.loss += slope * gates.values[index]
        answer.gradient.values[index] = slope
      }
      return .gateGradient(answer)
    case .measure(let measure):
      var generator = SeededGenerator(seed: 5, stream: measure.rawValue)
      return .channelMeasures(
        ChannelGates(
          space.gatedGroups.map { group in (0..<group.widest).map { _ in generator.uniform() } }))
    case .trainMixture:
      steps += 1
      return .trained(loss: 1, progress: min(1, Double(steps) / 60))
    case .differentiateMixture(let mixture):
      let slopes = mixture.blends.map { $0.choices.map { -0.1 * Double($0) } }
      let loss = zip(mixture.blends, slopes).reduce(1) { sum, pair in
        sum + zip(pair.0.weights, pair.1).reduce(0) { $0 + $1.0 * $1.1 }
      }
      return .mixtureGradient(MixtureGradient(loss: loss, weights: slopes))
    }
  }

  struct Search: Equatable {
    var candidates: [Candidate] = []
    var chosen: [[Int]] = []
    var finalists: [Finalist] = []
  }

  /// Runs a strategy to its end; `interrupting` encodes and decodes it before every question and
  /// every answer.
  static func search<S: SearchStrategy>(
    _ start: S, in space: SearchSpace, seed: UInt64, interrupting: Bool = false
  ) throws -> Search {
    var strategy = start
    var generator = SeededGenerator(seed: seed)
    var search = Search()
    var steps = 0
    func interrupted() throws {
      guard interrupting else { return }
      strategy = try JSONDecoder().decode(S.self, from: JSONEncoder().encode(strategy))
    }
    while let question = strategy.ask(in: space, using: &generator) {
      try interrupted()
      #expect(strategy.ask(in: space, using: &generator) == question, "no proposal is lost")
      search.candidates += question.candidates
      search.chosen.append(
        try strategy.tell(answer(to: question, after: &steps, in: space), in: space))
      try interrupted()
      #expect(search.candidates.count < 10_000, "the search ends")
    }
    search.finalists = strategy.finalists
    return search
  }

  @Test(arguments: Kind.allCases)
  func `proposes only architectures of its space`(kind: Kind) throws {
    let space = try smallSpace()
    let search = try Self.search(kind.make(space, Self.budgets), in: space, seed: 7)
    #expect(!search.candidates.isEmpty || !search.finalists.isEmpty)
    #expect(search.candidates.allSatisfy { space.contains($0.architecture) })
    #expect(search.finalists.allSatisfy { space.contains($0.architecture) })
  }

  @Test(arguments: Kind.allCases)
  func `ends with a network within each budget`(kind: Kind) throws {
    let space = try smallSpace()
    let search = try Self.search(kind.make(space, Self.budgets), in: space, seed: 7)
    #expect(Set(search.finalists.map(\.budget)) == Set(Self.budgets))
    for finalist in search.finalists {
      #expect(finalist.budget.admits(space.network(of: finalist.architecture).cost))
      if !search.candidates.isEmpty {
        #expect(search.candidates.contains { $0.architecture == finalist.architecture })
      }
    }
  }

  @Test(arguments: Kind.allCases)
  func `searches the same way given the same seed`(kind: Kind) throws {
    let space = try smallSpace()
    let strategy = try kind.make(space, Self.budgets)
    #expect(
      try Self.search(strategy, in: space, seed: 7) == Self.search(strategy, in: space, seed: 7))
  }

  @Test(arguments: Kind.allCases)
  func `goes on from its encoding as if it had never stopped`(kind: Kind) throws {
    let space = try smallSpace()
    let strategy = try kind.make(space, Self.budgets)
    #expect(
      try Self.search(strategy, in: space, seed: 7)
        == Self.search(strategy, in: space, seed: 7, interrupting: true))
  }

  @Test(arguments: Kind.allCases)
  func `refuses a budget below the smallest network and names its cost`(kind: Kind) throws {
    let space = try smallSpace()
    let smallest = space.network(of: space.smallest).cost
    let budget = Budget(.macs, atMost: smallest.macs - 1)
    let error = #expect(throws: StrategyError.self) { _ = try kind.make(space, [budget]) }
    #expect(error == .unreachable(budget, smallest: smallest.macs))
    let exact = Budget(.macs, atMost: smallest.macs)
    let search = try Self.search(kind.make(space, [exact]), in: space, seed: 1)
    #expect(search.finalists.map(\.budget) == [exact])
  }

  @Test(arguments: Kind.allCases)
  func `searches a space of one network and one without budgets`(kind: Kind) throws {
    let fixed = try SearchSpace(name: "one", input: Shape(channels: 1, height: 4, width: 4)) {
      Convolution(width: 4, kernel: 3)
      GlobalAveragePool()
      Linear(classes: 2)
    }
    let budget = Budget(.parameters, atMost: 1_000_000)
    let search = try Self.search(kind.make(fixed, [budget]), in: fixed, seed: 1)
    #expect(search.finalists.map(\.architecture) == [fixed.largest])
    _ = try Self.search(kind.make(smallSpace(), []), in: smallSpace(), seed: 1)
  }

  @Test(arguments: Kind.allCases)
  func `never settles on a candidate without a valid score`(kind: Kind) throws {
    let space = try smallSpace()
    func run<S: SearchStrategy>(_ start: S) throws -> [Finalist] {
      var strategy = start
      var generator = SeededGenerator(seed: 1)
      var steps = 0
      while let question = strategy.ask(in: space, using: &generator) {
        guard case .score(let candidates, _) = question else {
          _ = try strategy.tell(Self.answer(to: question, after: &steps, in: space), in: space)
          continue
        }
        // All but the last candidate come out as no number.
        let last = candidates.count - 1
        let scores = candidates.indices.map { index in
          index == last
            ? Score(correct: 1, images: 100, loss: 2) : Score(correct: 99, images: 100, loss: .nan)
        }
        let chosen = try strategy.tell(.scores(scores), in: space)
        #expect(chosen.allSatisfy { $0 == last })
      }
      return strategy.finalists
    }
    _ = try run(kind.make(space, Self.budgets))
  }

  @Test(arguments: Kind.allCases.filter(\.isFrugal))
  func `asks about nothing twice and about nothing beyond all budgets`(kind: Kind) throws {
    let space = try smallSpace()
    for budgets in [Self.budgets, [Self.budgets[1]], []] {
      let search = try Self.search(kind.make(space, budgets), in: space, seed: 3)
      let keys = search.candidates.map { space.key(of: $0.architecture) }
      #expect(Set(keys).count == keys.count)
      for candidate in search.candidates {
        let cost = space.network(of: candidate.architecture).cost
        #expect(budgets.isEmpty || budgets.contains { $0.admits(cost) })
      }
    }
  }

  @Test(arguments: Kind.allCases.filter(\.isFrugal))
  func `ends by itself where there is nothing left to ask`(kind: Kind) throws {
    let tiny = try SearchSpace(name: "tiny", input: Shape(channels: 1, height: 4, width: 4)) {
      Convolution(width: [4, 8], kernel: [1, 3])
      Convolution(width: [4, 8, 12], kernel: 1)
      GlobalAveragePool()
      Linear(classes: 2)
    }
    let search = try Self.search(kind.make(tiny, []), in: tiny, seed: 5)
    #expect(search.candidates.count == 12)
  }

  @Test(arguments: Kind.allCases.filter(\.learnsFromOthers))
  func `goes on from what is known`(kind: Kind) throws {
    let space = try smallSpace()
    let budget = Self.budgets[0]
    var generator = SeededGenerator(seed: 11)
    let sampler = try ArchitectureSampler(of: space, within: [budget])
    var known = (0..<45).map { _ in
      ScoredArchitecture(
        sampler.randomArchitecture(using: &generator), Score(correct: 1, images: 100, loss: 2))
    }
    known.append(ScoredArchitecture(space.largest, Score(correct: 1, images: 100, loss: .nan)))
    // Better than anything that is going to be found.
    known[7].score = Score(correct: 100, images: 100, loss: 0)
    func run<S: SearchStrategy>(_ start: S) throws -> (Set<String>, [Finalist]) {
      var strategy = start
      strategy.warmStart(from: known, in: space)
      strategy = try JSONDecoder().decode(S.self, from: JSONEncoder().encode(strategy))
      let search = try Self.search(strategy, in: space, seed: 2)
      return (Set(search.candidates.map { space.key(of: $0.architecture) }), search.finalists)
    }
    let (asked, finalists) = try run(kind.make(space, [budget]))
    #expect(!asked.isEmpty)
    #expect(asked.isDisjoint(with: known.map { space.key(of: $0.architecture) }))
    #expect(
      finalists.map { space.key(of: $0.architecture) } == [space.key(of: known[7].architecture)])
  }

  @Test(arguments: Kind.allCases.filter(\.isFrugal))
  func `goes on although a whole answer is no number`(kind: Kind) throws {
    let space = try smallSpace()
    func run<S: SearchStrategy>(_ start: S) throws -> ([[Int]], [Finalist]) {
      var strategy = start
      var generator = SeededGenerator(seed: 1)
      var chosen: [[Int]] = []
      while let question = strategy.ask(in: space, using: &generator) {
        let scores = question.candidates.map { _ in Score(correct: 9, images: 100, loss: .nan) }
        chosen.append(try strategy.tell(.scores(scores), in: space))
        strategy = try JSONDecoder().decode(S.self, from: JSONEncoder().encode(strategy))
      }
      return (chosen, strategy.finalists)
    }
    let (chosen, finalists) = try run(kind.make(space, Self.budgets))
    #expect(chosen.allSatisfy { $0.isEmpty } && finalists.isEmpty)
  }

  @Test(arguments: Kind.allCases.filter(\.isFrugal).filter { $0 != .exhaustive })
  func `keeps to a budget that few networks keep to`(kind: Kind) throws {
    var settings = Family.Settings()
    settings.smallestDepth = 1
    let space = try Family.mobileNetV2.space(
      input: Shape(channels: 3, height: 32, width: 32), classes: 10, settings: settings)
    let census = ArchitectureCensus(of: space)
    var generator = SeededGenerator(seed: 4)
    let costs = (0..<500).map { _ in
      space.network(of: census.randomArchitecture(using: &generator)).cost.macs
    }
    let budget = Budget(.macs, atMost: costs.sorted()[10])
    let search = try Self.search(kind.make(space, [budget]), in: space, seed: 6)
    #expect(search.candidates.count >= 60)
    #expect(
      search.candidates.allSatisfy { budget.admits(space.network(of: $0.architecture).cost) })
  }

  // MARK: Latency, which is not counted but looked up

  @Test(arguments: Kind.allCases)
  func `keeps to budgets of latency, and goes on with them as if it had never stopped`(
    kind: Kind
  ) throws {
    let space = try smallSpace()
    let timed = space.timed(by: .made(of: space))
    let (least, most) = (
      timed.cost(of: timed.smallest)[.latency], timed.cost(of: timed.largest)[.latency]
    )
    let budgets = [
      Budget(.latency, atMost: least + (most - least) * 2 / 3), Self.budgets[1],
      Budget(.latency, atMost: least + (most - least) / 4),
    ]
    let strategy = try kind.make(timed, budgets)
    let search = try Self.search(strategy, in: timed, seed: 7)
    #expect(Set(search.finalists.map(\.budget)) == Set(budgets))
    for finalist in search.finalists {
      #expect(finalist.budget.admits(timed.cost(of: finalist.architecture)))
    }
    if kind.isFrugal {
      for candidate in search.candidates {
        let cost = timed.cost(of: candidate.architecture)
        #expect(budgets.contains { $0.admits(cost) })
      }
    }
    #expect(try Self.search(strategy, in: timed, seed: 7, interrupting: true) == search)
  }

  @Test(arguments: Kind.allCases)
  func `refuses a budget of less latency than any network has, and names the least`(
    kind: Kind
  ) throws {
    let space = try smallSpace()
    let timed = space.timed(by: .made(of: space))
    let least = timed.cost(of: timed.smallest)[.latency]
    let budget = Budget(.latency, atMost: least - 1)
    let error = #expect(throws: StrategyError.self) { _ = try kind.make(timed, [budget]) }
    #expect(error == .unreachable(budget, smallest: least))
    #expect(error?.description.hasSuffix(Cost.Metric.latency.text(of: least)) == true)
    let exact = Budget(.latency, atMost: least)
    let search = try Self.search(kind.make(timed, [exact]), in: timed, seed: 1)
    #expect(search.finalists.map(\.budget) == [exact])
  }
}
