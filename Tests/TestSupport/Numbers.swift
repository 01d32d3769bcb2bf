import SearchSpace

/// Draws normally distributed numbers, the same for the same seed.
public func randomNumbers(_ count: Int, seed: UInt64) -> [Float] {
  var generator = SeededGenerator(seed: seed)
  return (0..<count).map { _ in Float(generator.normal()) }
}

/// The largest difference of two lists, divided by the largest magnitude in `expected`.
///
/// - Parameters:
///   - actual: What was computed.
///   - expected: What should have been.
///   - rounding: The part of each number that it may differ by and that does not count, because it
///     was rounded when it was stored.
/// - Returns: The difference, or infinity if a number is none or the lists differ in length.
public func relativeDifference(
  _ actual: [Float], _ expected: [Float], rounding: Float = 0
) -> Float {
  guard actual.count == expected.count else { return .infinity }
  var largest: Float = 1e-6
  var difference: Float = 0
  for (number, wanted) in zip(actual, expected) {
    let excess = abs(number - wanted) - rounding * abs(wanted)
    if excess.isNaN { return .infinity }
    largest = max(largest, abs(wanted))
    difference = max(difference, excess)
  }
  return difference / largest
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
