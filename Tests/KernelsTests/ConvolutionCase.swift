import Kernels
import TestSupport

/// Sizes that have tripped kernels before: odd widths, single channels, strides that do not divide,
/// several bands to an image and several images to a band.
struct ConvolutionCase: CustomStringConvertible, Sendable {
  var sizes: ConvolutionSizes

  /// How many input channels the supernet's weights have beside those used.
  var spare: Int

  /// Whether the plain reference takes so long that not every variant is tried.
  var isLarge = false

  /// The types to try it in.
  var types = ElementType.allCases

  var description: String { "\(sizes), \(spare) channels unused" }

  static let all = (small + large).flatMap { entry in entry.types.map { (entry, $0) } }

  static let small: [ConvolutionCase] = {
    func sizes(
      _ batch: Int, _ channels: Int, _ side: Int, to outputs: Int, kernel: Int, stride: Int = 1,
      depthwise: Bool = false, groups: Int = 1, square: Bool = false
    ) -> ConvolutionSizes {
      let width = square ? side : side + 1
      return ConvolutionSizes(
        input: TensorShape(batch: batch, height: side, width: width, channels: channels),
        channels: outputs, kernel: kernel, stride: stride, isDepthwise: depthwise,
        groups: groups)
    }
    let table = [
      sizes(1, 1, 1, to: 1, kernel: 1),
      sizes(2, 3, 9, to: 8, kernel: 3),
      sizes(3, 5, 7, to: 7, kernel: 3, stride: 2),
      sizes(2, 16, 8, to: 24, kernel: 1),
      sizes(2, 20, 5, to: 13, kernel: 1, stride: 2),
      sizes(3, 37, 3, to: 21, kernel: 1, square: true),
      sizes(1, 4, 8, to: 9, kernel: 1, stride: 2, square: true),
      sizes(6, 4, 4, to: 8, kernel: 1, stride: 2, square: true),
      sizes(1, 8, 6, to: 16, kernel: 5),
      sizes(5, 24, 4, to: 40, kernel: 3),
      sizes(2, 3, 7, to: 3, kernel: 3, depthwise: true),
      sizes(3, 37, 8, to: 37, kernel: 3, stride: 2, depthwise: true),
      sizes(2, 72, 5, to: 72, kernel: 5, depthwise: true),
      sizes(1, 8, 2, to: 8, kernel: 5, stride: 2, depthwise: true),
      // Pixels that no window of a step reads, and steps wider than what is left of an image.
      sizes(2, 6, 10, to: 11, kernel: 3, stride: 3),
      sizes(3, 7, 4, to: 5, kernel: 1, stride: 3),
      sizes(2, 9, 7, to: 9, kernel: 3, stride: 3, depthwise: true),
      // Windows wider than the image.
      sizes(2, 5, 6, to: 9, kernel: 7),
      sizes(2, 4, 3, to: 6, kernel: 7, stride: 2),
      sizes(2, 10, 9, to: 10, kernel: 7, depthwise: true),
      sizes(1, 5, 11, to: 5, kernel: 9, depthwise: true),
      // Odd sides under a step of two.
      sizes(2, 12, 9, to: 12, kernel: 3, stride: 2, depthwise: true, square: true),
      sizes(1, 33, 11, to: 33, kernel: 5, stride: 2, depthwise: true, square: true),
      // Channels in groups.
      sizes(2, 12, 5, to: 18, kernel: 3, groups: 3),
      sizes(3, 16, 6, to: 8, kernel: 3, stride: 2, groups: 8),
      sizes(2, 32, 4, to: 32, kernel: 1, groups: 2),
      // More images than a band holds.
      sizes(61, 6, 7, to: 8, kernel: 3),
      sizes(50, 16, 7, to: 16, kernel: 3, stride: 2, depthwise: true),
      // Few channels of lines that fill vectors: one, not quite two, and with one pixel over.
      sizes(3, 4, 15, to: 4, kernel: 3),
      sizes(2, 7, 27, to: 5, kernel: 3),
      sizes(2, 9, 31, to: 12, kernel: 3, square: true),
      sizes(2, 5, 32, to: 2, kernel: 3),
      sizes(1, 3, 30, to: 3, kernel: 5),
      sizes(70, 4, 8, to: 3, kernel: 3, square: true),
    ]
    return table.flatMap { sizes in
      (sizes.isDepthwise ? [0] : [0, 3]).map { ConvolutionCase(sizes: sizes, spare: $0) }
    }
  }()

