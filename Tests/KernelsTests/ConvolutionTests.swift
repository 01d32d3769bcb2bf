import Kernels
import TestSupport
import Testing

@Suite struct ConvolutionTests {
  @Test(arguments: ConvolutionCase.all)
  func `computes and measures what the reference does`(
    case entry: ConvolutionCase, type: ElementType
  ) throws {
    try checkForward(entry, type, entry.backends)
  }

  @Test(arguments: ConvolutionCase.all)
  func `has the gradients that the reference has`(
    case entry: ConvolutionCase, type: ElementType
  ) throws {
    try checkBackward(entry, type, entry.backends)
  }

  // In a process of its own, since the choice is the whole process's.
  // `wide` is what processors with more instructions than this one may compute.
  @Test func `agrees with the reference with other instructions too`() async {
    await #expect(processExitsWith: .success) {
      let best = Engine.instructionSet
      var tried: [String] = []
      for set in ["plain", "avx2", "avx512", "wide"]
      where set != best && Engine.use(instructionSet: set) {
        #expect(Engine.instructionSet == set)
        for entry in ConvolutionCase.small {
          for type in ElementType.allCases {
            try checkForward(entry, type, [.fused])
            try checkBackward(entry, type, [.fused])
          }
        }
        tried.append(set)
      }
      #expect(best == "plain" || tried.contains("plain"))
      #expect(!Engine.use(instructionSet: "none such"))
    }
  }

  @Test(arguments: ConvolutionCase.small, ElementType.allCases)
  func `computes the same with weights packed beforehand, to the last bit`(
    case entry: ConvolutionCase, type: ElementType
  ) throws {
    let operands = try Operands(entry, type)
    let channels = entry.sizes.output.channels
    let transform = ChannelTransform(
      scale: randomNumbers(channels, seed: 1), shift: randomNumbers(channels, seed: 2))
    for backend in entry.backends {
      let engine = try Engine(backend: backend)
      let packed = engine.packed(
        operands.view, for: entry.sizes, reading: type, in: operands.arena)
      // For all images at once, for the last one alone, and for one whose type they are not packed for.
      for (images, read) in [(entry.sizes.input.batch, type), (1, type), (1, other(type))] {
        var shape = entry.sizes.input
        shape.batch = images
        let sizes = ConvolutionSizes(
          input: shape, channels: channels, kernel: entry.sizes.kernel,
          stride: entry.sizes.stride, isDepthwise: entry.sizes.isDepthwise,
          groups: entry.sizes.groups)
        let x = operands.arena.tensor(shape, read)
        x.copy(Array(operands.x.suffix(shape.count)))
        let outputs = try [operands.view, packed].map { weights in
          let y = operands.arena.tensor(sizes.output, read)
          try engine.convolve(
            sizes, input: NormalizedTensor(x), weights: weights,
            normalizing: Normalizing(transform, .relu), into: y)
          return y.elements
        }
        #expect(outputs[0].contains { $0 != 0 } || outputs[0].count < 20)
        #expect(outputs[0] == outputs[1], "\(backend), \(images) images as \(read)")
      }
    }
  }

  private func other(_ type: ElementType) -> ElementType {
    type == .float32 ? .bfloat16 : .float32
  }

  @Test(arguments: Engine.Backend.allCases)
  func `measures a mean that lies far from zero`(backend: Engine.Backend) throws {
    let engine = try Engine(backend: backend)
    let arena = try Arena(capacity: 1 << 26)
    let sizes = ConvolutionSizes(
      input: TensorShape(batch: 5, height: 33, width: 20, channels: 6), channels: 9, kernel: 1)
    let x = arena.tensor(sizes.input)
    x.copy(randomNumbers(x.count, seed: 1).map { $0 + 1000 })
    // Weights that sum to 1, so that what is computed has a mean of 1000 and a variance near 1 too.
    let weights = arena.tensor(TensorShape(rows: 9, channels: 6))
    weights.copy((0..<54).map { $0 % 6 == $0 / 6 % 6 ? 1.5 : -0.1 })
    let y = arena.tensor(sizes.output)
    let found = try engine.convolve(
      sizes, input: NormalizedTensor(x), weights: WeightView(weights, rowStride: 6), into: y)
    let expected = statistics(of: y.elements, 9)
    #expect(expected.mean.allSatisfy { $0 > 900 } && expected.variance.allSatisfy { $0 < 4 })
    #expect(relativeDifference(found.mean, expected.mean) < 1e-6)
    #expect(relativeDifference(found.variance, expected.variance) < 1e-4)
  }

  @Test(arguments: Engine.Backend.allCases, ElementType.allCases)
  func `gives the same bits every time`(backend: Engine.Backend, type: ElementType) throws {
    let engine = try Engine(backend: backend)
    let arena = try Arena(capacity: 1 << 28)
    let sizes = ConvolutionSizes(
      input: TensorShape(batch: 32, height: 14, width: 14, channels: 24), channels: 40, kernel: 3)
    func drawn(_ shape: TensorShape, _ type: ElementType, seed: UInt64) -> Tensor {
      let tensor = arena.tensor(shape, type)
      tensor.copy(randomNumbers(tensor.count, seed: seed))
      return tensor
    }
    let x = drawn(sizes.input, type, seed: 1)
    let gradient = drawn(sizes.output, type, seed: 2)
    let weights = drawn(
      TensorShape(rows: 40, channels: sizes.weightsPerOutput), .float32, seed: 3)
    let view = WeightView(weights, rowStride: sizes.weightsPerOutput)
    let input = Reading(channels: 24, .relu)(x)

    struct Outcome: Equatable {
      var output: [Float]
      var statistics: ChannelStatistics
      var weightGradient: [Float]
      var inputGradient: [Float]
      var sums: GradientSums?
    }
    let outcomes = try (0..<3).map { _ in
      let y = arena.tensor(sizes.output, type)
      let statistics = try engine.convolve(sizes, input: input, weights: view, into: y)
      let weightGradient = arena.zeros(weights.shape)
      let inputGradient = arena.tensor(sizes.input, type)
      let mean = randomNumbers(24, seed: 4)
      let sums = try engine.convolveBackward(
        sizes, input: input, weights: view,
        gradient: NormalizationGradient(
          gradient, of: y,
          sums: referenceSums(of: gradient.elements, x: y.elements, mean: statistics.mean),
          statistics: statistics, scale: randomNumbers(40, seed: 5)),
        addingTo: WeightView(weightGradient, rowStride: sizes.weightsPerOutput),
        sink: GradientSink(
          inputGradient, adds: false,
          finish: GradientSink.Finish(nonlinearity: .relu, x: x, mean: mean)))
      return Outcome(
        output: y.elements, statistics: statistics, weightGradient: weightGradient.elements,
        inputGradient: inputGradient.elements, sums: sums)
    }
    #expect(outcomes[0] == outcomes[1] && outcomes[1] == outcomes[2])
  }

  @Test(arguments: Engine.Backend.allCases, ElementType.allCases)
  func `lets what is no number stay none`(backend: Engine.Backend, type: ElementType) throws {
    let engine = try Engine(backend: backend)
    for entry in ConvolutionCase.small where entry.sizes.input.rows > 30 {
      let operands = try Operands(entry, type)
      let sizes = entry.sizes
      var x = operands.x
      x[x.count / 2] = .nan
      // 0 · x + 1 is 1, but not for what is no number.
      let channels = sizes.input.channels
      let flat = NormalizedTensor(
        operands.tensor(x, sizes.input),
        ChannelTransform(
          scale: [Float](repeating: 0, count: channels),
          shift: [Float](repeating: 1, count: channels)), .relu6)
      for input in [NormalizedTensor(operands.tensor(x, sizes.input)), flat] {
        let y = operands.arena.tensor(sizes.output, type)
        let found = try engine.convolve(sizes, input: input, weights: operands.view, into: y)
        let expected = sizes.referenceForward(input: x, weights: operands.used)
        expectNoNumbers(in: y.elements, where: expected, of: sizes.output, "\(entry)")
        let wrong = Set(places(of: expected).map { $0 % sizes.output.channels })
        #expect(Set(places(of: found.mean)) == wrong, "\(entry)")
        #expect(Set(places(of: found.variance)) == wrong, "\(entry)")
      }

      var g = rounded(randomNumbers(sizes.output.count, seed: 3), to: type)
      g[g.count / 2] = .nan
      let outputs = sizes.output.channels
      let zeros = [Float](repeating: 0, count: outputs)
      let weightGradient = operands.arena.zeros(operands.weights.shape)
      let inputGradient = operands.arena.tensor(sizes.input, type)
      _ = try engine.convolveBackward(
        sizes, input: NormalizedTensor(operands.tensor(operands.x, sizes.input)),
        weights: operands.view,
        gradient: NormalizationGradient(
          operands.tensor(g, sizes.output),
          of: operands.tensor([Float](repeating: 1, count: g.count), sizes.output),
          sums: GradientSums(gradient: zeros.map(Double.init), product: zeros.map(Double.init)),
          statistics: ChannelStatistics(mean: zeros, variance: zeros.map { $0 + 1 }),
          scale: zeros.map { $0 + 1 }),
        addingTo: WeightView(weightGradient, rowStride: operands.rowStride),
        sink: GradientSink(inputGradient, adds: false))
      expectNoNumbers(
        in: inputGradient.elements,
        where: sizes.referenceBackwardData(outputGradient: g, weights: operands.used),
        of: sizes.input, "\(entry)")
      // Padding counts as zeros, and what is no number times zero is none either: a weight that met
      // the number is none, one that met it in the padding may be.
      let sure = places(of: sizes.referenceBackwardWeights(input: operands.x, outputGradient: g))
      #expect(
        Set(places(of: sizes.usedWeights(weightGradient.elements, rowStride: operands.rowStride)))
          .isSuperset(of: sure), "\(entry)")
    }
  }

  /// What the reference has as no number is none; nor may be what is computed in one tile with it,
  /// but nothing in another image.
  private func expectNoNumbers(
    in given: [Float], where expected: [Float], of shape: TensorShape, _ note: String
  ) {
    let found = Set(places(of: given)), sure = Set(places(of: expected))
    #expect(found.isSuperset(of: sure), "\(note)")
    let image = shape.count / shape.batch
    #expect(Set(found.map { $0 / image }) == Set(sure.map { $0 / image }), "\(note)")
  }

  private func places(of numbers: [Float]) -> [Int] {
    numbers.indices.filter { numbers[$0].isNaN }
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

// MARK: - Forward

/// Holds both forward passes of backends to the reference, for every way to read the input.
private func checkForward(
  _ entry: ConvolutionCase, _ type: ElementType, _ backends: [Engine.Backend]
) throws {
  let sizes = entry.sizes
  let operands = try Operands(entry, type)
  let engines = try backends.map { try Engine(backend: $0) }
  let outputs = sizes.output.channels
  let other = rounded(randomNumbers(sizes.output.count, seed: 3), to: type)
  let addends: [Reading?] = [nil, Reading(), Reading(channels: outputs, .relu, seed: 8)]
  for (number, reading) in Reading.variants(of: entry).enumerated() {
    let expected = sizes.referenceForward(
      input: reading.reference(operands.x), weights: operands.used)
    for engine in engines {
      let mark = operands.arena.mark
      defer { operands.arena.release(to: mark) }
      let input = reading(operands.tensor(operands.x, sizes.input))
      let y = operands.arena.tensor(sizes.output, type)
      let found = try engine.convolve(sizes, input: input, weights: operands.view, into: y)
      let note = "\(engine.backend), \(reading)"
      let elements = y.elements
      #expect(
        relativeDifference(elements, expected, rounding: type.rounding)
          < 1e-5 + type.operandRounding, "\(note)")
      let measured = statistics(of: elements, outputs)
      let spread = measured.mean.indices.map {
        abs(measured.mean[$0]) + measured.variance[$0].squareRoot()
      }
      let shift = zip(found.mean, measured.mean).map { abs($0 - $1) }
      #expect(zip(shift, spread).allSatisfy { $0 <= 2e-6 * $1 + 1e-9 }, "\(note): \(shift)")
      #expect(relativeDifference(found.variance, measured.variance) < 1e-4, "\(note)")

      for (turn, addend) in addends.enumerated() where !entry.isLarge || turn == 2 {
        // Each nonlinearity takes its turn with each addend over the readings.
        let nonlinearity = Nonlinearity.allCases[(number + turn) % Nonlinearity.allCases.count]
        let normalization = Reading(channels: outputs, nonlinearity, seed: 9)
        guard let transform = normalization.transform else { continue }
        try engine.convolve(
          sizes, input: input, weights: operands.view,
          normalizing: Normalizing(
            transform, adding: addend.map { $0(operands.tensor(other, sizes.output)) },
            nonlinearity),
          into: y)
        let whole = referenceTransform(
          expected, transform, nonlinearity, adding: addend?.reference(other))
        // A nonlinearity may leave little of what the convolution's rounding is relative to.
        let scale = max(1, expected.reduce(0) { max($0, abs($1)) })
        let factor = transform.scale.reduce(1) { max($0, abs($1)) }
        let excess = zip(y.elements, whole).reduce(0 as Float) {
          max($0, abs($1.0 - $1.1) - type.rounding * abs($1.1))
        }
        #expect(
          excess < (4e-5 + type.operandRounding * factor) * scale,
          "\(note), then \(nonlinearity) with \(addend.map(\.description) ?? "nothing") added")
      }
    }
  }
}

