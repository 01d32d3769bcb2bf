import Foundation
import SearchSpace
import Strategies
import Testing

/// Searches without any network: the loss is a function of the mixture that can be written down.
@Suite struct TASTests {
  /// Plain convolutions, so that every decision's cost is clear.
  private func chain() throws -> SearchSpace {
    try SearchSpace(name: "chain", input: [3, 8, 8]) {
      Convolution(name: "first", width: .range(4...32, step: 4), kernel: 3)
      Convolution(name: "second", width: .range(4...32, step: 4), kernel: 3)
      Convolution(name: "third", width: .range(4...32, step: 4), kernel: 3)
      GlobalAveragePool()
      Linear(classes: 4)
    }
  }

  private struct Outcome {
    var finalists: [Finalist]
    var beliefs: [Belief]
    var candidates: [Candidate]
  }

  /// Runs a search whose loss is the sum over decisions of the weighted sum of `loss` over the
  /// choices mixed.
  private func search(
    _ space: SearchSpace, _ budgets: [Budget], steps: Int, _ settings: TAS.Settings,
    loss: (_ decision: Int, _ choice: Int) -> Double
  ) throws -> Outcome {
    var strategy = try TAS(space: space, budgets: budgets, settings: settings)
    var generator = SeededGenerator(seed: 1)
    var step = 0
    var candidates: [Candidate] = []
    while let question = strategy.ask(in: space, using: &generator) {
      switch question {
      case .trainMixture:
        step += 1
        _ = try strategy.tell(
          .trained(loss: 1, progress: Double(step) / Double(steps)), in: space)
      case .differentiateMixture(let mixture):
        let slopes = mixture.blends.enumerated().map { decision, blend in
          blend.choices.map { loss(decision, $0) }
        }
        let total = zip(mixture.blends, slopes).reduce(0) { sum, pair in
          sum + zip(pair.0.weights, pair.1).reduce(0) { $0 + $1.0 * $1.1 }
        }
        _ = try strategy.tell(
          .mixtureGradient(MixtureGradient(loss: total, weights: slopes)), in: space)
      case .score(let asked, let images):
        candidates = asked
        _ = try strategy.tell(
          .scores(asked.map { _ in Score(correct: 1, images: images, loss: 1) }), in: space)
      case .differentiateGates, .measure:
        Issue.record("TAS has no gates")
      }
    }
    return Outcome(
      finalists: strategy.finalists, beliefs: strategy.beliefs(in: space), candidates: candidates)
  }

  private var quick: TAS.Settings {
    var settings = TAS.Settings()
    settings.rate = 0.02
    return settings
  }

  @Test func `finds the choice of the least loss for every decision`() throws {
    // Whatever the weights, a decision's loss is least when all of it lies on its best choice.
    let space = try chain()
    let best = [2, 7, 5]
    let outcome = try search(space, [], steps: 1500, quick) { decision, choice in
      0.1 * Double((choice - best[decision]) * (choice - best[decision]))
    }
    let belief = try #require(outcome.beliefs.first)
    #expect(belief.derived == Architecture(choices: best))
    for (probabilities, choice) in zip(belief.probabilities, best) {
      #expect(probabilities[choice] == probabilities.max())
      #expect(abs(probabilities.reduce(0, +) - 1) < 1e-12)
    }
  }

  @Test(arguments: [0.3, 0.5, 0.7])
  func `is steered into the band from above`(share: Double) throws {
    // Wider is better, so only the budget holds the search back.
    let space = try chain()
    let largest = space.network(of: space.largest).cost.macs
    let budget = Budget(.macs, atMost: Int(share * Double(largest)))
    let outcome = try search(space, [budget], steps: 1500, quick) { _, choice in
      -0.02 * Double(choice)
    }
    let finalist = try #require(outcome.finalists.first)
    let cost = space.network(of: finalist.architecture).cost.macs
    #expect(cost <= budget.limit)
    #expect(Double(cost) >= Double(budget.limit) - 0.05 * Double(largest))
  }

