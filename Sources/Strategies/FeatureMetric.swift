package import LinearAlgebra
import RealModule
package import SearchSpace

/// How far architectures are from each other in each of their decisions.
///
/// Choices of a size are the farther apart the more choices lie between them, from 0 to 1;
/// alternatives are all as far apart, and so is a decision that sizes nothing from one that does.
/// What sizes nothing in either makes no difference.
package struct FeatureMetric: Sendable {
  private let space: SearchSpace

  /// For each decision, how far its codes are from each other, at `first * codes + second`.
  private let distances: [[Double]]
  private let codes: [Int]

  package init(of space: SearchSpace) {
    self.space = space
    codes = space.decisions.map { $0.choices.count + 1 }
    distances = space.decisions.map { decision in
      let count = decision.choices.count
      return (0...count).flatMap { first in
        (0...count).map { second in
          if first == second { return 0 }
          // The last code is that of a decision that sizes nothing.
          if first == count || second == count || decision.kind == .alternative { return 1 }
          return Double(abs(first - second)) / Double(count - 1)
        }
      }
    }
  }

  package var featureCount: Int { codes.count }

  /// The codes of architectures.
  package func points(_ architectures: [Architecture]) -> FeaturePoints {
    var points = FeaturePoints(count: architectures.count, features: codes.count)
    for architecture in architectures {
      let active = space.activeDecisions(in: architecture)
      for decision in codes.indices {
        points.codes.append(
          active[decision] ? architecture.choices[decision] : codes[decision] - 1)
      }
    }
    return points
  }

  /// How alike each of some points is to each of others: `exp(-∑ weight · distance)`.
  ///
  /// The weights are given by their logarithms. There is a row for each of the first points.
  package func correlations(
    _ first: FeaturePoints, _ second: FeaturePoints, _ weights: [Double]
  ) -> Matrix {
    let scaled = zip(distances, weights).map { distances, weight in
      let weight = Double.exp(weight)
      return distances.map { $0 * weight }
    }
    var correlations = Matrix(rows: first.count, columns: second.count)
    var sums = [Double](repeating: 0, count: second.count)
    for row in 0..<first.count {
      for column in sums.indices { sums[column] = 0 }
      for feature in codes.indices {
        let start = first[row, feature] * codes[feature]
        let table = scaled[feature]
        for column in sums.indices { sums[column] += table[start + second[column, feature]] }
      }
      for column in sums.indices { correlations[row, column] = Double.exp(-sums[column]) }
    }
    return correlations
  }

  /// The derivatives of a weighted sum of all correlations in the logarithms of the weights.
  func slopes(
    _ points: FeaturePoints, _ weights: [Double], weighing change: Matrix, correlations: Matrix
  ) -> [Double] {
    var slopes = [Double](repeating: 0, count: codes.count)
    for row in 0..<points.count {
      for feature in codes.indices {
        let start = points[row, feature] * codes[feature]
        let table = distances[feature]
        var sum = 0.0
        for column in 0..<row {
          sum +=
            change[row, column] * correlations[row, column]
            * table[start + points[column, feature]]
        }
        slopes[feature] -= 2 * sum
      }
    }
    for feature in codes.indices { slopes[feature] *= Double.exp(weights[feature]) }
    return slopes
  }
}

/// Architectures as codes: the number of a choice, or one more than the last where a decision sizes
/// nothing.
package struct FeaturePoints: Sendable {
  package let count: Int
  let features: Int
  fileprivate(set) var codes: [Int] = []

  init(count: Int, features: Int) {
    self.count = count
    self.features = features
    codes.reserveCapacity(count * features)
  }

  subscript(point: Int, feature: Int) -> Int { codes[point * features + feature] }
}
