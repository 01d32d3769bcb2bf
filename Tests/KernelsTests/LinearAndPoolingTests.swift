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

  private func rows(_ elements: [Float], _ columns: Int) -> [[Float]] {
    stride(from: 0, to: elements.count, by: columns).map { Array(elements[$0..<$0 + columns]) }
  }

  @Test func `multiplies by the first columns of wider weights, forward and backward`() {
    let (count, inputs, outputs, width) = (7, 5, 3, 9)
    let x = arena.tensor(TensorShape(rows: count, channels: inputs))
    let w = arena.tensor(TensorShape(rows: outputs, channels: width))
    let y = arena.tensor(TensorShape(rows: count, channels: outputs))
    let g = arena.tensor(y.shape)
    for (seed, tensor) in [x, w, g].enumerated() {
      tensor.copy(randomNumbers(tensor.count, seed: UInt64(seed)))
    }
    let (xs, gs) = (rows(x.elements, inputs), rows(g.elements, outputs))
    let used = rows(w.elements, width).map { Array($0.prefix(inputs)) }
    let view = WeightView(w, rowStride: width)
    engine.multiply(x, view, into: y)
    #expect(relativeDifference(y.elements, referenceMultiply(xs, used).flatMap { $0 }) < 1e-5)

    let inputGradient = arena.tensor(x.shape)
    engine.multiplyBackwardData(outputGradient: g, weights: view, into: inputGradient)
    let expectedInput = referenceMultiply(gs, referenceTranspose(used))
    #expect(relativeDifference(inputGradient.elements, expectedInput.flatMap { $0 }) < 1e-5)

    let weightGradient = arena.zeros(w.shape)
    engine.multiplyBackwardWeights(
      input: x, outputGradient: g, addingTo: WeightView(weightGradient, rowStride: width))
    let expectedWeights = referenceMultiply(referenceTranspose(gs), referenceTranspose(xs))
    let unused = [Float](repeating: 0, count: width - inputs)
    #expect(
      relativeDifference(weightGradient.elements, expectedWeights.flatMap { $0 + unused }) < 1e-5)
  }

  @Test func `pools each channel and shares its gradient among the pixels`() {
    let shape = TensorShape(batch: 2, height: 3, width: 2, channels: 5)
    let x = arena.tensor(shape)
    x.copy(randomNumbers(shape.count, seed: 1))
    let y = arena.tensor(TensorShape(rows: 2, channels: 5))
    engine.averagePool(x, into: y)
    let pixels = rows(x.elements, 5)
    let expected = [0, 6].flatMap { referenceAveragePool(Array(pixels[$0..<$0 + 6])) }
    #expect(relativeDifference(y.elements, expected) < 1e-6)

    let gradient = arena.tensor(shape)
    engine.averagePoolBackward(outputGradient: y, into: gradient)
    let spread = [0, 5].flatMap { start in
      (0..<6).flatMap { _ in expected[start..<start + 5].map { $0 / 6 } }
    }
    #expect(relativeDifference(gradient.elements, spread) < 1e-6)
  }

  @Test(arguments: [false, true])
  func `steps with momentum as the reference does`(isNesterov: Bool) {
    let shape = TensorShape(rows: 1, channels: 19)
    let weight = arena.tensor(shape)
    let gradient = arena.tensor(shape)
    let velocity = arena.tensor(shape)
    for (seed, tensor) in [weight, gradient, velocity].enumerated() {
      tensor.copy(randomNumbers(19, seed: UInt64(seed)))
    }
    var (w, v) = (weight.elements, velocity.elements)
    let g = gradient.elements
    engine.momentumStep(
      weight: weight, gradient: gradient, velocity: velocity, rate: 0.1, momentum: 0.9,
      decay: 0.01, isNesterov: isNesterov)
    for index in w.indices {
      referenceMomentumStep(
        weight: &w[index], velocity: &v[index], gradient: g[index], rate: 0.1, momentum: 0.9,
        decay: 0.01, isNesterov: isNesterov)
    }
    #expect(relativeDifference(velocity.elements, v) < 1e-6)
    #expect(relativeDifference(weight.elements, w) < 1e-6)
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
