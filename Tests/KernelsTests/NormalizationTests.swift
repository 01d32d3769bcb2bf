import Kernels
import TestSupport
import Testing

@Suite struct NormalizationTests {
  /// Rows, channels.
  static let sizes = [(1, 1), (7, 3), (50, 8), (33, 37), (700, 40), (3000, 96)]

  let engine: Engine
  let arena: Arena

  init() throws {
    engine = try Engine()
    arena = try Arena(capacity: 1 << 26)
  }

  private func table(_ elements: [Float], _ channels: Int) -> [[Double]] {
    stride(from: 0, to: elements.count, by: channels).map { start in
      elements[start..<start + channels].map(Double.init)
    }
  }

  private func tensor(_ rows: Int, _ channels: Int, seed: UInt64, mean: Float = 0) -> Tensor {
    let tensor = arena.tensor(TensorShape(rows: rows, channels: channels))
    tensor.copy(randomNumbers(rows * channels, seed: seed).map { $0 + mean })
    return tensor
  }

  @Test(arguments: sizes)
  func `finds mean and variance, however far the mean lies from zero`(rows: Int, channels: Int) {
    for mean: Float in [0, 1000] {
      let x = tensor(rows, channels, seed: 1, mean: mean)
      let statistics = engine.statistics(of: x)
      let expected = referenceStatistics(of: table(x.elements, channels))
      #expect(relativeDifference(statistics.mean, expected.mean.map { Float($0) }) < 1e-5)
      #expect(
        relativeDifference(statistics.variance, expected.variance.map { Float($0) }) < 1e-4)
    }
  }

  @Test(arguments: sizes, Nonlinearity.allCases)
  func `normalises, adds and bends as the reference does`(
    size: (Int, Int), nonlinearity: Nonlinearity
  ) {
    let (rows, channels) = size
    let x = tensor(rows, channels, seed: 1)
    let addend = tensor(rows, channels, seed: 2)
    let scale = randomNumbers(channels, seed: 3).map { 3 * $0 }
    let shift = randomNumbers(channels, seed: 4)
    for adds in [false, true] {
      let y = arena.tensor(x.shape)
      let statistics = engine.statistics(of: x)
      let inverse = statistics.variance.map { 1 / ($0 + normalizationEpsilon).squareRoot() }
      let factor = zip(scale, inverse).map { $0 * $1 }
      engine.normalize(
        x, scale: factor,
        shift: shift.indices.map { shift[$0] - statistics.mean[$0] * factor[$0] },
        addend: adds ? addend : nil, nonlinearity: nonlinearity, into: y)
      let expected = referenceNormalize(
        table(x.elements, channels), scale: scale.map(Double.init),
        shift: shift.map(Double.init), addend: adds ? table(addend.elements, channels) : nil,
        nonlinearity: nonlinearity)
      #expect(
        relativeDifference(y.elements, expected.flatMap { $0.map { Float($0) } }) < 1e-4)
    }
  }

  @Test(arguments: Nonlinearity.allCases)
  func `has the gradient that finite differences of the reference give`(
    nonlinearity: Nonlinearity
  ) {
    let (rows, channels) = (23, 11)
    let x = tensor(rows, channels, seed: 1)
    let addend = tensor(rows, channels, seed: 2)
    let scale = randomNumbers(channels, seed: 3).map { 3 + $0 }
    let shift = randomNumbers(channels, seed: 4)
    let outer = randomNumbers(rows * channels, seed: 5)

    func loss(x: [Float], scale: [Float], shift: [Float], addend: [Float]) -> Double {
      let y = referenceNormalize(
        table(x, channels), scale: scale.map(Double.init), shift: shift.map(Double.init),
        addend: table(addend, channels), nonlinearity: nonlinearity)
      return zip(y.flatMap { $0 }, outer).reduce(0) { $0 + $1.0 * Double($1.1) }
    }

    let statistics = engine.statistics(of: x)
    let factor = scale.indices.map {
      scale[$0] / (statistics.variance[$0] + normalizationEpsilon).squareRoot()
    }
    let y = arena.tensor(x.shape)
    engine.normalize(
      x, scale: factor, shift: shift.indices.map { shift[$0] - statistics.mean[$0] * factor[$0] },
      addend: addend, nonlinearity: nonlinearity, into: y)
    let gradient = arena.tensor(x.shape)
    gradient.copy(outer)
    let inputGradient = arena.tensor(x.shape)
    let parameters = engine.normalizeBackward(
      gradient: gradient, x: x, y: y, statistics: statistics, scale: scale,
      nonlinearity: nonlinearity, into: inputGradient)

    // A small step keeps clear of the bends of the nonlinearity.
    let places = Array(stride(from: 0, to: rows * channels, by: 7))
    let channelsToTry = Array(0..<channels)
    let step: Float = 1e-4
    let (xs, adds) = (x.elements, addend.elements)
    #expect(
      relativeDifference(
        places.map { inputGradient.elements[$0] },
        finiteDifferences(
          of: { loss(x: $0, scale: scale, shift: shift, addend: adds) }, at: xs,
          places: places, step: step)) < 2e-2)
    #expect(
      relativeDifference(
        places.map { gradient.elements[$0] },
        finiteDifferences(
          of: { loss(x: xs, scale: scale, shift: shift, addend: $0) }, at: adds,
          places: places, step: step)) < 2e-2)
    #expect(
      relativeDifference(
        parameters.scale,
        finiteDifferences(
          of: { loss(x: xs, scale: $0, shift: shift, addend: adds) }, at: scale,
          places: channelsToTry, step: step)) < 2e-2)
    #expect(
      relativeDifference(
        parameters.shift,
        finiteDifferences(
          of: { loss(x: xs, scale: scale, shift: $0, addend: adds) }, at: shift,
          places: channelsToTry, step: step)) < 2e-2)
  }

  @Test(arguments: Nonlinearity.allCases)
  func `lets what is no number stay none`(nonlinearity: Nonlinearity) {
    let x = arena.tensor(TensorShape(rows: 40, channels: 9))
    x.fill(with: 1)
    x.withElements { $0[13] = .nan }
    engine.normalize(
      x, scale: [Float](repeating: 1, count: 9), shift: [Float](repeating: 0, count: 9),
      nonlinearity: nonlinearity, into: x)
    #expect(x.elements.indices.filter { x.elements[$0].isNaN } == [13])
  }
}
