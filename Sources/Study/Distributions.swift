import Foundation
public import SearchSpace
import Strategies
import TrialStore

/// The distributions that a strategy has learnt for one budget, as the store keeps them.
public struct Distributions: Hashable, Codable, Sendable {
  /// The budget; `nil` for a search without one.
  public var budget: Budget?

  /// The expected cost of a network drawn from the distributions, in the unit of the budget.
  public var expectedCost: Double?

  /// What the network of the most probable choices costs.
  public var derived: Cost

  public var decisions: [Entry]

  /// Whether the network of the most probable choices keeps to the budget; if not, the search picks
  /// the most probable one that does.
  public var isWithinBudget: Bool { budget?.admits(derived) ?? true }

  /// One decision's distribution.
  public struct Entry: Hashable, Codable, Sendable {
    public var name: String

    /// The sizes on offer.
    public var choices: [Int]

    /// The probability of each.
    public var probabilities: [Double]

    /// The place of the most probable choice; of equals, the last.
    public var mostProbable: Int {
      probabilities.indices.reversed().reduce(probabilities.count - 1) {
        probabilities[$1] > probabilities[$0] ? $1 : $0
      }
    }

    /// The probability of the most probable choice.
    public var certainty: Double { probabilities[mostProbable] }
  }

  init(_ belief: Belief, in space: SearchSpace) {
    budget = belief.budget
    expectedCost = belief.expectedCost
    derived = space.cost(of: belief.derived)
    decisions = zip(space.decisions, belief.probabilities).map { decision, probabilities in
      Entry(
        name: decision.name, choices: decision.choices,
        // Six digits are more than anybody reads.
        probabilities: probabilities.map { ($0 * 1e6).rounded() / 1e6 })
    }
  }

  /// What a strategy holds probable after some weight steps, for the store; nothing if it learns no
  /// distributions.
  static func record(
    of strategy: some SearchStrategy, step: Int, in space: SearchSpace
  ) -> [RecordedBelief] {
    let beliefs = strategy.beliefs(in: space)
    guard !beliefs.isEmpty else { return [] }
    return [
      RecordedBelief(
        step: step, content: json(beliefs.map { Distributions($0, in: space) }))
    ]
  }
}

extension StudyReader {
  /// The distributions that the study's strategy has learnt so far, one entry a budget; none for a
  /// strategy that learns none.
  ///
  /// - Throws: ``StudyError/damagedState(study:what:)`` if what is stored of them cannot be read.
  public func distributions() throws -> [Distributions] {
    guard let latest = try store.beliefs(of: study.id).last else { return [] }
    do {
      return try JSONDecoder().decode([Distributions].self, from: Data(latest.content.utf8))
    } catch {
      throw StudyError.damagedState(study: study.name, what: "what the strategy holds probable")
    }
  }
}
