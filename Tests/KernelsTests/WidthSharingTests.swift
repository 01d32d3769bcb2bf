import Kernels
import TestSupport
import Testing

/// What candidates of different widths compute together must be what each computes alone, to the last bit.
@Suite struct WidthSharingTests {
  /// A convolution, and how many channels the narrower one has.
  private struct Pair: CustomStringConvertible {
    var wide: ConvolutionSizes
    var channels: Int
    var alike = true

    var narrow: ConvolutionSizes {
      var input = wide.input
      if wide.isDepthwise { input.channels = channels }
      return ConvolutionSizes(
        input: input, channels: channels, kernel: wide.kernel, stride: wide.stride,
        isDepthwise: wide.isDepthwise)
    }

    var description: String { "\(channels) channels of \(wide)" }
  }

  private static func pair(
    _ batch: Int, _ side: Int, _ inputs: Int, to outputs: Int, narrow: Int, kernel: Int,
    stride: Int = 1, depthwise: Bool = false, alike: Bool = true
  ) -> Pair {
    Pair(
      wide: ConvolutionSizes(
        input: TensorShape(batch: batch, height: side, width: side, channels: inputs),
        channels: outputs, kernel: kernel, stride: stride, isDepthwise: depthwise),
      channels: narrow, alike: alike)
  }

  private static let pairs = [
    pair(40, 16, 20, to: 96, narrow: 44, kernel: 1), pair(7, 9, 5, to: 33, narrow: 3, kernel: 1),
    pair(33, 8, 24, to: 40, narrow: 12, kernel: 3), pair(3, 32, 9, to: 70, narrow: 69, kernel: 3),
    pair(5, 14, 6, to: 48, narrow: 20, kernel: 3, stride: 2),
    pair(40, 12, 96, to: 96, narrow: 28, kernel: 3, depthwise: true),
    pair(2, 40, 72, to: 72, narrow: 7, kernel: 5, stride: 2, depthwise: true),
    // In vectors of pixels.
    pair(3, 32, 3, to: 4, narrow: 2, kernel: 3), pair(60, 16, 3, to: 4, narrow: 3, kernel: 5),
    // Too wide for them, and not: plain loops have none.
    pair(2, 32, 8, to: 96, narrow: 4, kernel: 3, alike: Engine.instructionSet == "plain"),
    // Wide enough for Winograd's filtering, and not.
    pair(4, 8, 24, to: 40, narrow: 3, kernel: 3, alike: false),
  ]

  @Test(arguments: pairs, ElementType.allCases)
  private func `computes and measures the first channels of a wider convolution`(
    pair: Pair, type: ElementType
  ) throws {
    let operands = try Operands(ConvolutionCase(sizes: pair.wide, spare: 0), type)
    let engine = try Engine()
    #expect(engine.computesBeginning(pair.narrow, of: pair.wide, reading: type) == pair.alike)
    guard pair.alike else { return }
    let reading = Reading(channels: pair.wide.input.channels, .relu6)
    let x = reading(operands.tensor(operands.x, pair.wide.input))
    let wide = operands.arena.tensor(pair.wide.output, type)
    let narrow = operands.arena.tensor(pair.narrow.output, type)
    // The input of a narrower depthwise convolution is the beginning of the wider one's.
    let statistics = try [(pair.wide, wide), (pair.narrow, narrow)].map { sizes, y in
      try engine.convolve(sizes, input: x, weights: operands.view, into: y)
    }
    #expect(firstChannels(pair.channels, of: wide) == narrow.elements)
    #expect(Array(statistics[0].mean.prefix(pair.channels)) == statistics[1].mean)
    #expect(Array(statistics[0].variance.prefix(pair.channels)) == statistics[1].variance)

    let transform = ChannelTransform(
      scale: randomNumbers(pair.wide.output.channels, seed: 3),
      shift: randomNumbers(pair.wide.output.channels, seed: 4))
    try engine.convolve(
      pair.wide, input: x, weights: operands.view, normalizing: Normalizing(transform, .relu),
      into: wide)
    try engine.convolve(
      pair.narrow, input: x, weights: operands.view,
      normalizing: Normalizing(transform.first(pair.channels), .relu), into: narrow)
    #expect(firstChannels(pair.channels, of: wide) == narrow.elements)
  }

  @Test func `promises nothing of libraries`() throws {
    let pair = Self.pairs[0]
    for backend in [Engine.Backend.oneDNN, .openBLAS] {
      let engine = try Engine(backend: backend)
      #expect(!engine.computesBeginning(pair.narrow, of: pair.wide, reading: .float32))
      #expect(!engine.readsBeginnings(pair.wide))
    }
  }

  @Test(arguments: ElementType.allCases, [false, true])
  func `reads the first channels of a wider tensor`(type: ElementType, isFinal: Bool) throws {
    let engine = try Engine()
    let arena = try Arena(capacity: 1 << 28)
    for (kernel, stride, isDepthwise) in [
      (1, 1, false), (1, 2, false), (3, 1, false), (5, 2, true),
    ] {
      let x = arena.tensor(TensorShape(batch: 9, height: 10, width: 10, channels: 28), type)
      x.copy(randomNumbers(x.count, seed: 1))
      let wide = isFinal ? NormalizedTensor(x) : Reading(channels: 28, .relu)(x)
      let apart = engine.beginning(20, of: wide, in: arena)
      #expect(apart.shape.channels == 20)
      #expect(apart.x.elements == firstChannels(20, of: x))
      let sizes = ConvolutionSizes(
        input: apart.shape, channels: isDepthwise ? 20 : 36, kernel: kernel, stride: stride,
        isDepthwise: isDepthwise)
      let weights = arena.tensor(TensorShape(rows: 36, channels: 20 * kernel * kernel))
      weights.copy(randomNumbers(weights.count, seed: 2))
      let outputs = try [wide, apart].map { input in
        let y = arena.tensor(sizes.output, type)
        let statistics = try engine.convolve(
          sizes, input: input, weights: WeightView(weights, rowStride: 20 * kernel * kernel),
          into: y)
        return [y.elements, statistics.mean, statistics.variance]
      }
      #expect(outputs[0] == outputs[1], "\(sizes)")
    }
  }