  static let large: [ConvolutionCase] = [
    // Several bands to an image.
    ConvolutionCase(
      sizes: ConvolutionSizes(
        input: TensorShape(batch: 1, height: 70, width: 66, channels: 24), channels: 40, kernel: 3),
      spare: 3, isLarge: true, types: [.float32]),
    ConvolutionCase(
      sizes: ConvolutionSizes(
        input: TensorShape(batch: 2, height: 150, width: 128, channels: 8), channels: 4, kernel: 3),
      spare: 3, isLarge: true),
    ConvolutionCase(
      sizes: ConvolutionSizes(
        input: TensorShape(batch: 2, height: 71, width: 65, channels: 40), channels: 40, kernel: 3,
        stride: 2, isDepthwise: true),
      spare: 0, isLarge: true),
    // Eight megabytes, which are written past the caches, in single precision and in bfloat16.
    ConvolutionCase(
      sizes: ConvolutionSizes(
        input: TensorShape(batch: 16, height: 64, width: 64, channels: 32), channels: 32, kernel: 1),
      spare: 3, isLarge: true, types: [.float32]),
    ConvolutionCase(
      sizes: ConvolutionSizes(
        input: TensorShape(batch: 16, height: 64, width: 64, channels: 64), channels: 64, kernel: 3,
        isDepthwise: true),
      spare: 0, isLarge: true, types: [.bfloat16]),
  ]

  /// The backends that compute this convolution in ways of their own.
  var backends: [Engine.Backend] {
    sizes.isDepthwise ? [.fused] : Engine.Backend.allCases
  }
}

/// A convolution's operands, drawn at random and rounded to the type that activations lie in.
struct Operands {
  let sizes: ConvolutionSizes
  let type: ElementType
  let arena: Arena
  let rowStride: Int
  let x: [Float]
  let weights: Tensor

  /// The weights without those of unused channels, which the reference does not know.
  let used: [Float]

  init(_ entry: ConvolutionCase, _ type: ElementType) throws {
    let sizes = entry.sizes
    self.sizes = sizes
    self.type = type
    arena = try Arena(capacity: 1 << 30)
    rowStride = sizes.weightsPerOutput + entry.spare * sizes.kernel * sizes.kernel
    x = rounded(randomNumbers(sizes.input.count, seed: 1), to: type)
    weights = arena.tensor(TensorShape(rows: sizes.output.channels, channels: rowStride))
    weights.copy(randomNumbers(weights.count, seed: 2))
    used = sizes.usedWeights(weights.elements, rowStride: rowStride)
  }

  var view: WeightView { WeightView(weights, rowStride: rowStride) }

  func tensor(_ elements: [Float], _ shape: TensorShape) -> Tensor {
    let tensor = arena.tensor(shape, type)
    tensor.copy(elements)
    return tensor
  }
}

/// Something that is done to a tensor when it is read.
struct Reading: CustomStringConvertible {
  var transform: ChannelTransform?
  var nonlinearity = Nonlinearity.none

  var description: String { transform == nil ? "as it is" : "normalised, \(nonlinearity)" }

  /// The factors are powers of two: a product with one is exact, so that whether it is rounded
  /// before the sum makes no difference and decides no bend of a nonlinearity.
  init(channels: Int, _ nonlinearity: Nonlinearity, seed: UInt64 = 7) {
    let scale = (0..<channels).map { [1, -0.5, 4, 2][$0 % 4] as Float }
    transform = ChannelTransform(scale: scale, shift: randomNumbers(channels, seed: seed))
    self.nonlinearity = nonlinearity
  }

  /// A tensor that is final.
  init() {}

  func callAsFunction(_ x: Tensor) -> NormalizedTensor {
    guard let transform else { return NormalizedTensor(x) }
    return NormalizedTensor(x, transform, nonlinearity)
  }

  func reference(_ x: [Float]) -> [Float] { referenceTransform(x, transform, nonlinearity) }

  static func variants(of entry: ConvolutionCase) -> [Reading] {
    let normalized = Nonlinearity.allCases.map { Reading(channels: entry.sizes.input.channels, $0) }
    return entry.isLarge ? normalized.suffix(1) : [Reading()] + normalized
  }
}

extension ConvolutionSizes {
  func usedWeights(_ elements: [Float], rowStride: Int) -> [Float] {
    (0..<output.channels).flatMap { row in
      elements[row * rowStride..<row * rowStride + weightsPerOutput]
    }
  }
}

extension ElementType {
  /// By which part of itself a number may differ from the one that was rounded to this type.
  var rounding: Float { self == .float32 ? 0 : 0x1p-8 }
}

func rounded(_ numbers: [Float], to type: ElementType) -> [Float] {
  numbers.map { referenceRounded($0, to: type) }
}

/// Rows of `channels` numbers.
func table(_ elements: [Float], _ channels: Int) -> [[Double]] {
  stride(from: 0, to: elements.count, by: channels).map { start in
    elements[start..<start + channels].map(Double.init)
  }
}

func floats(_ numbers: [Double]) -> [Float] { numbers.map { Float($0) } }

/// Mean and variance of each channel as the reference finds them.
func statistics(of elements: [Float], _ channels: Int) -> ChannelStatistics {
  let (mean, variance) = referenceStatistics(of: table(elements, channels))
  return ChannelStatistics(mean: floats(mean), variance: floats(variance))
}
