import Kernels
import TestSupport
import Testing

@Suite struct ChannelMixTests {
  /// Sums of random channels, some of them used often and some never.
  private func mix(
    inputs: Int, outputs: Int, taps: Int, seed: UInt64
  ) -> (ChannelMix, [[ChannelMix.Term]]) {
    let factors = randomNumbers(outputs * taps, seed: seed)
    let sums = (0..<outputs).map { output in
      (0...output % taps).map { tap in
        ChannelMix.Term(
          source: (output * 7 + tap * 5) % inputs, factor: factors[output * taps + tap])
      }
    }
    return (ChannelMix(inputs: inputs, sums: sums), sums)
  }

  @Test(arguments: [
    (1, 1, 1, 1), (37, 6, 9, 3), (640, 16, 16, 3), (4096, 9, 32, 2), (130, 64, 19, 5),
  ])
  func `agree with loops`(rows: Int, inputs: Int, outputs: Int, taps: Int) throws {
    let engine = try Engine()
    let arena = try Arena(capacity: 1 << 26)
    let (mix, sums) = mix(inputs: inputs, outputs: outputs, taps: taps, seed: UInt64(rows))
    func tensor(_ channels: Int, seed: UInt64) -> Tensor {
      let tensor = arena.tensor(TensorShape(rows: rows, channels: channels))
      tensor.copy(randomNumbers(rows * channels, seed: seed))
      return tensor
    }
    let x = tensor(inputs, seed: 1)
    let y = tensor(outputs, seed: 2)
    let before = y.elements
    let shift = randomNumbers(outputs, seed: 3)
    engine.mix(mix, x, shift: shift, adds: true, into: y)
    let elements = x.elements
    var expected = before
    for row in 0..<rows {
      for (output, terms) in sums.enumerated() {
        expected[row * outputs + output] += shift[output]
        for term in terms {
          expected[row * outputs + output] += term.factor * elements[row * inputs + term.source]
        }
      }
    }
    #expect(relativeDifference(y.elements, expected) < 1e-5)
    engine.mix(mix, x, into: y)
    let plain = zip(expected, zip(before, 0...)).map { $0 - $1.0 - shift[$1.1 % outputs] }
    #expect(relativeDifference(y.elements, plain) < 1e-5)

    let gradient = tensor(outputs, seed: 4)
    let inputGradient = tensor(inputs, seed: 5)
    let center = randomNumbers(inputs, seed: 6)
    let slopes = engine.mixBackward(
      mix, x, center: center, outputGradient: gradient, into: inputGradient)
    let slopeElements = gradient.elements
    var expectedGradient = [Float](repeating: 0, count: rows * inputs)
    for row in 0..<rows {
      for (output, terms) in sums.enumerated() {
        for term in terms {
          expectedGradient[row * inputs + term.source] +=
            term.factor * slopeElements[row * outputs + output]
        }
      }
    }
    #expect(relativeDifference(inputGradient.elements, expectedGradient) < 1e-5)
    for (output, terms) in sums.enumerated() {
      let column = (0..<rows).map { Double(slopeElements[$0 * outputs + output]) }
      let scale = Double(rows).squareRoot()
      #expect(abs(slopes.total(output: output) - column.reduce(0, +)) < 1e-4 * scale)
      for (tap, term) in terms.enumerated() {
        let product = (0..<rows).reduce(0.0) {
          $0 + column[$1]
            * Double(elements[$1 * inputs + term.source] - center[term.source])
        }
        #expect(abs(slopes.product(output: output, tap: tap) - product) < 1e-4 * scale)
      }
    }
  }
}
