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

  private func tensor(
    _ rows: Int, _ channels: Int, seed: UInt64, mean: Float = 0, _ type: ElementType = .float32
  ) -> Tensor {
    let tensor = arena.tensor(TensorShape(rows: rows, channels: channels), type)
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
      let transform = ChannelTransform(
        normalizing: engine.statistics(of: x), scale: scale, shift: shift)
      engine.normalize(
        NormalizedTensor(x, transform, nonlinearity),
        adding: adds ? NormalizedTensor(addend) : nil, into: y)
      let expected = referenceNormalize(
        table(x.elements, channels), scale: scale.map(Double.init),
        shift: shift.map(Double.init), addend: adds ? table(addend.elements, channels) : nil,
        nonlinearity: nonlinearity)
      #expect(relativeDifference(y.elements, expected.flatMap(floats)) < 1e-4)
    }
  }

  @Test(arguments: sizes, ElementType.allCases)
  func `reads and writes either type, addends that are normalised themselves, and in place`(
    size: (Int, Int), type: ElementType
  ) {
    let (rows, channels) = size
    let x = tensor(rows, channels, seed: 1, type)
    let other = tensor(rows, channels, seed: 2, type)
    for nonlinearity in Nonlinearity.allCases {
      let reading = Reading(channels: channels, nonlinearity)
      let addends = [nil, Reading(), Reading(channels: channels, .relu6, seed: 8)]
      for addend in addends {
        let expected = referenceTransform(
          x.elements, reading.transform, nonlinearity, adding: addend?.reference(other.elements))
        for target in ElementType.allCases {
          let y = arena.tensor(x.shape, target)
          engine.normalize(reading(x), adding: addend.map { $0(other) }, into: y)
          #expect(relativeDifference(y.elements, expected, rounding: target.rounding) < 1e-5)
        }
        let copy = arena.tensor(x.shape, type)
        copy.copy(x.elements)
        engine.normalize(reading(copy), adding: addend.map { $0(other) }, into: copy)
        #expect(relativeDifference(copy.elements, expected, rounding: type.rounding) < 1e-5)
      }
      for reading in [reading, Reading()] {
        let y = arena.tensor(x.shape)
        engine.gather(reading(x), into: y)
        #expect(relativeDifference(y.elements, reading.reference(x.elements)) < 1e-6)
      }
    }
  }

  @Test(arguments: sizes, ElementType.allCases)
  func `finishes a gradient as the reference does`(size: (Int, Int), type: ElementType) {
    let (rows, channels) = size
    let x = tensor(rows, channels, seed: 1, type)
    let mean = randomNumbers(channels, seed: 3)
    for nonlinearity in Nonlinearity.allCases {
      let reading = Reading(channels: channels, nonlinearity)
      let gradient = tensor(rows, channels, seed: 2, type)
      let expected = zip(gradient.elements, reading.reference(x.elements)).map {
        nonlinearity.referenceGradient($0, result: $1)
      }
      let sums = engine.finishGradient(
        of: reading(x),
        GradientSink(
          gradient, adds: true,
          finish: GradientSink.Finish(nonlinearity: nonlinearity, x: x, mean: mean)))
      #expect(gradient.elements == expected)
      let exact = referenceSums(of: expected, x: x.elements, mean: mean)
      #expect(relativeDifference(floats(sums?.gradient ?? []), floats(exact.gradient)) < 1e-4)
      #expect(relativeDifference(floats(sums?.product ?? []), floats(exact.product)) < 1e-4)
    }
  }

  @Test(arguments: Nonlinearity.allCases)
  func `has the gradient that finite differences of the reference give`(
    nonlinearity: Nonlinearity
  ) throws {
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
    let y = arena.tensor(x.shape)
    engine.normalize(
      NormalizedTensor(
        x, ChannelTransform(normalizing: statistics, scale: scale, shift: shift), nonlinearity),
      adding: NormalizedTensor(addend), into: y)
    // The gradient of the sum, which is the addend's too, comes from what is final; that of `x` is
    // what a convolution of weight 1 would get.
    let gradient = arena.tensor(x.shape)
    gradient.copy(outer)
    let sums = engine.finishGradient(
      of: NormalizedTensor(y),
      GradientSink(
        gradient, adds: true,
        finish: GradientSink.Finish(nonlinearity: nonlinearity, x: x, mean: statistics.mean)))
    let parameters = NormalizationGradient(
      gradient, of: x, sums: try #require(sums), statistics: statistics, scale: scale)
    let inputGradient = try inputGradient(of: parameters)

    // A small step keeps clear of the bends of the nonlinearity.
    let places = Array(stride(from: 0, to: rows * channels, by: 7))
    let channelsToTry = Array(0..<channels)
    let step: Float = 1e-4
    let (xs, adds) = (x.elements, addend.elements)
    #expect(
      relativeDifference(
        places.map { inputGradient[$0] },
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

  /// The gradient that a depthwise convolution hands on whose one weight for each channel is 1.
  private func inputGradient(of gradient: NormalizationGradient) throws -> [Float] {
    let shape = gradient.x.shape
    let weights = arena.tensor(TensorShape(rows: shape.channels, channels: 1))
    weights.fill(with: 1)
    let place = arena.tensor(shape)
    _ = try engine.convolveBackward(
      ConvolutionSizes(input: shape, channels: shape.channels, kernel: 1, isDepthwise: true),
      input: NormalizedTensor(gradient.x), weights: WeightView(weights, rowStride: 1),
      gradient: gradient,
      addingTo: WeightView(arena.zeros(weights.shape), rowStride: 1),
      sink: GradientSink(place, adds: false))
    return place.elements
  }

  @Test(arguments: Nonlinearity.allCases, ElementType.allCases)
  func `lets what is no number stay none`(nonlinearity: Nonlinearity, type: ElementType) {
    // Places in whole vectors, in what is left of a line, and in the last element of all.
    let (rows, channels) = (40, 37)
    let places = [13, 37 + 36, 40 * 37 - 1]
    func isWrong(_ tensor: Tensor) -> [Int] {
      tensor.elements.indices.filter { tensor.elements[$0].isNaN }
    }
    var elements = [Float](repeating: 1, count: rows * channels)
    for place in places { elements[place] = .nan }
    let x = arena.tensor(TensorShape(rows: rows, channels: channels), type)
    x.copy(elements)
    #expect(isWrong(x) == places)
    let reading = Reading(channels: channels, nonlinearity)

    let y = arena.tensor(x.shape, type)
    engine.normalize(reading(x), into: y)
    #expect(isWrong(y) == places)
    let sane = tensor(rows, channels, seed: 1, type)
    engine.normalize(reading(sane), adding: NormalizedTensor(x), into: y)
    #expect(isWrong(y) == places)
    let gathered = arena.tensor(x.shape)
    engine.gather(reading(x), into: gathered)
    #expect(isWrong(gathered) == places)
    engine.add(x, to: sane)
    #expect(isWrong(sane) == places)

    let statistics = engine.statistics(of: gathered)
    let wrong = Set(places.map { $0 % channels }).sorted()
    for channel in 0..<channels {
      #expect(statistics.mean[channel].isNaN == wrong.contains(channel))
      #expect(statistics.variance[channel].isNaN == wrong.contains(channel))
    }

    // A gradient where it is let through, and sums of an activation that is no number.
    let mean = [Float](repeating: 0, count: channels)
    let gradient = arena.tensor(x.shape, type)
    gradient.copy(elements)
    let ones = arena.tensor(x.shape, type)
    ones.copy([Float](repeating: 1, count: x.count))
    func finish(_ value: Tensor) -> GradientSums? {
      engine.finishGradient(
        of: NormalizedTensor(value),
        GradientSink(
          gradient, adds: true,
          finish: GradientSink.Finish(nonlinearity: nonlinearity, x: value, mean: mean)))
    }
    let sums = finish(ones)
    #expect(isWrong(gradient) == places)
    #expect((0..<channels).filter { sums?.gradient[$0].isNaN == true } == wrong)
    gradient.copy([Float](repeating: 1, count: x.count))
    let ofWrong = finish(x)
    #expect((0..<channels).filter { ofWrong?.product[$0].isNaN == true } == wrong)
  }
}
