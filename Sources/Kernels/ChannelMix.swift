import CKernels

/// Weighted sums of channels: for each channel computed, a few channels read and a factor for each.
public struct ChannelMix: Hashable, Sendable {
  /// How many channels are read.
  public let inputs: Int

  /// How many are computed.
  public let outputs: Int

  /// How many terms each sum has; some of them may have a factor of zero.
  public let taps: Int

  // The terms, those of one tap next to each other.
  private let sources: [Int32]
  private let factors: [Float]

  /// One term of a sum.
  public struct Term: Hashable, Sendable {
    /// The channel read.
    public var source: Int

    public var factor: Float

    public init(source: Int, factor: Float) {
      self.source = source
      self.factor = factor
    }
  }

  /// Creates sums from their terms.
  ///
  /// - Parameters:
  ///   - inputs: How many channels are read.
  ///   - sums: For each channel computed, its terms.
  public init(inputs: Int, sums: [[Term]]) {
    precondition(
      sums.allSatisfy { $0.allSatisfy { (0..<inputs).contains($0.source) } },
      "a channel that there is not")
    self.inputs = inputs
    outputs = sums.count
    let taps = sums.reduce(1) { max($0, $1.count) }
    var sources = [Int32](repeating: 0, count: taps * sums.count)
    var factors = [Float](repeating: 0, count: taps * sums.count)
    for (output, terms) in sums.enumerated() {
      for (tap, term) in terms.enumerated() {
        sources[tap * sums.count + output] = Int32(term.source)
        factors[tap * sums.count + output] = term.factor
      }
    }
    (self.taps, self.sources, self.factors) = (taps, sources, factors)
  }

  /// What a sum's gradient leaves besides that of what was read.
  public struct Slopes: Hashable, Sendable {
    fileprivate let outputs: Int
    fileprivate let sums: [Double]

    /// The sum over all pixels of an output's gradient times what one of its terms read, less the
    /// centre of that channel.
    public func product(output: Int, tap: Int) -> Double { sums[tap * outputs + output] }

    /// The sum over all pixels of an output's gradient.
    public func total(output: Int) -> Double { sums[sums.count - outputs + output] }
  }

  /// Takes the products of gradients from centres instead of zero.
  fileprivate func center(_ sums: inout [Double], at center: [Float]) {
    for place in sources.indices {
      sums[place] -=
        Double(center[Int(sources[place])]) * sums[taps * outputs + place % outputs]
    }
  }

  /// The sums that a gradient goes back through: for each channel read, the channels computed from
  /// it with the same factors.
  fileprivate var reversed: ChannelMix {
    var terms = [[Term]](repeating: [], count: inputs)
    for place in factors.indices where factors[place] != 0 {
      terms[Int(sources[place])].append(
        Term(source: place % outputs, factor: factors[place]))
    }
    return ChannelMix(inputs: outputs, sums: terms)
  }

  fileprivate func withDescription<Result>(
    rows: Int, _ body: (UnsafePointer<nas_channel_mix>) -> Result
  ) -> Result {
    unsafe sources.withUnsafeBufferPointer { sources in
      unsafe factors.withUnsafeBufferPointer { factors in
        var description = unsafe nas_channel_mix(
          rows: rows, inputs: inputs, outputs: outputs, taps: taps, source: sources.baseAddress,
          factor: factors.baseAddress)
        return unsafe body(&description)
      }
    }
  }
}

extension Engine {
  /// Writes sums of channels, all of single precision.
  ///
  /// - Parameters:
  ///   - mix: The sums.
  ///   - x: What is read.
  ///   - shift: A number for each channel computed that is added, if there is one.
  ///   - adds: Whether the result is added to what lies in `y`.
  ///   - y: The result, of as many pixels as `x`.
  public func mix(
    _ mix: ChannelMix, _ x: Tensor, shift: [Float]? = nil, adds: Bool = false, into y: Tensor
  ) {
    precondition(
      x.shape.rows == y.shape.rows && x.shape.channels == mix.inputs
        && y.shape.channels == mix.outputs, "\(y.shape) mixed from \(x.shape)")
    precondition(shift.map { $0.count == mix.outputs } ?? true, "one offset a channel")
    unsafe mix.withDescription(rows: x.shape.rows) { description in
      unsafe nas_mix_channels(description, x.start, shift, adds ? 1 : 0, y.start)
    }
  }

  /// Writes the gradient of what sums of channels read, all of single precision.
  ///
  /// - Parameters:
  ///   - mix: The sums.
  ///   - x: What was read.
  ///   - center: A number for each channel read that its products are taken from, such as its mean.
  ///   - outputGradient: The gradient of the sums.
  ///   - inputGradient: Becomes that of `x`.
  /// - Returns: Sums over all pixels from which the gradients of the factors follow.
  public func mixBackward(
    _ mix: ChannelMix, _ x: Tensor, center: [Float]? = nil, outputGradient: Tensor,
    into inputGradient: Tensor
  ) -> ChannelMix.Slopes {
    precondition(
      x.count == inputGradient.count && x.shape.rows == outputGradient.shape.rows
        && x.shape.channels == mix.inputs && outputGradient.shape.channels == mix.outputs,
      "\(outputGradient.shape) is no gradient of a mix of \(x.shape)")
    precondition(center.map { $0.count == mix.inputs } ?? true, "one centre a channel")
    let mark = scratch.mark
    defer { scratch.release(to: mark) }
    self.mix(mix.reversed, outputGradient, into: inputGradient)
    var sums = [Double](repeating: 0, count: (mix.taps + 1) * mix.outputs)
    unsafe mix.withDescription(rows: x.shape.rows) { description in
      unsafe nas_mix_products(
        description, x.start, outputGradient.start, &sums,
        scratch.room(nas_mix_scratch(description)))
    }
    if let center { mix.center(&sums, at: center) }
    return ChannelMix.Slopes(outputs: mix.outputs, sums: sums)
  }
}
