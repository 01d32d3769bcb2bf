import CKernels

/// The function applied to what a normalisation gives.
public enum Nonlinearity: Int32, Sendable, CaseIterable {
  /// The identity.
  case none = 0
  /// max(x, 0)
  case relu = 1
  /// min(max(x, 0), 6)
  case relu6 = 2
}

/// A tensor together with what is still to be done to it: nonlinearity(x · scale + shift).
///
/// What a convolution computes stays in memory as it is; its normalisation and nonlinearity are
/// applied each time it is read, on the way to the arithmetic, and cost no pass of their own.
public struct NormalizedTensor {
  /// What lies in memory.
  public let x: Tensor

  /// A factor and an offset for each channel; `nil` leaves `x` as it is.
  public let transform: ChannelTransform?

  /// The function applied last.
  public let nonlinearity: Nonlinearity

  /// A tensor that is to be transformed.
  public init(_ x: Tensor, _ transform: ChannelTransform, _ nonlinearity: Nonlinearity) {
    precondition(transform.scale.count == x.shape.channels, "one factor a channel")
    self.x = x
    self.transform = transform
    self.nonlinearity = nonlinearity
  }

  /// A tensor that is final.
  public init(_ x: Tensor) {
    self.x = x
    transform = nil
    nonlinearity = .none
  }

  public var shape: TensorShape { x.shape }
}

extension Engine {
  /// The first channels of a tensor, as one of their own.
  ///
  /// - Parameters:
  ///   - channels: How many.
  ///   - tensor: The tensor.
  ///   - arena: Where the result lies.
  /// - Returns: The tensor itself if it has no more.
  public func beginning(
    _ channels: Int, of tensor: NormalizedTensor, in arena: Arena
  ) -> NormalizedTensor {
    guard tensor.shape.channels > channels else { return tensor }
    var shape = tensor.shape
    shape.channels = channels
    let x = arena.tensor(shape, tensor.x.type)
    moveChannels(channels, of: tensor.x, from: 0, to: x, at: 0)
    guard let transform = tensor.transform else { return NormalizedTensor(x) }
    return NormalizedTensor(x, transform.channels(0..<channels), tensor.nonlinearity)
  }
}

/// x · scale + shift, channel by channel.
public struct ChannelTransform: Hashable, Sendable {
  public let scale: [Float]
  public let shift: [Float]

  public init(scale: [Float], shift: [Float]) {
    precondition(scale.count == shift.count, "one offset for each factor")
    self.scale = scale
    self.shift = shift
  }

  /// What leaves a tensor as it is.
  public static func identity(channels: Int) -> ChannelTransform {
    ChannelTransform(
      scale: [Float](repeating: 1, count: channels), shift: [Float](repeating: 0, count: channels))
  }

  /// The factors and offsets of some channels.
  func channels(_ range: Range<Int>) -> ChannelTransform {
    ChannelTransform(scale: Array(scale[range]), shift: Array(shift[range]))
  }

  /// Batch normalisation: (x - mean) / √(variance + ε) · γ + β.
  ///
  /// - Parameters:
  ///   - statistics: Mean and variance of each channel.
  ///   - scale: γ
  ///   - shift: β
  public init(normalizing statistics: ChannelStatistics, scale: [Float], shift: [Float]) {
    let factor = scale.indices.map {
      scale[$0] / (statistics.variance[$0] + normalizationEpsilon).squareRoot()
    }
    self.init(
      scale: factor, shift: shift.indices.map { shift[$0] - statistics.mean[$0] * factor[$0] })
  }
}

extension Engine {
  /// Gives a tensor's description to a C function, whose coefficients last as long as the call.
  func withSource<Result>(
    _ tensor: NormalizedTensor, expanding expansion: Expansion? = nil,
    _ body: (UnsafePointer<nas_source>) -> Result
  ) -> Result {
    let mark = scratch.mark
    defer { scratch.release(to: mark) }
    var source = unsafe nas_source(
      x: tensor.x.address, type: tensor.x.type.code, scale: nil, shift: nil,
      activation: tensor.nonlinearity.rawValue, pitch: tensor.x.shape.channels,
      expansion: nil)
    if let transform = tensor.transform {
      unsafe source.scale = UnsafePointer(scratch.tensor(of: transform.scale).start)
      unsafe source.shift = UnsafePointer(scratch.tensor(of: transform.shift).start)
    }
    guard let expansion, let packed = expansion.weights.packed else { return unsafe body(&source) }
    var further = unsafe nas_expansion(
      packed: packed.tensor.start, scale: scratch.tensor(of: expansion.transform.scale).start,
      shift: scratch.tensor(of: expansion.transform.shift).start,
      activation: expansion.nonlinearity.rawValue)
    return unsafe withUnsafePointer(to: &further) { further in
      unsafe source.expansion = further
      return unsafe body(&source)
    }
  }

  /// The same for the other branch of a residual sum, which may be missing.
  func withAddend<Result>(
    _ tensor: NormalizedTensor?, _ body: (UnsafePointer<nas_source>?) -> Result
  ) -> Result {
    guard let tensor else { return body(nil) }
    return unsafe withSource(tensor) { source in unsafe body(source) }
  }
}