  // In a process of its own, since the number of threads is the whole process's.
  @Test func `measures the same on any number of threads`() async {
    await #expect(processExitsWith: .success) {
      for pair in Self.pairs {
        let operands = try Operands(ConvolutionCase(sizes: pair.wide, spare: 0), .float32)
        let statistics = try [1, 2, 3, 5].map { threads in
          try Engine.withThreads(threads) {
            try Engine().convolve(
              pair.wide, input: NormalizedTensor(operands.tensor(operands.x, pair.wide.input)),
              weights: operands.view, into: operands.arena.tensor(pair.wide.output))
          }
        }
        #expect(statistics.allSatisfy { $0 == statistics[0] }, "\(pair)")
      }
    }
  }

  /// The two convolutions of an inverted residual: images, side, channels before and between them.
  private static let expansions: [(ConvolutionSizes, ConvolutionSizes)] = [
    (128, 4, 20, 96, 3, 1), (5, 32, 24, 144, 3, 1), (3, 33, 12, 70, 3, 2), (9, 14, 7, 29, 5, 1),
    (2, 57, 16, 60, 7, 2), (1, 1, 3, 5, 3, 1), (1, 40, 8, 500, 3, 1), (40, 8, 40, 132, 3, 2),
  ].map { batch, side, inputs, channels, kernel, stride in
    let expansion = ConvolutionSizes(
      input: TensorShape(batch: batch, height: side, width: side, channels: inputs),
      channels: channels, kernel: 1)
    return (
      expansion,
      ConvolutionSizes(
        input: expansion.output, channels: channels, kernel: kernel, stride: stride,
        isDepthwise: true)
    )
  }

  private static let kinds = Nonlinearity.allCases.flatMap { nonlinearity in
    ElementType.allCases.map { (nonlinearity, $0) }
  }

  @Test(arguments: expansions, kinds)
  func `expands on the way what it computes apart`(
    sizes: (ConvolutionSizes, ConvolutionSizes), kind: (Nonlinearity, ElementType)
  ) throws {
    let (nonlinearity, type) = kind
    let (expansion, depthwise) = sizes
    let engine = try Engine()
    let arena = try Arena(capacity: 1 << 29)
    let channels = depthwise.output.channels
    func drawn(_ shape: TensorShape, seed: UInt64, _ type: ElementType = .float32) -> Tensor {
      let tensor = arena.tensor(shape, type)
      tensor.copy(randomNumbers(tensor.count, seed: seed))
      return tensor
    }
    func transform(seed: UInt64) -> ChannelTransform {
      ChannelTransform(
        scale: randomNumbers(channels, seed: seed), shift: randomNumbers(channels, seed: seed + 1))
    }
    // The input has more channels than are read.
    var shape = expansion.input
    shape.channels += 3
    let weights = engine.packed(
      WeightView(
        drawn(TensorShape(rows: channels, channels: expansion.input.channels), seed: 2),
        rowStride: expansion.input.channels),
      for: expansion, reading: type, in: arena)
    let windows = WeightView(
      drawn(TensorShape(rows: channels, channels: depthwise.weightsPerOutput), seed: 3),
      rowStride: depthwise.weightsPerOutput)
    let (first, second) = (transform(seed: 4), transform(seed: 6))
    #expect(engine.expands(expansion, before: depthwise))
    for input in [
      NormalizedTensor(drawn(shape, seed: 1, type)),
      Reading(channels: shape.channels, .relu)(drawn(shape, seed: 1, type)),
      NormalizedTensor(drawn(expansion.input, seed: 1, type)),
    ] {
      let between = arena.tensor(expansion.output, type)
      try engine.convolve(
        expansion, input: input, weights: weights, normalizing: Normalizing(first, nonlinearity),
        into: between)
      let apart = arena.tensor(depthwise.output, type)
      try engine.convolve(
        depthwise, input: NormalizedTensor(between), weights: windows,
        normalizing: Normalizing(second, .relu), into: apart)
      let onTheWay = arena.tensor(depthwise.output, type)
      engine.convolve(
        depthwise,
        expanding: Expansion(expansion, weights: weights, normalizing: first, nonlinearity),
        input: input, weights: windows, normalizing: Normalizing(second, .relu), into: onTheWay)
      #expect(apart.elements == onTheWay.elements)
      #expect(apart.elements.contains { $0 != 0 })
    }
  }

  private func firstChannels(_ count: Int, of tensor: Tensor) -> [Float] {
    let (channels, elements) = (tensor.shape.channels, tensor.elements)
    return elements.indices.filter { $0 % channels < count }.map { elements[$0] }
  }
}

extension ChannelTransform {
  fileprivate func first(_ channels: Int) -> ChannelTransform {
    ChannelTransform(
      scale: Array(scale.prefix(channels)), shift: Array(shift.prefix(channels)))
  }
}
