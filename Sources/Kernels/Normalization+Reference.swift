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
      switch nonlinearity {
      case .none: return value
      case .relu: return max(0, value)
      case .relu6: return min(6, max(0, value))
      }
    }
  }
}