  @Test(arguments: [0.3, 0.5, 0.7])
  func `is steered into the band from below`(share: Double) throws {
    // Narrower is better: without the cost term the smallest network would win.
    let space = try chain()
    let largest = space.network(of: space.largest).cost.macs
    let budget = Budget(.macs, atMost: Int(share * Double(largest)))
    let outcome = try search(space, [budget], steps: 1500, quick) { _, choice in
      0.02 * Double(choice)
    }
    let cost = space.network(of: try #require(outcome.finalists.first).architecture).cost.macs
    #expect(cost <= budget.limit)
    #expect(Double(cost) >= Double(budget.limit) - 0.05 * Double(largest))

    var free = quick
    free.costWeight = 0
    let without = try search(space, [budget], steps: 1500, free) { _, choice in
      0.02 * Double(choice)
    }
    #expect(without.beliefs[0].derived == space.smallest)
  }

  @Test func `gives the most probable network in the band where its own is beyond it`() throws {
    let space = try chain()
    let largest = space.network(of: space.largest).cost.macs
    let budget = Budget(.macs, atMost: largest / 4)
    var settings = quick
    settings.costWeight = 0  // nothing keeps it within
    let outcome = try search(space, [budget], steps: 300, settings) { _, choice in
      -0.1 * Double(choice)
    }
    let belief = outcome.beliefs[0]
    #expect(!budget.admits(space.network(of: belief.derived).cost))
    #expect(outcome.candidates.map(\.role) == ["most probable in the band"])

    // Of all 512 networks within the budget none is more probable.
    let found = try #require(outcome.finalists.first?.architecture)
    func probability(_ architecture: Architecture) -> Double {
      zip(belief.probabilities, architecture.choices).reduce(1) { $0 * $1.0[$1.1] }
    }
    let choices = 0..<8
    var best = 0.0
    for first in choices {
      for second in choices {
        for third in choices {
          let architecture = Architecture(choices: [first, second, third])
          let cost = space.network(of: architecture).cost.macs
          if cost <= budget.limit, cost >= budget.limit - largest / 20 {
            best = max(best, probability(architecture))
          }
        }
      }
    }
    #expect(budget.admits(space.network(of: found).cost))
    #expect(abs(probability(found) - best) < 1e-12)
  }

  @Test func `mixes two widths and all depths, with weights that add up to 1`() throws {
    let space = try smallSpace()
    var strategy = try TAS(space: space, budgets: [])
    var generator = SeededGenerator(seed: 2)
    for _ in 0..<50 {
      guard case .trainMixture(let mixture) = strategy.ask(in: space, using: &generator) else {
        Issue.record("the first question is for a weight step")
        return
      }
      for (decision, blend) in zip(space.decisions, mixture.blends) {
        #expect(abs(blend.weights.reduce(0, +) - 1) < 1e-12)
        #expect(Set(blend.choices).count == blend.choices.count)
        if case .depth = decision.kind {
          #expect(blend.choices == Array(decision.choices.indices))
        } else {
          #expect(blend.choices.count == min(2, decision.choices.count))
        }
      }
      _ = try strategy.tell(.trained(loss: 1, progress: 0.01), in: space)
      let slopes = space.decisions.map { _ in [Double](repeating: 0, count: 3) }
      guard case .differentiateMixture(let second) = strategy.ask(in: space, using: &generator)
      else {
        Issue.record("the second question is for a gradient")
        return
      }
      #expect(second != mixture)
      _ = try strategy.tell(
        .mixtureGradient(
          MixtureGradient(
            loss: 1,
            weights: zip(slopes, second.blends).map { Array($0.prefix($1.choices.count)) })),
        in: space)
    }
  }

  /// The gradient by the logits against a difference quotient of the softmax of noisy logits.
  @Test func `differentiates a mixture's weights by the logits`() throws {
    let logits = [0.3, -0.2, 0.9, 0.1]
    let noise = [0.4, 1.2, -0.3, 0.2]
    let drawn = [1, 2]
    let slopes = [0.7, -1.1]
    let temperature = 0.6
    func weights(_ logits: [Double]) -> [Double] {
      let total = logits.reduce(0) { $0 + exp($1) }
      let noisy = drawn.map { (logits[$0] - log(total) + noise[$0]) / temperature }
      let sum = noisy.reduce(0) { $0 + exp($1) }
      return noisy.map { exp($0) / sum }
    }
    func loss(_ logits: [Double]) -> Double {
      zip(weights(logits), slopes).reduce(0) { $0 + $1.0 * $1.1 }
    }
    let gradient = Sample(
      blends: [Mixture.Blend(choices: drawn, weights: weights(logits))], temperature: temperature
    ).logitGradient(of: [slopes], counts: [4])[0]
    for index in logits.indices {
      var (above, below) = (logits, logits)
      above[index] += 1e-5
      below[index] -= 1e-5
      #expect(abs(gradient[index] - (loss(above) - loss(below)) / 2e-5) < 1e-8)
    }
  }

  @Test func `refuses spaces that it cannot mix`() throws {
    let kernels = try SearchSpace(name: "kernels", input: [3, 8, 8]) {
      Convolution(name: "stem", width: [4, 8], kernel: [3, 5])
      GlobalAveragePool()
      Linear(classes: 4)
    }
    #expect(throws: StrategyError.unmixable(decision: "stem.kernel")) {
      _ = try TAS(space: kernels, budgets: [])
    }
  }
}
