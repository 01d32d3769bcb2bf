import LinearAlgebra
import RealModule
import SearchSpace
import Strategies
import Testing

@Suite struct GaussianProcessTests {
  let space: SearchSpace
  let metric: FeatureMetric
  let architectures: [Architecture]
  let values: [Double]

  init() throws {
    space = try smallSpace()
    metric = FeatureMetric(of: space)
    let census = ArchitectureCensus(of: space)
    var generator = SeededGenerator(seed: 2)
    architectures = (0..<25).map { _ in census.randomArchitecture(using: &generator) }
    values = architectures.map { architecture in
      Double(architecture.choices.reduce(0, +)) / 10 + 0.1 * generator.normal()
    }
  }

  private func process(_ weights: GaussianProcess.Weights, steps: Int = 0) -> GaussianProcess {
    GaussianProcess(values, at: metric.points(architectures), metric, from: weights, steps: steps)
  }

  /// Weights of no special kind.
  private var weights: GaussianProcess.Weights {
    var weights = GaussianProcess.Weights(featureCount: metric.featureCount)
    for index in weights.features.indices { weights.features[index] += 0.3 * Double(index % 3) }
    weights.noise = -2
    return weights
  }

  @Test func `predicts as the textbook's formulas do`() throws {
    let process = process(weights)
    let others = sample(of: space, count: 6, seed: 5)
    let posterior = process.posterior(at: metric.points(others))
    #expect(posterior.means == process.means(at: metric.points(others)))

    // The formulas with K itself: inverse by elimination, mean by generalised least squares.
    func correlation(_ a: Architecture, _ b: Architecture) -> Double {
      metric.correlations(metric.points([a]), metric.points([b]), weights.features)[0, 0]
    }
    var system = architectures.map { a in architectures.map { correlation(a, $0) } }
    for row in system.indices { system[row][row] += Double.exp(weights.noise) + 1e-6 }
    let ones = solve(system, values.map { _ in 1 })
    let mean = zip(ones, values).reduce(0) { $0 + $1.0 * $1.1 } / ones.reduce(0, +)
    let residuals = values.map { $0 - mean }
    let pull = solve(system, residuals)
    let variance = zip(residuals, pull).reduce(0) { $0 + $1.0 * $1.1 } / Double(values.count)
    for (place, other) in others.enumerated() {
      let across = architectures.map { correlation(other, $0) }
      let expected = zip(across, pull).reduce(mean) { $0 + $1.0 * $1.1 }
      #expect(abs(posterior.means[place] - expected) < 1e-8)
      let explained = zip(across, solve(system, across)).reduce(0) { $0 + $1.0 * $1.1 }
      let spread = variance * (1 - explained)
      #expect(abs(posterior.covariance[place, place] - spread) < 1e-5 * variance)
    }
  }

  @Test func `knows the slope of its evidence`() {
    let process = process(weights)
    let slope = process.slope()
    for index in slope.indices {
      func evidence(_ step: Double) -> Double {
        var moved = weights
        if index < moved.features.count {
          moved.features[index] += step
        } else {
          moved.noise += step
        }
        return self.process(moved).evidence
      }
      let difference = (evidence(1e-4) - evidence(-1e-4)) / 2e-4
      #expect(abs(slope[index] - difference) < 1e-4 * max(1, abs(difference)))
    }
  }

  @Test func `finds likelier weights`() {
    let start = GaussianProcess.Weights(featureCount: metric.featureCount)
    #expect(process(start, steps: 20).evidence > process(start).evidence)
  }

  @Test func `makes no difference of what sizes nothing`() throws {
    // Depth 1 of the first stage leaves out what sizes its other blocks.
    let depth = try #require(space.decisions.firstIndex { $0.name == "stage1.depth" })
    var shallow = space.largest.choices
    shallow[depth] = 0
    let sizes = Dictionary(
      uniqueKeysWithValues: zip(space.decisions, shallow).map { ($0.name, $0.choices[$1]) })
    let architecture = try space.architecture(sizes: sizes)
    let idle = space.decisions.indices.filter { !space.isActive($0, in: architecture) }
    #expect(!idle.isEmpty)
    var other = sizes
    for index in idle { other[space.decisions[index].name] = space.decisions[index].choices[0] }
    let points = metric.points([architecture, try space.architecture(sizes: other), space.largest])
    let alike = metric.correlations(points, points, weights.features)
    #expect(alike[0, 1] == 1 && alike[0, 2] < 1)
  }

  /// Gaussian elimination with pivots.
  private func solve(_ matrix: [[Double]], _ right: [Double]) -> [Double] {
    var rows = zip(matrix, right).map { $0 + [$1] }
    let size = rows.count
    for pivot in 0..<size {
      rows.swapAt(
        pivot, (pivot..<size).max { abs(rows[$0][pivot]) < abs(rows[$1][pivot]) } ?? pivot)
      for row in 0..<size where row != pivot {
        let factor = rows[row][pivot] / rows[pivot][pivot]
        for column in pivot...size { rows[row][column] -= factor * rows[pivot][column] }
      }
    }
    return (0..<size).map { rows[$0][size] / rows[$0][$0] }
  }
}

/// A few architectures of a space.
private func sample(
  of space: SearchSpace, count: Int, seed: UInt64
) -> [Architecture] {
  let census = ArchitectureCensus(of: space)
  var generator = SeededGenerator(seed: seed)
  return (0..<count).map { _ in census.randomArchitecture(using: &generator) }
}
