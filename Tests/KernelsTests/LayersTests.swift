import Foundation
import Kernels
import TestSupport
import Testing

@Suite struct LayersTests {
  let engine: Engine
  let arena: Arena

  init() throws {
    engine = try Engine()
    arena = try Arena(capacity: 1 << 28)
  }

  private func tensor(_ elements: [Float], _ shape: TensorShape) -> Tensor {
    let tensor = arena.tensor(shape)
    tensor.copy(elements)
    return tensor
  }

  // MARK: Functions

  /// The functions as their definitions have them, in double precision.
  private func reference(_ function: PointwiseFunction, _ x: Double) -> Double {
    switch function {
    case .relu: max(x, 0)
    case .relu6: min(max(x, 0), 6)
    case .swish: x / (1 + exp(-x))
    case .hardSwish: x * min(max(x + 3, 0), 6) / 6
    case .sigmoid: 1 / (1 + exp(-x))
    }
  }

  @Test(arguments: PointwiseFunction.allCases)
  func `applies a function and the slope of it`(function: PointwiseFunction) {
    // None of them at a bend.
    let numbers = (0..<40_000).map { Float($0 - 20_000) * 5e-3 + 1.2e-3 }
    let shape = TensorShape(rows: 100, channels: 400)
    let x = tensor(numbers, shape)
    let y = arena.tensor(shape)
    engine.apply(function, to: x, into: y)
    let gradient = tensor([Float](repeating: 2, count: numbers.count), shape)
    engine.applyBackward(function, to: x, gradient: gradient)
    let step = 1e-5
    var (error, slopeError) = (0.0, 0.0)
    for ((number, value), slope) in zip(zip(numbers, y.elements), gradient.elements) {
      let number = Double(number)
      let expected = reference(function, number)
      error = max(error, abs(Double(value) - expected) / max(1, abs(expected)))
      let difference = reference(function, number + step) - reference(function, number - step)
      slopeError = max(slopeError, abs(Double(slope) - difference / step))
    }
    #expect(error < 1e-6)
    #expect(slopeError < 1e-5)
  }

  @Test(arguments: PointwiseFunction.allCases)
  func `keeps what is no number, and the ends of the numbers`(function: PointwiseFunction) {
    let ends: [Float] = [.nan, .infinity, -1e30, 1e30]
    let x = tensor(ends, TensorShape(rows: 1, channels: ends.count))
    engine.apply(function, to: x, into: x)
    let y = x.elements
    #expect(y[0].isNaN)
    #expect(y[1] == Float(reference(function, .infinity)))
    #expect(abs(y[2]) < 1e-6)
    #expect(relativeDifference([y[3]], [Float(reference(function, 1e30))]) < 1e-6)
  }

  // MARK: Pooling

  static let poolings: [PoolingSizes] = [
    (2, 7, 6, 5, 3, 2, 1), (1, 8, 8, 16, 2, 2, 0), (3, 5, 9, 3, 3, 1, 1), (2, 6, 7, 4, 3, 2, 0),
    (1, 4, 4, 2, 5, 3, 2),
  ].flatMap { (batch, height, width, channels, kernel, stride, padding) in
    [true, false].flatMap { takesMaximum in
      [false, true].map { roundsUp in
        func side(_ side: Int) -> Int {
          let room = side + 2 * padding - kernel
          let count = (room + (roundsUp ? stride - 1 : 0)) / stride + 1
          return (count - 1) * stride >= side + padding ? count - 1 : count
        }
        let input = TensorShape(batch: batch, height: height, width: width, channels: channels)
        return PoolingSizes(
          input: input,
          output: TensorShape(
            batch: batch, height: side(height), width: side(width), channels: channels),
          kernel: kernel, stride: stride, padding: padding, takesMaximum: takesMaximum)
      }
    }
  }

  /// The elements that a window looks at.
  private func window(
    _ sizes: PoolingSizes, _ image: Int, _ row: Int, _ column: Int, _ channel: Int
  ) -> [Int] {
    let top = row * sizes.stride - sizes.padding
    let left = column * sizes.stride - sizes.padding
    return (top..<top + sizes.kernel).clamped(to: 0..<sizes.input.height).flatMap { y in
      (left..<left + sizes.kernel).clamped(to: 0..<sizes.input.width).map { x in
        ((image * sizes.input.height + y) * sizes.input.width + x) * sizes.input.channels + channel
      }
    }
  }

