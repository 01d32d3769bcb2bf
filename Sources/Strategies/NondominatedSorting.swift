/// What several goals make of something, each the better the lower.
package struct ObjectivePoint: Hashable, Sendable {
  /// One value for each goal.
  package var values: [Double]

  /// How far it is beyond what is allowed; 0 if it is not.
  package var violation = 0.0

  package init(values: [Double], violation: Double = 0) {
    self.values = values
    self.violation = violation
  }

  /// Whether this point is to be preferred whatever the goals are worth to each other.
  ///
  /// What is allowed dominates what is not; of two that are not, the one that is less so.
  package func dominates(_ other: ObjectivePoint) -> Bool {
    guard violation == other.violation else { return violation < other.violation }
    var isBetter = false
    for (value, otherValue) in zip(values, other.values) {
      if value > otherValue { return false }
      if value < otherValue { isBetter = true }
    }
    return isBetter
  }

  /// Whether this point comes first in an order in which nothing comes before what dominates it.
  fileprivate func precedes(_ other: ObjectivePoint) -> Bool {
    guard violation == other.violation else { return violation < other.violation }
    return values.lexicographicallyPrecedes(other.values)
  }
}

/// Sorts points into fronts: the first is dominated by none, each other only by those before it.
///
/// > K. Deb, A. Pratap, S. Agarwal, T. Meyarivan. "A Fast and Elitist Multiobjective Genetic
/// > Algorithm: NSGA-II." IEEE Transactions on Evolutionary Computation 6(2), 2002, section III-A.
///
/// The fronts are those of the paper, found faster: point by point, in an order in which none can be
/// dominated by a later one, each joins the first front that has nothing better.
///
/// > X. Zhang, Y. Tian, R. Cheng, Y. Jin. "An Efficient Approach to Nondominated Sorting for
/// > Evolutionary Multiobjective Optimization." IEEE Transactions on Evolutionary Computation 19(2),
/// > 2015: ENS-BS.
///
/// - Returns: The places of the points of each front, ascending.
/// - Complexity: O(n²) comparisons of n points at worst, O(n log n) where the fronts are small.
package func nondominatedFronts(of points: [ObjectivePoint]) -> [[Int]] {
  let order = points.indices.sorted { points[$0].precedes(points[$1]) }
  var fronts: [[Int]] = []
  for point in order {
    // The first front without anyone who dominates the point; those before it all have someone.
    var (low, high) = (0, fronts.count)
    while low < high {
      let middle = (low + high) / 2
      let isDominated = fronts[middle].reversed().contains {
        points[$0].dominates(points[point])
      }
      if isDominated { low = middle + 1 } else { high = middle }
    }
    if low == fronts.count { fronts.append([]) }
    fronts[low].append(point)
  }
  return fronts.map { $0.sorted() }
}

/// How much room each point of a front has to itself.
///
/// The sum over the goals of the distance between its neighbours, as a share of the whole width. The
/// ends of each goal have all the room.
///
/// > K. Deb et al., as above, section III-B.
package func crowdingDistances(of front: [ObjectivePoint]) -> [Double] {
  var distances = [Double](repeating: 0, count: front.count)
  guard let first = front.first else { return distances }
  for goal in first.values.indices {
    let order = front.indices.sorted {
      (front[$0].values[goal], $0) < (front[$1].values[goal], $1)
    }
    let (low, high) = (order[0], order[order.count - 1])
    distances[low] = .infinity
    distances[high] = .infinity
    let width = front[high].values[goal] - front[low].values[goal]
    guard width > 0 else { continue }
    for (place, point) in order.enumerated().dropFirst().dropLast() {
      distances[point] +=
        (front[order[place + 1]].values[goal] - front[order[place - 1]].values[goal]) / width
    }
  }
  return distances
}

/// A population in the order of preference that NSGA-II gives it.
package struct RankedPopulation {
  /// For each member, the number of its front from 0.
  package private(set) var ranks: [Int]

  /// For each member, how much room it has in its front.
  package private(set) var distances: [Double]

  /// The members front by front, those with more room first.
  package private(set) var order: [Int] = []

  package init(of points: [ObjectivePoint]) {
    ranks = [Int](repeating: 0, count: points.count)
    distances = [Double](repeating: 0, count: points.count)
    for (rank, front) in nondominatedFronts(of: points).enumerated() {
      for (member, distance) in zip(front, crowdingDistances(of: front.map { points[$0] })) {
        ranks[member] = rank
        distances[member] = distance
      }
      // Of equals the older comes first.
      order += front.sorted {
        (-distances[$0], $0) < (-distances[$1], $1)
      }
    }
  }

  /// Draws two members and returns the one to be preferred.
  func tournament(using generator: inout some RandomNumberGenerator) -> Int {
    let first = Int.random(in: ranks.indices, using: &generator)
    let second = Int.random(in: ranks.indices, using: &generator)
    return (ranks[second], -distances[second]) < (ranks[first], -distances[first])
      ? second : first
  }
}
