import SearchSpace

/// Draws normally distributed numbers, the same for the same seed.
public func randomNumbers(_ count: Int, seed: UInt64) -> [Float] {
  var generator = SeededGenerator(seed: seed)
  return (0..<count).map { _ in Float(generator.normal()) }
}

/// The largest difference of two lists, divided by the largest magnitude in `expected`.
public func relativeDifference(_ actual: [Float], _ expected: [Float]) -> Float {
  guard actual.count == expected.count else { return .infinity }
  let largest = expected.reduce(1e-6) { max($0, abs($1)) }
  let difference = zip(actual, expected).reduce(0) { max($0, abs($1.0 - $1.1)) }
  return difference.isNaN ? .infinity : difference / largest
}

/// The derivative of `function` along each of the places named, by central differences.
public func finiteDifferences(
  of function: ([Float]) throws -> Double, at point: [Float], places: [Int], step: Float = 1e-2
) rethrows -> [Float] {
  try places.map { place in
    var ahead = point
    var behind = point
    ahead[place] += step
    behind[place] -= step
    return Float((try function(ahead) - function(behind)) / (2 * Double(step)))
  }
}
