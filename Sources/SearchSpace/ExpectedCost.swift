/// The expected cost of an architecture whose decisions are drawn one by one, each from a
/// distribution of its own, and its gradient.
///
///     let cost = ExpectedCost(of: space, in: .macs)
///     let (macs, slopes) = cost.value(of: probabilities)
///
/// The expectation is exact, and it is that of networks as they are built: with the convolutions
/// that stand in shortcuts only where widths differ, and with what follows a shortened stage
/// reading the last block that is left. The cost of a network is a sum over its layers, and that of
/// a layer depends on few decisions: the widths that it reads and computes, and the depths that
/// decide whether it is there and what is before it. So is the expectation a sum of small tables,
/// linear in each distribution.
public struct ExpectedCost: Hashable, Sendable {
  private let decisions: Int
  private var terms: [Term] = []

  /// What one layer costs, for each joint answer to the decisions that it depends on.
  private struct Term: Hashable {
    var decisions: [Int]

    /// How many choices each of the decisions has.
    var choices: [Int]

    /// The costs, the last decision's choices next to each other.
    var costs: [Double]
  }

  /// Tabulates the costs of a space's layers.
  ///
  /// - Parameters:
  ///   - space: The space; for latencies, one that a table times.
  ///   - metric: The cost.
  public init(of space: SearchSpace, in metric: Cost.Metric) {
    decisions = space.decisions.count
    let costs = space.layerCosts(in: metric)
    if costs.overhead > 0 { terms = [Term(decisions: [], choices: [], costs: [costs.overhead])] }
    space.forEachLayer { decisions, layers in
      add(decisions, layers.map { $0.map(costs.cost) ?? 0 }, choices: space)
    }
  }

  /// The expected cost.
  ///
  /// - Parameter probabilities: For each decision, the probability of each choice.
  /// - Returns: The cost, and its derivative by each of the probabilities.
  public func value(of probabilities: [[Double]]) -> (cost: Double, gradient: [[Double]]) {
    precondition(probabilities.count == decisions, "one distribution a decision")
    var cost = 0.0
    var gradient = probabilities.map { $0.map { _ in 0.0 } }
    for term in terms {
      var answer = [Int](repeating: 0, count: term.decisions.count)
      for entry in term.costs {
        if entry != 0 {
          var product = entry
          for (decision, choice) in zip(term.decisions, answer) {
            product *= probabilities[decision][choice]
          }
          cost += product
          for place in answer.indices {
            var others = entry
            for other in answer.indices where other != place {
              others *= probabilities[term.decisions[other]][answer[other]]
            }
            gradient[term.decisions[place]][answer[place]] += others
          }
        }
        for place in answer.indices.reversed() {
          answer[place] += 1
          if answer[place] < term.choices[place] { break }
          answer[place] = 0
        }
      }
    }
    return (cost, gradient)
  }

  /// Adds a table to the one of the same decisions, if there is one.
  private mutating func add(_ decisions: [Int], _ costs: [Double], choices space: SearchSpace) {
    if let index = terms.firstIndex(where: { $0.decisions == decisions }) {
      for entry in costs.indices { terms[index].costs[entry] += costs[entry] }
    } else {
      terms.append(
        Term(
          decisions: decisions, choices: decisions.map { space.decisions[$0].choices.count },
          costs: costs))
    }
  }
}
