// The plain meaning of batch normalisation and its gradient, in double precision. Tests compare
// the fast kernels with these; nothing else calls them. `x` is [rows][channels].

/// Does what ``Engine/statistics(of:)`` does, slowly and plainly.
package func referenceStatistics(of x: [[Double]]) -> (mean: [Double], variance: [Double]) {
  let rows = Double(x.count)
  let mean = x[0].indices.map { c in x.reduce(0) { $0 + $1[c] } / rows }
  let variance = x[0].indices.map { c in
    x.reduce(0) { $0 + ($1[c] - mean[c]) * ($1[c] - mean[c]) } / rows
  }
  return (mean, variance)
}

/// Batch normalisation with the statistics of `x` itself, then sum and nonlinearity.
package func referenceNormalize(
  _ x: [[Double]], scale: [Double], shift: [Double], addend: [[Double]]?,
  nonlinearity: Nonlinearity
) -> [[Double]] {
  let (mean, variance) = referenceStatistics(of: x)
  return x.indices.map { row in
    x[row].indices.map { c in
      let deviation = (variance[c] + Double(normalizationEpsilon)).squareRoot()
      let value =
        (x[row][c] - mean[c]) / deviation * scale[c] + shift[c] + (addend?[row][c] ?? 0)
      return nonlinearity.reference(value)
    }
  }
}

/// Does what ``Engine/normalize(_:adding:into:)`` does; without a transform, `x` is final.
package func referenceTransform(
  _ x: [Float], _ transform: ChannelTransform?, _ nonlinearity: Nonlinearity,
  adding addend: [Float]? = nil
) -> [Float] {
  guard let transform else { return x }
  let channels = transform.scale.count
  return x.indices.map { index in
    let c = index % channels
    let value = x[index] * transform.scale[c] + transform.shift[c] + (addend?[index] ?? 0)
    return nonlinearity.reference(value)
  }
}

extension Nonlinearity {
  /// Applies the function; what is not a number stays none.
  package func reference<Number: BinaryFloatingPoint>(_ value: Number) -> Number {
    switch self {
    case .none: value
    case .relu: value < 0 ? 0 : value
    case .relu6: value < 0 ? 0 : value > 6 ? 6 : value
    }
  }

  /// The gradient of what the function was applied to, given its result.
  package func referenceGradient(_ gradient: Float, result: Float) -> Float {
    switch self {
    case .none: gradient
    case .relu: result > 0 ? gradient : 0
    case .relu6: result > 0 && result < 6 ? gradient : 0
    }
  }
}

/// Returns the sums that ``Engine/finishGradient(of:_:)`` and other passes that finish a gradient
/// take of it.
package func referenceSums(of gradient: [Float], x: [Float], mean: [Float]) -> GradientSums {
  let zeros = [Double](repeating: 0, count: mean.count)
  var sums = GradientSums(gradient: zeros, product: zeros)
  for index in gradient.indices {
    let c = index % mean.count
    sums.gradient[c] += Double(gradient[index])
    sums.product[c] += Double(gradient[index]) * (Double(x[index]) - Double(mean[c]))
  }
  return sums
}

/// Returns the gradient of `x` that a ``NormalizationGradient`` stands for.
package func referenceNormalizationGradient(
  _ gradient: [Float], of x: [Float], sums: GradientSums, statistics: ChannelStatistics,
  scale: [Float]
) -> [Float] {
  let rows = Double(x.count / scale.count)
  return x.indices.map { index in
    let c = index % scale.count
    let deviation = Double(statistics.variance[c] + normalizationEpsilon).squareRoot()
    let normalized = (Double(x[index]) - Double(statistics.mean[c])) / deviation
    let slope = sums.product[c] / deviation / rows
    return Float(
      Double(scale[c]) / deviation
        * (Double(gradient[index]) - sums.gradient[c] / rows - normalized * slope))
  }
}
