/// Stochastic gradient descent that scales each step by the gradient's recent size.
///
/// > D. P. Kingma, J. Ba. "Adam: A Method for Stochastic Optimization." ICLR 2015.
/// > [arXiv:1412.6980](https://arxiv.org/abs/1412.6980), algorithm 1.
///
/// | Here | In the paper |
/// | --- | --- |
/// | ``Settings/rate`` | α |
/// | ``Settings/momentum`` | β₁ |
/// | ``Settings/memory`` | β₂ |
/// | `mean`, `square` | m, v |
struct Adam: Hashable, Codable, Sendable {
  private var mean: [Double]
  private var square: [Double]

  // β₁ and β₂ to the power of the steps taken.
  private var momentumPower = 1.0
  private var memoryPower = 1.0

  struct Settings: Hashable, Codable, Sendable {
    var rate: Double
    var momentum = 0.9
    var memory = 0.999

    /// What each number adds to its gradient, as a share of itself.
    var weightDecay = 0.0
  }

  /// Keeps a root from being divided by when it is zero.
  private static let epsilon = 1e-8

  init(count: Int) {
    mean = [Double](repeating: 0, count: count)
    square = mean
  }

  /// Takes a step against a gradient.
  mutating func step(_ values: inout [Double], against gradient: [Double], _ settings: Settings) {
    precondition(values.count == mean.count && gradient.count == mean.count, "one slope a number")
    let (first, second) = (settings.momentum, settings.memory)
    momentumPower *= first
    memoryPower *= second
    for index in values.indices {
      let slope = gradient[index] + settings.weightDecay * values[index]
      mean[index] = first * mean[index] + (1 - first) * slope
      square[index] = second * square[index] + (1 - second) * slope * slope
      let root = (square[index] / (1 - memoryPower)).squareRoot()
      values[index] -= settings.rate * (mean[index] / (1 - momentumPower)) / (root + Self.epsilon)
    }
  }
}
