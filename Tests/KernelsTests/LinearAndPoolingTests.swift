import Kernels
import TestSupport
import Testing

@Suite struct LinearAndPoolingTests {
  let engine: Engine
  let arena: Arena

  init() throws {
    engine = try Engine()
    arena = try Arena(capacity: 1 << 26)
  }

  @Test func `multiplies by the first columns of wider weights, forward and backward`() {
    let (rows, inputs, outputs, width) = (7, 5, 3, 9)
    let x = arena.tensor(TensorShape(rows: rows, channels: inputs))
    let w = arena.tensor(TensorShape(rows: outputs, channels: width))
    let y = arena.tensor(TensorShape(rows: rows, channels: outputs))
    let g = arena.tensor(y.shape)
    for (seed, tensor) in [x, w, g].enumerated() {
      tensor.copy(randomNumbers(tensor.count, seed: UInt64(seed)))
    }
    let (xs, ws, gs) = (x.elements, w.elements, g.elements)
    let view = WeightView(w, rowStride: width)
    engine.multiply(x, view, into: y)
    var product = [Float](repeating: 0, count: rows * outputs)
    for r in 0..<rows {
      for o in 0..<outputs {
        for i in 0..<inputs { product[r * outputs + o] += xs[r * inputs + i] * ws[o * width + i] }
      }
    }
    #expect(relativeDifference(y.elements, product) < 1e-5)

    let inputGradient = arena.tensor(x.shape)
    engine.multiplyBackwardData(outputGradient: g, weights: view, into: inputGradient)
    var expectedInput = [Float](repeating: 0, count: rows * inputs)
    for r in 0..<rows {
      for i in 0..<inputs {
        for o in 0..<outputs {
          expectedInput[r * inputs + i] += gs[r * outputs + o] * ws[o * width + i]
        }
      }
    }
    #expect(relativeDifference(inputGradient.elements, expectedInput) < 1e-5)

    let weightGradient = arena.zeros(w.shape)
    engine.multiplyBackwardWeights(
      input: x, outputGradient: g, addingTo: WeightView(weightGradient, rowStride: width))
    var expectedWeights = [Float](repeating: 0, count: outputs * width)
    for o in 0..<outputs {
      for i in 0..<inputs {
        for r in 0..<rows {
          expectedWeights[o * width + i] += gs[r * outputs + o] * xs[r * inputs + i]
        }
      }
    }
    #expect(relativeDifference(weightGradient.elements, expectedWeights) < 1e-5)
  }

  @Test func `pools each channel and shares its gradient among the pixels`() {
    let shape = TensorShape(batch: 2, height: 3, width: 2, channels: 5)
    let x = arena.tensor(shape)
    x.copy(randomNumbers(shape.count, seed: 1))
    let y = arena.tensor(TensorShape(rows: 2, channels: 5))
    engine.averagePool(x, into: y)
    let xs = x.elements
    var expected = [Float](repeating: 0, count: 10)
    for image in 0..<2 {
      for pixel in 0..<6 {
        for c in 0..<5 { expected[image * 5 + c] += xs[(image * 6 + pixel) * 5 + c] / 6 }
      }
    }
    #expect(relativeDifference(y.elements, expected) < 1e-6)

    let gradient = arena.tensor(shape)
    engine.averagePoolBackward(outputGradient: y, into: gradient)
    var spread: [Float] = []
    for image in 0..<2 {
      for _ in 0..<6 { spread += expected[image * 5..<image * 5 + 5].map { $0 / 6 } }
    }
    #expect(relativeDifference(gradient.elements, spread) < 1e-6)
  }

  @Test(arguments: [false, true])
  func `steps with momentum as the formula says`(isNesterov: Bool) {
    let shape = TensorShape(rows: 1, channels: 19)
    let weight = arena.tensor(shape)
    let gradient = arena.tensor(shape)
    let velocity = arena.tensor(shape)
    for (seed, tensor) in [weight, gradient, velocity].enumerated() {
      tensor.copy(randomNumbers(19, seed: UInt64(seed)))
    }
    let (w, g, v) = (weight.elements, gradient.elements, velocity.elements)
    engine.momentumStep(
      weight: weight, gradient: gradient, velocity: velocity, rate: 0.1, momentum: 0.9,
      decay: 0.01, isNesterov: isNesterov)
    let decayed = zip(w, g).map { $1 + 0.01 * $0 }
    let velocities = zip(v, decayed).map { 0.9 * $0 + $1 }
    let steps = isNesterov ? zip(decayed, velocities).map { $0 + 0.9 * $1 } : velocities
    let weights = zip(w, steps).map { $0 - 0.1 * $1 }
    #expect(relativeDifference(velocity.elements, velocities) < 1e-6)
    #expect(relativeDifference(weight.elements, weights) < 1e-6)
  }

  @Test func `keeps no more of an arena than its tensors need`() throws {
    let arena = try Arena(capacity: 1 << 26)
    for _ in 0..<1000 {
      let mark = arena.mark
      _ = arena.zeros(TensorShape(rows: 100, channels: 100))
      arena.release(to: mark)
    }
    #expect(arena.peakBytes == 40_000)
  }
}
