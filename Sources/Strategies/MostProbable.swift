import HeapModule
import SearchSpace

extension SearchSpace {
  /// The most probable architecture whose cost lies in a range, each decision having its own
  /// distribution.
  ///
  /// Architectures are gone through in the order of their probability. If none of the two thousand
  /// most probable ones lies in the range, the lower bound is given up: decisions are changed one at a time from the most
  /// probable one on, always the change that loses the least probability for what it saves, and
  /// then back as far as the budget lets them.
  ///
  /// - Parameters:
  ///   - logarithms: For each decision, the logarithm of each choice's probability.
  ///   - budget: The upper bound, which some network keeps to.
  ///   - least: The lower bound.
  /// - Returns: An architecture within the budget.
  func mostProbable(
    _ logarithms: [[Double]], within budget: Budget, atLeast least: Int
  ) -> Architecture {
    var ranking = Ranking(logarithms)
    for _ in 0..<2048 {
      guard let choices = ranking.next() else { break }
      let architecture = Architecture(choices: choices)
      if least...budget.limit ~= cost(of: architecture)[budget.metric] {
        return architecture
      }
    }
    return descended(logarithms, within: budget)
  }

  private func descended(_ logarithms: [[Double]], within budget: Budget) -> Architecture {
    func cost(_ choices: [Int]) -> Int {
      self.cost(of: Architecture(choices: choices))[budget.metric]
    }
    func changes(of choices: [Int]) -> [(choices: [Int], loss: Double)] {
      choices.indices.flatMap { decision in
        logarithms[decision].indices.filter { $0 != choices[decision] }.map { choice in
          var changed = choices
          changed[decision] = choice
          return (changed, logarithms[decision][choices[decision]] - logarithms[decision][choice])
        }
      }
    }

    var choices = logarithms.map(\.mostProbable)
    var present = cost(choices)
    while present > budget.limit {
      var best: (choices: [Int], cost: Int, price: Double)?
      for (changed, loss) in changes(of: choices) {
        let changedCost = cost(changed)
        guard changedCost < present else { continue }
        let price = loss / Double(present - changedCost)
        if price < best?.price ?? .infinity { best = (changed, changedCost, price) }
      }
      guard let best else { return cheapest(in: budget.metric) }
      (choices, present) = (best.choices, best.cost)
    }
    while let better = changes(of: choices).filter({
      $0.loss < 0 && cost($0.choices) <= budget.limit
    })
    .min(by: { $0.loss < $1.loss }) {
      choices = better.choices
    }
    return Architecture(choices: choices)
  }
}

/// The joint answers to independent decisions, the most probable first.
///
/// Each answer but the first has one other before it that it follows from by a step down in the
/// last of its decisions that is not at its most probable choice, so none comes twice.
struct Ranking: IteratorProtocol {
  private struct Entry: Comparable {
    /// For each decision, which most probable choice is taken, from 0.
    var ranks: [Int]

    /// The last decision that is not at its most probable choice.
    var last: Int

    /// How much of the logarithm is lost against the most probable answer.
    var loss: Double

    static func < (left: Entry, right: Entry) -> Bool {
      left.loss != right.loss
        ? left.loss < right.loss : right.ranks.lexicographicallyPrecedes(left.ranks)
    }
  }

  /// For each decision, its choices from the most to the least probable.
  private let order: [[Int]]
  private let logarithms: [[Double]]
  private var waiting: Heap<Entry>

  /// - Parameter logarithms: For each decision, the logarithm of each choice's probability.
  init(_ logarithms: [[Double]]) {
    self.logarithms = logarithms
    order = logarithms.map { logarithms in
      logarithms.indices.sorted {
        logarithms[$0] != logarithms[$1] ? logarithms[$0] > logarithms[$1] : $0 > $1
      }
    }
    waiting = [Entry(ranks: logarithms.map { _ in 0 }, last: 0, loss: 0)]
  }

  mutating func next() -> [Int]? {
    guard let entry = waiting.popMin() else { return nil }
    for decision in entry.ranks.indices.dropFirst(entry.last) {
      let rank = entry.ranks[decision]
      guard rank + 1 < order[decision].count else { continue }
      var following = entry
      following.ranks[decision] += 1
      following.last = decision
      following.loss +=
        logarithms[decision][order[decision][rank]]
        - logarithms[decision][order[decision][rank + 1]]
      waiting.insert(following)
    }
    return entry.ranks.indices.map { order[$0][entry.ranks[$0]] }
  }
}

extension [Double] {
  /// The place of the largest; of equals, the last.
  var mostProbable: Int {
    indices.reversed().reduce(count - 1) { self[$1] > self[$0] ? $1 : $0 }
  }
}
