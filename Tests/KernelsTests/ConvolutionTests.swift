import Kernels
import TestSupport
import Testing

/// Sizes that have tripped kernels before: odd widths, single channels, strides that do not divide.
struct ConvolutionCase: CustomStringConvertible, Sendable {
  var sizes: ConvolutionSizes
  var backend: Engine.Backend

  /// How many input channels the supernet's weights have beside those used.
  var spare: Int

  var description: String { "\(sizes) with \(backend), \(spare) channels unused" }

  static let all: [ConvolutionCase] = {
    func sizes(
      _ batch: Int, _ channels: Int, _ side: Int, to outputs: Int, kernel: Int, stride: Int = 1,
      depthwise: Bool = false, square: Bool = false
    ) -> ConvolutionSizes {
      let width = square ? side : side + 1
      return ConvolutionSizes(
        input: TensorShape(batch: batch, height: side, width: width, channels: channels),
        channels: outputs, kernel: kernel, stride: stride, isDepthwise: depthwise)
    }
    let table = [
      sizes(1, 1, 1, to: 1, kernel: 1),
      sizes(2, 3, 9, to: 8, kernel: 3),
      sizes(3, 5, 7, to: 7, kernel: 3, stride: 2),
      sizes(2, 16, 8, to: 24, kernel: 1),
      sizes(2, 20, 5, to: 13, kernel: 1, stride: 2),
      sizes(1, 4, 8, to: 9, kernel: 1, stride: 2, square: true),
      sizes(6, 4, 4, to: 8, kernel: 1, stride: 2, square: true),
      sizes(1, 8, 6, to: 16, kernel: 5),
      sizes(5, 24, 4, to: 40, kernel: 3),
      sizes(2, 3, 7, to: 3, kernel: 3, depthwise: true),
      sizes(3, 37, 8, to: 37, kernel: 3, stride: 2, depthwise: true),
      sizes(2, 72, 5, to: 72, kernel: 5, depthwise: true),
      sizes(1, 8, 2, to: 8, kernel: 5, stride: 2, depthwise: true),
    ]
    return Engine.Backend.allCases.flatMap { backend in
      table.flatMap { sizes in
        (sizes.isDepthwise ? [0] : [0, 3]).map {
          ConvolutionCase(sizes: sizes, backend: backend, spare: $0)
        }
      }
    }
  }()
}

@Suite struct ConvolutionTests {
  @Test(arguments: ConvolutionCase.all)
  func `agrees with the reference in all three directions`(case: ConvolutionCase) throws {
    let sizes = `case`.sizes
    let engine = try Engine(backend: `case`.backend)
    let arena = try Arena(capacity: 1 << 26)
    let window = sizes.kernel * sizes.kernel
    let rowStride = sizes.weightsPerOutput + `case`.spare * window
    let input = arena.tensor(sizes.input)
    let output = arena.tensor(sizes.output)
    let weights = arena.tensor(TensorShape(rows: sizes.output.channels, channels: rowStride))
    input.copy(randomNumbers(input.count, seed: 1))
    weights.copy(randomNumbers(weights.count, seed: 2))
    // The reference knows no slices: it gets the used part of each row.
    func used(_ elements: [Float]) -> [Float] {
      (0..<sizes.output.channels).flatMap { row in
        elements[row * rowStride..<row * rowStride + sizes.weightsPerOutput]
      }
    }

    try engine.convolve(
      sizes, input: input, weights: WeightView(weights, rowStride: rowStride), into: output)
    #expect(
      relativeDifference(
        output.elements,
        sizes.referenceForward(input: input.elements, weights: used(weights.elements))) < 1e-5)

    let gradient = arena.tensor(sizes.output)
    gradient.copy(randomNumbers(gradient.count, seed: 3))
    let inputGradient = arena.tensor(sizes.input)
    try engine.convolveBackwardData(
      sizes, outputGradient: gradient, weights: WeightView(weights, rowStride: rowStride),
      into: inputGradient)
    #expect(
      relativeDifference(
        inputGradient.elements,
        sizes.referenceBackwardData(
          outputGradient: gradient.elements, weights: used(weights.elements))) < 1e-5)

    // The gradient is added to what is there, and leaves the unused channels alone.
    let weightGradient = arena.tensor(weights.shape)
    weightGradient.fill(with: 2)
    try engine.convolveBackwardWeights(
      sizes, input: input, outputGradient: gradient,
      addingTo: WeightView(weightGradient, rowStride: rowStride))
    let expected = sizes.referenceBackwardWeights(
      input: input.elements, outputGradient: gradient.elements)
    #expect(
      relativeDifference(used(weightGradient.elements), expected.map { $0 + 2 }) < 1e-5)
    let untouched = weightGradient.elements.indices.filter {
      $0 % rowStride >= sizes.weightsPerOutput
    }
    #expect(untouched.allSatisfy { weightGradient.elements[$0] == 2 })
  }

  @Test func `gives the same bits every time`() throws {
    let engine = try Engine()
    let arena = try Arena(capacity: 1 << 26)
    let sizes = ConvolutionSizes(
      input: TensorShape(batch: 32, height: 14, width: 14, channels: 24), channels: 40, kernel: 3)
    let input = arena.tensor(sizes.input)
    let gradient = arena.tensor(sizes.output)
    input.copy(randomNumbers(input.count, seed: 1))
    gradient.copy(randomNumbers(gradient.count, seed: 2))
    let results = try (0..<3).map { _ in
      let weights = arena.zeros(TensorShape(rows: 40, channels: sizes.weightsPerOutput))
      try engine.convolveBackwardWeights(
        sizes, input: input, outputGradient: gradient,
        addingTo: WeightView(weights, rowStride: sizes.weightsPerOutput))
      return weights.elements
    }
    #expect(results[0] == results[1] && results[1] == results[2])
  }

  @Test func `says which sizes do not fit`() async {
    await #expect(processExitsWith: .failure) {
      _ = ConvolutionSizes(
        input: TensorShape(batch: 1, height: 4, width: 4, channels: 3), channels: 5, kernel: 3,
        isDepthwise: true)
    }
  }

  @Test func `names a supported version of oneDNN`() {
    #expect(Engine.oneDNNVersion.hasPrefix("2.") || Engine.oneDNNVersion.hasPrefix("3."))
  }
}
