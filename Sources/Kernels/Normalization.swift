import CKernels

/// Mean and variance of each channel over all pixels of a batch.
public struct ChannelStatistics: Hashable, Codable, Sendable {
  public var mean: [Float]

  /// The mean squared distance from the mean, divided by the number of pixels.
  public var variance: [Float]

  public init(mean: [Float], variance: [Float]) {
    self.mean = mean
    self.variance = variance
  }

  /// The statistics of what is not normalised: mean 0.
  public static func none(channels: Int) -> ChannelStatistics {
    ChannelStatistics(
      mean: [Float](repeating: 0, count: channels),
      variance: [Float](repeating: 1, count: channels))
  }
}

/// What is added to a variance before its root divides.
public let normalizationEpsilon: Float = 1e-5

/// Sums over all pixels, from which the gradient of a batch normalisation follows.
public struct GradientSums: Hashable, Sendable {
  /// Of each channel's gradient.
  public var gradient: [Double]

  /// Of each channel's gradient times (x - mean).
  public var product: [Double]

  public init(gradient: [Double], product: [Double]) {
    self.gradient = gradient
    self.product = product
  }
}

/// The gradient of what a convolution computed, by way of the normalisation behind it.
public struct NormalizationGradient {
  /// The gradient of the normalised values.
  public let gradient: Tensor

  /// What was normalised.
  public let x: Tensor

  /// gradient · a + x · b + c is the gradient of `x`, channel by channel.
  let a, b, c: [Float]

  /// The gradient of the learnt scale γ.
  public let scale: [Float]

  /// The gradient of the learnt shift β.
  public let shift: [Float]

  /// Derives the gradient of batch normalisation.
  ///
  /// With x̂ = (x - mean) / deviation and n pixels:
  ///
  ///     dx = γ / deviation · (g - Σg / n - x̂ · Σ(g · x̂) / n) = a · g + b · x + c
  ///
  /// - Parameters:
  ///   - gradient: The gradient g of the normalised values.
  ///   - x: What was normalised.
  ///   - sums: The sums of the gradient.
  ///   - statistics: The statistics of `x` that it was normalised with.
  ///   - scale: γ
  public init(
    _ gradient: Tensor, of x: Tensor, sums: GradientSums, statistics: ChannelStatistics,
    scale: [Float]
  ) {
    precondition(gradient.shape == x.shape, "\(gradient.shape) is no gradient of \(x.shape)")
    self.gradient = gradient
    self.x = x
    let rows = Double(x.shape.rows)
    var scaleGradient = [Float](repeating: 0, count: scale.count)
    var shiftGradient = scaleGradient
    var a = scaleGradient
    var b = scaleGradient
    var c = scaleGradient
    for channel in scale.indices {
      let mean = Double(statistics.mean[channel])
      let inverse = 1 / Double(statistics.variance[channel] + normalizationEpsilon).squareRoot()
      let sum = sums.gradient[channel]
      let product = sums.product[channel] * inverse
      scaleGradient[channel] = Float(product)
      shiftGradient[channel] = Float(sum)
      let factor = Double(scale[channel]) * inverse
      let slope = -factor * inverse * product / rows
      a[channel] = Float(factor)
      b[channel] = Float(slope)
      c[channel] = Float(-factor * sum / rows - slope * mean)
    }
    (self.a, self.b, self.c) = (a, b, c)
    self.scale = scaleGradient
    self.shift = shiftGradient
  }

  /// The gradient where a bias is added instead: that of `x` is the same.
  ///
  /// - Parameters:
  ///   - gradient: The gradient of the sum.
  ///   - x: What the bias was added to.
  ///   - sums: The sums of the gradient; ``shift`` is the bias's.
  public init(_ gradient: Tensor, ofBiased x: Tensor, sums: GradientSums) {
    let zeros = sums.gradient.map { _ in Float(0) }
    self.init(
      gradient: gradient, x: x, a: zeros.map { _ in 1 }, b: zeros, c: zeros, scale: zeros,
      shift: sums.gradient.map { Float($0) })
  }

  init(
    gradient: Tensor, x: Tensor, a: [Float], b: [Float], c: [Float], scale: [Float],
    shift: [Float]
  ) {
    precondition(gradient.shape == x.shape, "\(gradient.shape) is no gradient of \(x.shape)")
    self.gradient = gradient
    self.x = x
    (self.a, self.b, self.c) = (a, b, c)
    self.scale = scale
    self.shift = shift
  }
}

/// Where the gradient of an activation goes.
public struct GradientSink {
  /// Takes the gradient.
  public let gradient: Tensor

  /// Whether it is added to what lies there.
  public let adds: Bool

  /// Set for the last contribution: the gradient then goes on through the nonlinearity.
  public let finish: Finish?

  public init(_ gradient: Tensor, adds: Bool, finish: Finish? = nil) {
    self.gradient = gradient
    self.adds = adds
    self.finish = finish
  }

  /// What the gradient of a normalised activation needs to become that of its normalisation.
  public struct Finish {
    /// What was applied to the normalised values.
    public let nonlinearity: Nonlinearity