// MARK: - Backward

/// Holds the backward pass of backends to the reference, for every way to read the input and every
/// kind of sink.
private func checkBackward(
  _ entry: ConvolutionCase, _ type: ElementType, _ backends: [Engine.Backend]
) throws {
  let sizes = entry.sizes
  let operands = try Operands(entry, type)
  let engines = try backends.map { try Engine(backend: $0) }
  let (inputs, outputs) = (sizes.input.channels, sizes.output.channels)
  let y = rounded(randomNumbers(sizes.output.count, seed: 3), to: type)
  let g = rounded(randomNumbers(sizes.output.count, seed: 4), to: type)
  let there = rounded(randomNumbers(sizes.input.count, seed: 5), to: type)
  let before = rounded(randomNumbers(sizes.input.count, seed: 6), to: type)
  // Not the statistics of `y`: those of a single pixel would leave a gradient of nothing.
  let known = ChannelStatistics(
    mean: randomNumbers(outputs, seed: 10),
    variance: randomNumbers(outputs, seed: 11).map { 0.5 + abs($0) })
  let scale = randomNumbers(outputs, seed: 12)
  let sums = referenceSums(of: g, x: y, mean: known.mean)
  let outputGradient = referenceNormalizationGradient(
    g, of: y, sums: sums, statistics: known, scale: scale)
  let inputGradient = sizes.referenceBackwardData(
    outputGradient: outputGradient, weights: operands.used)
  let mean = randomNumbers(inputs, seed: 13)

  for reading in Reading.variants(of: entry) {
    let value = reading.reference(operands.x)
    let weightGradient = sizes.referenceBackwardWeights(
      input: value, outputGradient: outputGradient)
    for engine in engines {
      for kind in SinkKind.allCases
      where !entry.isLarge || kind == .sets || kind == .addsAndFinishes {
        let mark = operands.arena.mark
        defer { operands.arena.release(to: mark) }
        let note = "\(engine.backend), \(reading), \(kind)"
        let x = operands.tensor(operands.x, sizes.input)
        // A residual sum is final when it is read, but its gradient still goes through the sum's
        // nonlinearity, to what was normalised before the sum.
        let nonlinearity = reading.transform == nil ? .relu : reading.nonlinearity
        let normalized = reading.transform == nil ? before : operands.x
        let finish =
          kind.finishes
          ? GradientSink.Finish(
            nonlinearity: nonlinearity,
            x: reading.transform == nil ? operands.tensor(before, sizes.input) : x, mean: mean)
          : nil
        let place = operands.tensor(there, sizes.input)
        let own = operands.arena.tensor(operands.weights.shape)
        own.fill(with: 2)
        let found = try engine.convolveBackward(
          sizes, input: reading(x), weights: operands.view,
          gradient: NormalizationGradient(
            operands.tensor(g, sizes.output), of: operands.tensor(y, sizes.output), sums: sums,
            statistics: known, scale: scale),
          addingTo: WeightView(own, rowStride: operands.rowStride),
          sink: kind == .none ? nil : GradientSink(place, adds: kind.adds, finish: finish))

        // The gradient is added to what is there, and leaves the unused channels alone.
        let elements = own.elements
        #expect(
          relativeDifference(
            sizes.usedWeights(elements, rowStride: operands.rowStride),
            weightGradient.map { $0 + 2 }) < 2e-5 + type.operandRounding, "\(note)")
        let isUntouched = elements.indices.allSatisfy {
          $0 % operands.rowStride < sizes.weightsPerOutput || elements[$0] == 2
        }
        #expect(isUntouched, "\(note)")

        #expect((found != nil) == kind.finishes, "\(note)")
        if kind == .none { continue }
        let given = place.elements
        let expected = inputGradient.indices.map { index in
          let sum = inputGradient[index] + (kind.adds ? there[index] : 0)
          return kind.finishes
            ? nonlinearity.referenceGradient(sum, result: value[index]) : sum
        }
        #expect(
          relativeDifference(given, expected, rounding: type.rounding)
            < 2e-5 + type.operandRounding, "\(note)")
        if let found {
          // The sums are of what was stored.
          let exact = referenceSums(of: given, x: normalized, mean: mean)
          #expect(
            relativeDifference(floats(found.gradient), floats(exact.gradient)) < 1e-4, "\(note)")
          #expect(
            relativeDifference(floats(found.product), floats(exact.product)) < 1e-4, "\(note)")
        }
      }
    }
  }
}

/// Where the gradient of an input goes.
private enum SinkKind: CaseIterable {
  case none, sets, adds, finishes, addsAndFinishes

  var adds: Bool { self == .adds || self == .addsAndFinishes }
  var finishes: Bool { self == .finishes || self == .addsAndFinishes }
}

extension ElementType {
  /// How far a sum of products may be off, relative to the largest, since the factors were rounded:
  /// each by 2⁻⁹ of itself, where the loops multiply bfloat16 numbers.
  fileprivate var operandRounding: Float {
    self == .bfloat16 && ["avx512-bf16", "wide"].contains(Engine.instructionSet) ? 0x1p-7 : 0
  }
}
