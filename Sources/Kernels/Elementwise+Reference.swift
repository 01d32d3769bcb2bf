// The plain meaning of linear layers, pooling and optimisation. Tests compare the fast kernels with
// these; nothing else calls them. Matrices are [rows][columns].

/// Does what ``Engine/multiply(_:_:into:)`` does: each row of `x` times each row of `weights`.
package func referenceMultiply(_ x: [[Float]], _ weights: [[Float]]) -> [[Float]] {
  x.map { row in
    weights.map { weight in zip(row, weight).reduce(0) { $0 + $1.0 * $1.1 } }
  }
}

/// Turns rows into columns: with it, the gradients of a product are products too.
package func referenceTranspose(_ matrix: [[Float]]) -> [[Float]] {
  matrix[0].indices.map { column in matrix.map { $0[column] } }
}

/// Does what ``Engine/averagePool(_:into:)`` does, for the pixels of one image.
package func referenceAveragePool(_ pixels: [[Float]]) -> [Float] {
  referenceTranspose(pixels).map { $0.reduce(0, +) / Float($0.count) }
}

/// Does what ``Engine/momentumStep(weight:gradient:velocity:rate:momentum:decay:isNesterov:)`` does
/// to one weight and its velocity.
package func referenceMomentumStep(
  weight: inout Float, velocity: inout Float, gradient: Float, rate: Float, momentum: Float,
  decay: Float, isNesterov: Bool
) {
  let decayed = gradient + decay * weight
  velocity = momentum * velocity + decayed
  weight -= rate * (isNesterov ? decayed + momentum * velocity : velocity)
}