    /// What was normalised.
    public let x: Tensor

    /// Its mean.
    public let mean: [Float]

    public init(nonlinearity: Nonlinearity, x: Tensor, mean: [Float]) {
      self.nonlinearity = nonlinearity
      self.x = x
      self.mean = mean
    }
  }
}

extension Engine {
  /// Returns mean and variance of each channel of `x`, which is of single precision.
  public func statistics(of x: Tensor) -> ChannelStatistics {
    let mark = scratch.mark
    defer { scratch.release(to: mark) }
    let channels = x.shape.channels
    var mean = [Float](repeating: 0, count: channels)
    var variance = mean
    unsafe nas_channel_statistics(
      x.start, x.shape.rows, channels, &mean, &variance,
      scratch.room(nas_stream_scratch(channels)))
    return ChannelStatistics(mean: mean, variance: variance)
  }

  /// Writes the gradient of what was normalised, in single precision.
  public func gather(_ gradient: NormalizationGradient, into y: Tensor) {
    precondition(y.count == gradient.x.count, "\(y.shape) read from \(gradient.x.shape)")
    unsafe withGradient(gradient) { description in
      unsafe nas_gather_gradient(
        description, gradient.x.shape.rows, gradient.x.shape.channels, y.start)
    }
  }

  /// Writes a normalised tensor, with the other branch of a residual sum before the nonlinearity.
  ///
  /// - Parameters:
  ///   - x: What is normalised.
  ///   - addend: The other branch, of the same shape.
  ///   - y: The result; it may be `x` itself.
  public func normalize(
    _ x: NormalizedTensor, adding addend: NormalizedTensor? = nil, into y: Tensor
  ) {
    precondition(x.transform != nil, "a tensor that is final is not normalised")
    precondition(y.count == x.shape.count, "\(y.shape) normalised from \(x.shape)")
    precondition(addend.map { $0.shape == x.shape } ?? true, "an addend of another shape")
    let mark = scratch.mark
    defer { scratch.release(to: mark) }
    let channels = x.shape.channels
    let room = unsafe scratch.room(nas_stream_scratch(channels))
    unsafe withSource(x) { source in
      unsafe withAddend(addend) { addend in
        unsafe nas_normalize(
          source, addend, x.shape.rows, channels, y.address, y.type.code, room)
      }
    }
  }

  /// Takes a gradient that lies in place on through the nonlinearity of `value`.
  ///
  /// - Returns: Its sums.
  public func finishGradient(of value: NormalizedTensor, _ sink: GradientSink) -> GradientSums? {
    let mark = scratch.mark
    defer { scratch.release(to: mark) }
    let channels = value.shape.channels
    let room = unsafe scratch.room(nas_stream_scratch(channels))
    return unsafe withSource(value) { source in
      unsafe withSink(sink, of: value) { sink in
        unsafe nas_give_gradient(nil, source, sink, value.shape.rows, channels, room)
      }
    }
  }

  /// Gives a gradient's destination to a C function and returns the sums that it left.
  func withSink(
    _ sink: GradientSink, of value: NormalizedTensor, _ body: (UnsafePointer<nas_sink>) -> Void
  ) -> GradientSums? {
    let mark = scratch.mark
    defer { scratch.release(to: mark) }
    let channels = sink.gradient.shape.channels
    precondition(value.x.type == sink.gradient.type, "a gradient of another type")
    var sums = [Double](repeating: 0, count: 2 * channels)
    unsafe sums.withUnsafeMutableBufferPointer { sums in
      var description = unsafe nas_sink(
        gradient: sink.gradient.address, type: sink.gradient.type.code,
        adds: sink.adds ? 1 : 0, finishes: 0, activation: 0, x: nil, mean: nil,
        sums: sums.baseAddress)
      if let finish = sink.finish {
        precondition(finish.x.shape == sink.gradient.shape, "the gradient of another shape")
        precondition(finish.x.type == sink.gradient.type, "a gradient of another type")
        unsafe description.finishes = 1
        unsafe description.activation = finish.nonlinearity.rawValue
        unsafe description.x = UnsafeRawPointer(finish.x.address)
        unsafe description.mean = UnsafePointer(scratch.tensor(of: finish.mean).start)
      }
      unsafe body(&description)
    }
    guard sink.finish != nil else { return nil }
    return GradientSums(
      gradient: Array(sums[..<channels]), product: Array(sums[channels...]))
  }

  /// Gives a normalisation's gradient to a C function.
  func withGradient(
    _ gradient: NormalizationGradient, _ body: (UnsafePointer<nas_gradient>) -> Void
  ) {
    let mark = scratch.mark
    defer { scratch.release(to: mark) }
    precondition(gradient.gradient.type == gradient.x.type, "a gradient of another type")
    var description = unsafe nas_gradient(
      gradient: gradient.gradient.address, x: gradient.x.address,
      type: gradient.x.type.code, a: scratch.tensor(of: gradient.a).start,
      b: scratch.tensor(of: gradient.b).start, c: scratch.tensor(of: gradient.c).start)
    unsafe body(&description)
  }
}
