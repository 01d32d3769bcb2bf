/// What a network costs.
///
/// The convention, the same wherever a cost is named: MACs are the multiply-adds of convolutions
/// and linear layers for one image; biases, normalisation, activations, sums, gates and pooling are
/// not counted. Parameters are weights, biases, and the scale and shift of each normalisation; the
/// statistics of normalisations are not parameters. Latency is the time in which one batch is
/// classified; it cannot be counted, so it is known only where a ``LatencyTable`` tells it.
public struct Cost: Hashable, Codable, Sendable {
  private enum CodingKeys: String, CodingKey {
    case macs
    case parameters = "params"
    case latency = "latency_ns"
  }

  /// Multiply-adds for one image.
  public var macs: Int

  /// Trained numbers.
  public var parameters: Int

  /// Nanoseconds in which a batch is classified; `nil` where no table tells.
  public var latency: Int?

  public init(macs: Int, parameters: Int, latency: Int? = nil) {
    self.macs = macs
    self.parameters = parameters
    self.latency = latency
  }

  /// The sum of what is counted, which latency is not.
  public static func + (left: Cost, right: Cost) -> Cost {
    Cost(macs: left.macs + right.macs, parameters: left.parameters + right.parameters)
  }

  /// The cost in the unit of a budget.
  ///
  /// - Precondition: It is known, as counted costs always are.
  public subscript(metric: Metric) -> Int {
    switch metric {
    case .macs: return macs
    case .parameters: return parameters
    case .latency:
      guard let latency else { preconditionFailure("no table tells the latency of this network") }
      return latency
    }
  }

  /// A cost that a budget can limit.
  public enum Metric: String, Hashable, Codable, Sendable, CaseIterable {
    case macs
    case parameters = "params"
    case latency

    /// A cost as it is written in search files: a latency with its unit, such as `1.5ms`.
    ///
    /// Nothing is rounded, so that it reads back as the same number.
    public func text(of value: Int) -> String {
      guard self == .latency, value > 0 else { return "\(value)" }
      let (unit, size, digits) =
        value < 1000 ? ("ns", 1, 0) : value < 1_000_000 ? ("us", 1000, 3) : ("ms", 1_000_000, 6)
      var fraction = String(value % size)
      fraction = String(repeating: "0", count: max(0, digits - fraction.count)) + fraction
      while fraction.last == "0" { fraction.removeLast() }
      return "\(value / size)" + (fraction.isEmpty ? "" : ".\(fraction)") + unit
    }
  }
}

/// An upper limit of one cost.
public struct Budget: Hashable, Codable, Sendable, CustomStringConvertible {
  public var metric: Cost.Metric

  /// The largest cost allowed.
  public var limit: Int

  public init(_ metric: Cost.Metric, atMost limit: Int) {
    self.metric = metric
    self.limit = limit
  }

  /// Whether a network of this cost keeps to the budget.
  ///
  /// - Precondition: The cost that the budget limits is known.
  public func admits(_ cost: Cost) -> Bool { cost[metric] <= limit }

  public var description: String { "\(metric.rawValue) ≤ \(metric.text(of: limit))" }
}

extension Layer {
  /// The layer's own cost.
  public var cost: Cost {
    switch operation {
    case .convolution(let convolution):
      let groups = convolution.grouping.count(channels: input.channels)
      let weights =
        convolution.kernel * convolution.kernel * output.channels * (input.channels / groups)
      let others =
        switch convolution.completion {
        case .normalization: 2 * output.channels
        case .bias: output.channels
        case .none: 0
        }
      return Cost(macs: weights * output.height * output.width, parameters: weights + others)
    case .normalize:
      return Cost(macs: 0, parameters: 2 * output.channels)
    case .linear:
      let weights = input.count * output.channels
      return Cost(macs: weights, parameters: weights + output.channels)
    case .activate, .pool, .globalAveragePool, .scale, .concatenate:
      return Cost(macs: 0, parameters: 0)
    }
  }

  /// Bytes of what the layer computes for one image in single precision.
  public var outputBytes: Int { output.bytes }
}

extension Shape {
  /// Bytes of one image's activation in single precision.
  fileprivate var bytes: Int { count * MemoryLayout<Float>.stride }
}

extension [Layer] {
  /// The sum of the layers' costs.
  public var cost: Cost { reduce(Cost(macs: 0, parameters: 0)) { $0 + $1.cost } }
}

extension Network {
  /// The sum of the layers' costs.
  public var cost: Cost { layers.cost }

  /// The most bytes that activations take at one time, for one image in single precision.
  ///
  /// A value lies in memory from where it is computed to where it is last read, the image from the
  /// start; a layer needs what it reads and what it computes together. What an engine fuses or
  /// sets aside for itself is not counted.
  public var activationMemory: Int {
    var lastReaders: [Value: Int] = [:]
    for (index, layer) in layers.enumerated() {
      lastReaders[layer.source] = index
      if let operand = layer.operand { lastReaders[operand] = index }
    }
    var alive = input.bytes
    var most = alive
    for (index, layer) in layers.enumerated() {
      alive += layer.outputBytes
      most = max(most, alive)
      for value in Set([layer.source, layer.operand].compactMap { $0 })
      where lastReaders[value] == index {
        alive -= shape(of: value).bytes
      }
    }
    return most
  }
}
