/// Gradient descent whose step is measured, number by number, by the gradients met so far.
///
/// > D. P. Kingma, J. Ba. "Adam: A Method for Stochastic Optimization." ICLR 2015.
/// > [arXiv:1412.6980](https://arxiv.org/abs/1412.6980), algorithm 1.
///
/// | Here | In the paper |
/// | --- | --- |
/// | ``rate`` | α |
/// | ``firstDecay``, ``secondDecay`` | β₁, β₂ |
/// | `mean`, `square` | m, v |
/// | ``steps`` | t |
///
/// Follows the paper throughout.
struct Adam: Hashable, Codable, Sendable {
  let rate: Double
  let firstDecay: Double
  let secondDecay: Double

  private var mean: [Double]
  private var square: [Double]

  /// How many steps have been taken.
  private(set) var steps = 0

  /// Creates an optimiser of so many numbers; the defaults are the paper's.
  init(count: Int, rate: Double, firstDecay: Double = 0.9, secondDecay: Double = 0.999) {
    self.rate = rate
    self.firstDecay = firstDecay
    self.secondDecay = secondDecay
    mean = Array(repeating: 0, count: count)
    square = mean
  }

  /// Takes a step against the gradient.
  mutating func step(_ values: inout [Double], gradient: [Double]) {
    precondition(values.count == mean.count && gradient.count == mean.count, "other numbers")
    steps += 1
    let meanBias = 1 - power(firstDecay, steps)
    let squareBias = 1 - power(secondDecay, steps)
    for index in values.indices {
      mean[index] = firstDecay * mean[index] + (1 - firstDecay) * gradient[index]
      square[index] =
        secondDecay * square[index] + (1 - secondDecay) * gradient[index] * gradient[index]
      values[index] -=
        rate * (mean[index] / meanBias) / ((square[index] / squareBias).squareRoot() + 1e-8)
    }
  }

  /// A power by repeated squaring, the same on every machine.
  private func power(_ base: Double, _ exponent: Int) -> Double {
    var (power, square, rest) = (1.0, base, exponent)
    while rest > 0 {
      if rest % 2 == 1 { power *= square }
      square *= square
      rest /= 2
    }
    return power
  }
}
