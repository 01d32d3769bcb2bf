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

/// Mean and variance of each channel over all pixels of a batch.
public struct ChannelStatistics: Hashable, Codable, Sendable {
  public var mean: [Float]

  /// The mean squared distance from the mean, divided by the number of pixels.
  public var variance: [Float]

  public init(mean: [Float], variance: [Float]) {
    self.mean = mean
    self.variance = variance
  }
}

/// What is added to a variance before its root divides.
public let normalizationEpsilon: Float = 1e-5

extension Engine {
  /// Returns mean and variance of each channel of `x`.
  public func statistics(of x: Tensor) -> ChannelStatistics {
    let channels = x.shape.channels
    let rows = x.shape.rows
    var sums = [Double](repeating: 0, count: 2 * channels)
    var partial = [Double](repeating: 0, count: 2 * channels * Engine.threads)
    unsafe nas_channel_sums(x.start, rows, channels, &sums, &partial)
    // The sums are those of x less its first pixel.
    var mean = [Float](repeating: 0, count: channels)
    var variance = mean
    for channel in 0..<channels {
      let offset = sums[channel] / Double(rows)
      mean[channel] = unsafe Float(Double(x.start[channel]) + offset)
      variance[channel] = Float(max(0, sums[channels + channel] / Double(rows) - offset * offset))
    }
    return ChannelStatistics(mean: mean, variance: variance)
  }

  /// Writes `nonlinearity(x · scale + shift + addend)` into `y`.
  ///
  /// - Parameters:
  ///   - x: What a convolution computed.
  ///   - scale: A factor for each channel.
  ///   - shift: An offset for each channel.
  ///   - addend: The other branch of a residual sum, of the same shape.
  ///   - nonlinearity: The function applied last.
  ///   - y: The result; it may be `x` itself.
  public func normalize(
    _ x: Tensor, scale: [Float], shift: [Float], addend: Tensor? = nil,
    nonlinearity: Nonlinearity, into y: Tensor
  ) {
    let channels = x.shape.channels
    precondition(scale.count == channels && shift.count == channels, "one factor a channel")
    precondition(y.count == x.count, "\(y.shape) normalised from \(x.shape)")
    precondition(addend.map { $0.count == x.count } ?? true, "an addend of another shape")
    unsafe nas_normalize(
      x.start, x.shape.rows, channels, scale, shift, addend?.start, nonlinearity.rawValue, y.start
    )
  }

  /// The backward pass of batch normalisation with its residual sum and nonlinearity.
  ///
  /// - Parameters:
  ///   - gradient: The gradient of `y`. Becomes that of what the nonlinearity was applied to,
  ///     which is also the gradient of the addend.
  ///   - x: What was normalised.
  ///   - y: What came of it.
  ///   - statistics: The statistics of `x` that it was normalised with.
  ///   - scale: The learnt scale γ of each channel.
  ///   - nonlinearity: The function applied last.
  ///   - inputGradient: Becomes the gradient of `x`; it may be `gradient` itself if the addend's
  ///     gradient is not needed.
  /// - Returns: The gradients of scale and shift.
  public func normalizeBackward(
    gradient: Tensor, x: Tensor, y: Tensor, statistics: ChannelStatistics, scale: [Float],
    nonlinearity: Nonlinearity, into inputGradient: Tensor
  ) -> (scale: [Float], shift: [Float]) {
    let channels = x.shape.channels
    let rows = x.shape.rows
    precondition(scale.count == channels, "one scale a channel")
    precondition(
      gradient.count == x.count && y.count == x.count && inputGradient.count == x.count,
      "the gradient of another shape")
    var sums = [Double](repeating: 0, count: 2 * channels)
    var partial = [Double](repeating: 0, count: 2 * channels * Engine.threads)
    unsafe nas_normalize_backward_sums(
      gradient.start, x.start, y.start, rows, channels, statistics.mean, nonlinearity.rawValue,
      &sums, &partial)

    // With x̂ = (x - mean) / deviation and n pixels:
    //   dx = γ / deviation · (g - Σg / n - x̂ · Σ(g · x̂) / n) = a · g + b · x + c
    var scaleGradient = [Float](repeating: 0, count: channels)
    var shiftGradient = scaleGradient
    var a = scaleGradient
    var b = scaleGradient
    var c = scaleGradient
    for channel in 0..<channels {
      let mean = Double(statistics.mean[channel])
      let inverse = 1 / Double(statistics.variance[channel] + normalizationEpsilon).squareRoot()
      let sum = sums[channel]
      let product = sums[channels + channel] * inverse
      scaleGradient[channel] = Float(product)
      shiftGradient[channel] = Float(sum)
      let factor = Double(scale[channel]) * inverse
      let slope = -factor * inverse * product / Double(rows)
      a[channel] = Float(factor)
      b[channel] = Float(slope)
      c[channel] = Float(-factor * sum / Double(rows) - slope * mean)
    }
    unsafe nas_normalize_backward_apply(
      gradient.start, x.start, rows, channels, a, b, c, inputGradient.start)
    return (scaleGradient, shiftGradient)
  }
}