  @Test(arguments: poolings)
  func `pools windows and hands their gradients back`(sizes: PoolingSizes) {
    let x = tensor(randomNumbers(sizes.input.count, seed: 1), sizes.input)
    let g = tensor(randomNumbers(sizes.output.count, seed: 2), sizes.output)
    let y = arena.tensor(sizes.output)
    let inputGradient = arena.tensor(sizes.input)
    engine.pool(sizes, x, into: y)
    engine.poolBackward(sizes, input: x, outputGradient: g, into: inputGradient)
    let (elements, gradient) = (x.elements, g.elements)
    var expected: [Float] = []
    var expectedGradient = [Float](repeating: 0, count: sizes.input.count)
    for image in 0..<sizes.output.batch {
      for row in 0..<sizes.output.height {
        for column in 0..<sizes.output.width {
          for channel in 0..<sizes.output.channels {
            let places = window(sizes, image, row, column, channel)
            let own = gradient[expected.count]
            if sizes.takesMaximum {
              let best = places.max { elements[$0] < elements[$1] } ?? 0
              expected.append(elements[best])
              expectedGradient[best] += own
            } else {
              expected.append(places.reduce(0) { $0 + elements[$1] } / Float(places.count))
              for place in places { expectedGradient[place] += own / Float(places.count) }
            }
          }
        }
      }
    }
    #expect(relativeDifference(y.elements, expected) < 1e-6)
    #expect(relativeDifference(inputGradient.elements, expectedGradient) < 1e-6)
  }

  @Test func `finds a maximum that is no number`() {
    let shape = TensorShape(batch: 1, height: 2, width: 2, channels: 1)
    let sizes = PoolingSizes(
      input: shape, output: TensorShape(batch: 1, height: 1, width: 1, channels: 1), kernel: 2,
      stride: 2, padding: 0, takesMaximum: true)
    for place in 0..<4 {
      var elements: [Float] = [1, 2, 3, 4]
      elements[place] = .nan
      let y = arena.tensor(sizes.output)
      engine.pool(sizes, tensor(elements, shape), into: y)
      #expect(y.elements[0].isNaN, "\(place)")
    }
  }

  // MARK: Gates and moves

  @Test func `gates each channel of each image`() {
    let shape = TensorShape(batch: 3, height: 4, width: 5, channels: 7)
    let vector = TensorShape(batch: 3, height: 1, width: 1, channels: 7)
    let x = tensor(randomNumbers(shape.count, seed: 1), shape)
    let gates = tensor(randomNumbers(vector.count, seed: 2), vector)
    let g = tensor(randomNumbers(shape.count, seed: 3), shape)
    let (y, inputGradient) = (arena.tensor(shape), arena.tensor(shape))
    let gateGradient = arena.tensor(vector)
    engine.scale(x, by: gates, into: y)
    engine.scaleBackward(
      x, gates: gates, outputGradient: g, into: inputGradient, gateGradient: gateGradient)
    func gate(_ index: Int) -> Int { index / (20 * 7) * 7 + index % 7 }
    let (elements, factors, gradient) = (x.elements, gates.elements, g.elements)
    #expect(y.elements == elements.indices.map { elements[$0] * factors[gate($0)] })
    #expect(inputGradient.elements == elements.indices.map { gradient[$0] * factors[gate($0)] })
    var sums = [Float](repeating: 0, count: vector.count)
    for index in elements.indices { sums[gate(index)] += gradient[index] * elements[index] }
    #expect(relativeDifference(gateGradient.elements, sums) < 1e-6)
  }

  @Test(arguments: ElementType.allCases)
  func `moves channels, and leaves the others`(type: ElementType) {
    let x = arena.tensor(TensorShape(rows: 3, channels: 4), type)
    x.copy((0..<12).map(Float.init))
    let y = arena.tensor(TensorShape(rows: 3, channels: 3), type)
    y.copy([Float](repeating: -1, count: 9))
    engine.moveChannels(2, of: x, from: 1, to: y, at: 1)
    #expect(y.elements == [-1, 1, 2, -1, 5, 6, -1, 9, 10])
  }

  @Test func `flattens channel by channel and back`() {
    let shape = TensorShape(batch: 2, height: 1, width: 3, channels: 2)
    let x = tensor((0..<12).map(Float.init), shape)
    let y = arena.tensor(TensorShape(rows: 2, channels: 6))
    engine.flatten(x, into: y)
    #expect(y.elements == [0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11])
    let back = arena.tensor(shape)
    engine.unflatten(y, into: back)
    #expect(back.elements == x.elements)
  }

  @Test(arguments: ElementType.allCases, ElementType.allCases)
  func `converts between types`(from: ElementType, to: ElementType) {
    let numbers = (0..<77).map { Float($0) - 30 }  // all are numbers of bfloat16
    let (x, y) = (
      arena.tensor(TensorShape(rows: 7, channels: 11), from),
      arena.tensor(TensorShape(rows: 7, channels: 11), to)
    )
    x.copy(numbers)
    engine.convert(x, into: y)
    #expect(y.elements == numbers)
  }
}
