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

  /// For each decision, how many codes it has.
  private let codes: [Int]

  /// For each decision, how many codes those before it have.
  private let starts: [Int]

  package init(of space: SearchSpace) {
    self.space = space
    let codes = space.decisions.map { $0.choices.count + 1 }
    self.codes = codes
    starts = codes.indices.map { codes[..<$0].reduce(0, +) }
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
    let table = distances(to: second, weighing: weights.map { -Double.exp($0) })
    var correlations = Matrix(rows: first.count, columns: second.count)
    for row in 0..<first.count {
      for feature in codes.indices {
        correlations.add(row: starts[feature] + first[row, feature], of: table, toRow: row)
      }
    }
    return correlations.mapped { Double.exp($0) }
  }

  /// How far every code of every feature is from those of some points, times the feature's weight.
  ///
  /// Few codes and many points make a table of rows to be added the fastest way to many distances.
  ///
  /// - Returns: A row for each code, from ``starts`` on, and a column for each point.
  private func distances(to points: FeaturePoints, weighing weights: [Double]) -> Matrix {
    var table: [Double] = []
    let rows = codes.reduce(0, +)
    table.reserveCapacity(rows * points.count)
    for (feature, count) in codes.enumerated() {
      let places = (0..<points.count).map { points[$0, feature] }
      for code in 0..<count {
        let weighted = distances[feature][(code * count)..<(code * count + count)].map {
          $0 * weights[feature]
        }
        for place in places { table.append(weighted[place]) }
      }
    }
    return Matrix(rows: rows, columns: points.count, elements: table)
  }

  /// The derivatives of a weighted sum of all correlations in the logarithms of the weights.
  func slopes(
    _ points: FeaturePoints, _ weights: [Double], weighing change: Matrix, correlations: Matrix
  ) -> [Double] {
    let table = distances(to: points, weighing: weights.map { Double.exp($0) })
    var slopes = [Double](repeating: 0, count: codes.count)
    for row in 0..<points.count {
      let changes = (0..<row).map { change[row, $0] * correlations[row, $0] }
      for feature in codes.indices {
        slopes[feature] -= 2 * table.dot(row: starts[feature] + points[row, feature], changes)
      }
    }
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
