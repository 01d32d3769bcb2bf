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

  @Test(
    arguments: [
      TensorShape(batch: 2, height: 3, width: 2, channels: 5),
      TensorShape(batch: 5, height: 1, width: 1, channels: 33),
      // More than a tile of pixels to an image, and enough for all threads.
      TensorShape(batch: 3, height: 40, width: 30, channels: 20),
    ], ElementType.allCases)
  func `pools each channel and shares its gradient among the pixels`(
    shape: TensorShape, type: ElementType
  ) {
    let channels = shape.channels
    let pixels = shape.height * shape.width
    let x = arena.tensor(shape, type)
    x.copy(randomNumbers(shape.count, seed: 1))
    let there = rounded(randomNumbers(shape.count, seed: 2), to: type)
    let mean = randomNumbers(channels, seed: 3)
    let y = arena.tensor(TensorShape(rows: shape.batch, channels: channels))
    let outer = arena.tensor(y.shape)
    outer.copy(randomNumbers(outer.count, seed: 4))
    let share = (0..<shape.count).map { index in
      outer.elements[index / (pixels * channels) * channels + index % channels] / Float(pixels)
    }

    for reading in [Reading()] + Nonlinearity.allCases.map({ Reading(channels: channels, $0) }) {
      engine.averagePool(reading(x), into: y)
      let values = reading.reference(x.elements)
      let lines = rows(values, channels)
      let expected = (0..<shape.batch).flatMap { image in
        referenceAveragePool(Array(lines[image * pixels..<(image + 1) * pixels]))
      }
      #expect(relativeDifference(y.elements, expected) < 1e-5)

      for (adds, finishes) in [(false, false), (true, false), (false, true), (true, true)] {
        let gradient = arena.tensor(shape, type)
        gradient.copy(there)
        let sums = engine.averagePoolBackward(
          outputGradient: outer, input: reading(x),
          sink: GradientSink(
            gradient, adds: adds,
            finish: finishes
              ? GradientSink.Finish(nonlinearity: reading.nonlinearity, x: x, mean: mean) : nil))
        let given = gradient.elements
        let wanted = share.indices.map { index in
          let sum = share[index] + (adds ? there[index] : 0)
          return finishes
            ? reading.nonlinearity.referenceGradient(sum, result: values[index]) : sum
        }
        #expect(relativeDifference(given, wanted, rounding: type.rounding) < 1e-5)
        #expect((sums != nil) == finishes)
        if let sums {
          let exact = referenceSums(of: given, x: x.elements, mean: mean)
          #expect(relativeDifference(floats(sums.gradient), floats(exact.gradient)) < 1e-4)
          #expect(relativeDifference(floats(sums.product), floats(exact.product)) < 1e-4)
        }
      }
    }
  }

  @Test(arguments: ElementType.allCases, [1, 7, 40, 70_003])
  func `adds element by element`(type: ElementType, count: Int) {
    let shape = TensorShape(rows: 1, channels: count)
    let (target, addend) = (arena.tensor(shape, type), arena.tensor(shape, type))
    target.copy(randomNumbers(count, seed: 1))
    addend.copy(randomNumbers(count, seed: 2))
    // One addition and one rounding leave no choice of bits.
    let expected = rounded(zip(target.elements, addend.elements).map(+), to: type)
    engine.add(addend, to: target)
    #expect(target.elements == expected)
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
