package import LinearAlgebra
import RealModule

/// Predicts the values of points from those of others: the nearer, the more alike.
///
/// > C. E. Rasmussen, C. K. I. Williams. "Gaussian Processes for Machine Learning." MIT Press 2006,
/// > chapters 2, 4 and 5.
///
/// How far two points are from each other is a sum over their features, and their correlation falls
/// exponentially with it. How much each feature counts, and how much of the values is noise, is
/// settled by gradient ascent of the marginal likelihood, so features that matter little count
/// little.
///
/// | Here | In the book |
/// | --- | --- |
/// | ``Weights/features`` | logarithms of inverse length scales |
/// | ``Weights/noise`` | logarithm of *σ*n² / *σ*f² |
/// | correlations | *K* / *σ*f² |
/// | `precision`, `pull` | (*K* / *σ*f² + noise)⁻¹; this times *y* less the mean |
///
/// Mean and variance of the signal are not fitted by ascent but take their best values given the
/// rest, which can be written down.
package struct GaussianProcess {
  /// What is settled by the data, and a good start once there is more of it.
  package struct Weights: Hashable, Codable {
    package var features: [Double]
    package var noise: Double

    /// What is likely without data: points that differ everywhere have little in common.
    package init(featureCount: Int) {
      let share = 2.5 / Double(max(1, featureCount))
      features = [Double](repeating: Double.log(share), count: featureCount)
      noise = Double.log(0.02)
    }
  }

  /// What the points' features mean.
  private(set) var metric: FeatureMetric

  private var points: FeaturePoints
  private var values: [Double]
  package private(set) var weights: Weights

  private var mean = 0.0
  private var variance = 0.0
  private var precision = Matrix(rows: 0, columns: 0)
  private var correlations = Matrix(rows: 0, columns: 0)
  private var pull: [Double] = []

  /// The logarithm of the likelihood of the values under the weights, less what is the same for all
  /// weights, and plus how likely the weights are without data.
  package private(set) var evidence = -Double.infinity

  /// Fits a process.
  ///
  /// - Parameters:
  ///   - values: A number for each point.
  ///   - points: Where they were found; at least one.
  ///   - metric: What the points' features mean.
  ///   - weights: Where the ascent begins.
  ///   - steps: How many steps it takes; of all weights on the way, the likeliest stay.
  package init(
    _ values: [Double], at points: FeaturePoints, _ metric: FeatureMetric, from weights: Weights,
    steps: Int
  ) {
    precondition(values.count == points.count && !values.isEmpty, "values and points do not agree")
    self.values = values
    self.points = points
    self.metric = metric
    self.weights = weights
    condition()
    var best = self
    var ascent = Adam(count: weights.features.count + 1)
    for _ in 0..<steps {
      var logarithms = self.weights.features + [self.weights.noise]
      ascent.step(
        &logarithms, against: slope().map { -$0 }, Adam.Settings(rate: 0.2, memory: 0.99))
      self.weights.noise = logarithms.removeLast()
      self.weights.features = logarithms
      condition()
      if evidence > best.evidence { best = self }
    }
    self = best
  }

  /// Works out what follows from the weights.
  private mutating func condition() {
    let count = values.count
    correlations = metric.correlations(points, points, weights.features)
    var noisy = correlations
    for row in 0..<count { noisy[row, row] += Double.exp(weights.noise) + 1e-6 }
    guard let factor = try? Cholesky(of: noisy) else {
      evidence = -.infinity
      return
    }
    let ones = factor.solve([Double](repeating: 1, count: count))
    mean = dot(ones, values) / ones.reduce(0, +)
    let residuals = values.map { $0 - mean }
    pull = factor.solve(residuals)
    variance = max(1e-12, dot(residuals, pull) / Double(count))
    precision = factor.inverse()
    let prior = Weights(featureCount: weights.features.count)
    evidence = -0.5 * (Double(count) * Double.log(variance) + factor.logDeterminant)
    for (weight, likely) in zip(weights.features, prior.features) {
      evidence -= 0.5 * (weight - likely) * (weight - likely) / Self.spread
    }
    evidence -= 0.5 * (weights.noise - prior.noise) * (weights.noise - prior.noise) / Self.spread
  }

  /// The variance of the weights around what is likely without data.
  private static let spread = 4.0

  /// The derivative of the evidence in each feature's weight, and last in the noise's.
  ///
  /// (5.9) in the book, with the variance at its best.
  package func slope() -> [Double] {
    let prior = Weights(featureCount: weights.features.count)
    guard evidence.isFinite else {
      return (weights.features + [weights.noise]).map { _ in 0 }
    }
    let count = values.count
    var change = precision
    for row in 0..<count {
      for column in 0..<count {
        change[row, column] = 0.5 * (pull[row] * pull[column] / variance - precision[row, column])
      }
    }
    var noise = 0.0
    for row in 0..<count { noise += change[row, row] * Double.exp(weights.noise) }
    var slope = metric.slopes(
      points, weights.features, weighing: change, correlations: correlations)
    for index in slope.indices {
      slope[index] -= (weights.features[index] - prior.features[index]) / Self.spread
    }
    return slope + [noise - (weights.noise - prior.noise) / Self.spread]
  }

  /// The values to be expected at the points that the process was fitted to.
  var meansOfPoints: [Double] { (correlations * pull).map { mean + $0 } }

  /// The values to be expected at some points.
  package func means(at others: FeaturePoints) -> [Double] {
    let correlations = metric.correlations(others, points, weights.features)
    return (correlations * pull).map { mean + $0 }
  }

  /// The values to be expected at some points, and how they vary together.
  ///
  /// What the mean itself leaves open is neglected, as is the noise of a new measurement.
  package func posterior(at others: FeaturePoints) -> (means: [Double], covariance: Matrix) {
    let across = metric.correlations(others, points, weights.features)
    var covariance = metric.correlations(others, others, weights.features)
    let explained = across * precision * across.transposed
    for row in 0..<others.count {
      for column in 0..<others.count {
        covariance[row, column] = variance * (covariance[row, column] - explained[row, column])
      }
      // What rounding takes away from the smallest variances.
      covariance[row, row] += 1e-6 * variance
    }
    return (means(at: others), covariance)
  }
}

private func dot(_ left: [Double], _ right: [Double]) -> Double {
  var sum = 0.0
  for (a, b) in zip(left, right) { sum += a * b }
  return sum
}
