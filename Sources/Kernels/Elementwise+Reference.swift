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

/// Does what ``Tensor/copy(_:)`` does to one number: it becomes the nearest that the type has, and of
/// two equally near the one whose last bit is 0.
package func referenceRounded(_ value: Float, to type: ElementType) -> Float {
  guard type == .bfloat16, value.isFinite else { return value }
  let below = value.bitPattern & 0xffff_0000
  // The neighbours by magnitude; past the last of them comes 2^128, which is written as infinity.
  func magnitude(_ bits: UInt32) -> Double {
    let number = Float(bitPattern: bits)
    return number.isFinite ? Double(number.magnitude) : 0x1p128
  }
  let exact = Double(value.magnitude)
  let (down, up) = (exact - magnitude(below), magnitude(below + 0x1_0000) - exact)
  let isEven = below & 0x1_0000 == 0
  return Float(bitPattern: down < up || (down == up && isEven) ? below : below + 0x1_0000)
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
