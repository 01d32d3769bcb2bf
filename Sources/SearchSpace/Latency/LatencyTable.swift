/// How long the networks of a space take to classify a batch, from the times of their layers.
///
///     let table = LatencyTable(of: space, under: conditions) { kind, channels in … }
///     let timed = space.timed(by: table)
///     timed.cost(of: timed.largest).latency  // 1834217
///
/// A table is data: whoever measures hands it the times, and from then on the same network has the
/// same latency, to the nanosecond. What a network takes is predicted as
///
///     overhead + factor · (the sum of its layers' times)
///
/// Layers on their own find their weights in other caches than they do within a network, and some of
/// their work is put off to the layer behind; so overhead and factor are fitted to networks that
/// were timed whole (``calibrate(on:)``). How far the predictions are from the truth is found out on
/// other networks (``checks``).
public struct LatencyTable: Hashable, Sendable {
  /// What was timed.
  public let conditions: Conditions

  /// The layers' times, a grid for each kind.
  public private(set) var grids: [LatencyGrid]

  /// Nanoseconds that a network takes besides its layers.
  public private(set) var overhead = 0.0

  /// What the sum of the layers' times is multiplied by.
  public private(set) var factor = 1.0

  /// Networks that were timed whole, and what was predicted of them before.
  public var checks: [Check] = []

  /// How many networks were timed whole to fit ``overhead`` and ``factor``.
  public private(set) var calibrationCount = 0

  /// The place of each kind in ``grids``.
  private var places: [LayerKind: Int]

  /// What was timed, where and how.
  public struct Conditions: Hashable, Codable, Sendable {
    /// Images that are classified at a time.
    public var batch: Int
    public var threads: Int

    /// What computes, such as `native`.
    public var library: String

    /// The processor's name.
    public var processor: String

    public init(batch: Int, threads: Int, library: String, processor: String) {
      self.batch = batch
      self.threads = threads
      self.library = library
      self.processor = processor
    }
  }

  /// A network that was timed whole, and what was predicted of it before.
  public struct Check: Hashable, Codable, Sendable {
    /// Both in nanoseconds.
    public var predicted: Int
    public var measured: Int

    public init(predicted: Int, measured: Int) {
      self.predicted = predicted
      self.measured = measured
    }

    /// How far the prediction is off, as a share of what was measured.
    public var error: Double { abs(Double(predicted) / Double(max(1, measured)) - 1) }
  }

  /// A time that was measured again and again.
  public struct Sample: Hashable, Sendable {
    public var nanoseconds: Double

    /// How far apart the measurements lay: the middle half of them.
    public var spread: Double

    public init(nanoseconds: Double, spread: Double = 0) {
      self.nanoseconds = nanoseconds
      self.spread = spread
    }
  }

  // MARK: Making one

  /// The layers to time for a table of a space.
  ///
  /// - Parameter space: The space.
  /// - Returns: Grids without times.
  public static func grids(of space: SearchSpace) -> [LatencyGrid] {
    space.layerKinds.map { LatencyGrid($0.kind, over: $0.channels) }
  }

  /// Creates a table of a space.
  ///
  /// - Parameters:
  ///   - space: The space.
  ///   - conditions: Where the times come from.
  ///   - time: The time of each layer of the grids.
  public init(
    of space: SearchSpace, under conditions: Conditions,
    time: (LayerKind, LayerKind.Channels) -> Sample
  ) {
    self.conditions = conditions
    grids = Self.grids(of: space).map { empty in
      var grid = empty
      let samples = grid.points.map { time(grid.kind, $0) }
      grid.fill(samples.map(\.nanoseconds), spreads: samples.map(\.spread))
      return grid
    }
    places = Self.places(of: grids)
  }

  /// Fits ``overhead`` and ``factor`` to networks that were timed whole, by least squares of the
  /// relative errors.
  ///
  /// An overhead is never negative; where all networks are alike there is none.
  ///
  /// - Parameter networks: Networks with the nanoseconds that they take.
  public mutating func calibrate(on networks: [(network: Network, nanoseconds: Double)]) {
    (overhead, factor) = (0, 1)
    calibrationCount = networks.count
    // Each equation, overhead + factor · sum = time, is divided by its time.
    var (ones, mixed, squares, left, right) = (0.0, 0.0, 0.0, 0.0, 0.0)
    for (network, time) in networks where time > 0 {
      let (one, sum) = (1 / time, sumOfLayers(of: network) / time)
      ones += one * one
      mixed += one * sum
      squares += sum * sum
      left += one
      right += sum
    }
    guard squares > 0 else { return }
    let determinant = ones * squares - mixed * mixed
    if determinant > 1e-6 * ones * squares {
      let (constant, slope) = (
        (left * squares - right * mixed) / determinant, (right * ones - left * mixed) / determinant
      )
      if constant >= 0, slope > 0 {
        (overhead, factor) = (constant, slope)
        return
      }
    }
    factor = right / squares
  }

  // MARK: Reading it

  /// The nanoseconds in which a network classifies a batch.
  ///
  /// - Precondition: It is a network of the table's space.
  public func latency(of network: Network) -> Int {
    Int((overhead + factor * sumOfLayers(of: network)).rounded())
  }

  /// A layer's part of that of its network, in nanoseconds.
  ///
  /// - Precondition: It is a layer of the table's space.
  public func share(of layer: Layer) -> Double { factor * time(of: layer) }

  private func sumOfLayers(of network: Network) -> Double {
    network.layers.reduce(0) { $0 + time(of: $1) }
  }

  private func time(of layer: Layer) -> Double {
    let kind = LayerKind(of: layer)
    guard
      let time = places[kind].flatMap({ grids[$0].nanoseconds(of: kind.channels(of: layer)) })
    else { preconditionFailure("no time is known of \(layer.name), \(layer.input)") }
    return time
  }

  /// Whether the table has the times of all layers of a space.
  public func covers(_ space: SearchSpace) -> Bool {
    space.layerKinds.allSatisfy { kind, channels in
      guard let grid = places[kind].map({ grids[$0] }) else { return false }
      return channels.allSatisfy { grid.nanoseconds(of: $0) != nil }
    }
  }

  // MARK: How far it can be trusted

  /// The errors of the ``checks``, as shares of what was measured; `nil` if nothing was checked.
  public var error: (median: Double, worst: Double)? {
    let errors = checks.map(\.error).sorted()
    return errors.last.map { (errors[errors.count / 2], $0) }
  }

  /// How far apart the measurements of a layer usually lay, as a share of its time.
  public var medianSpread: Double {
    let shares = grids.flatMap { grid in
      zip(grid.spreads, grid.nanoseconds).map { Double($0) / Double($1) }
    }.sorted()
    return shares.isEmpty ? 0 : shares[shares.count / 2]
  }

  private static func places(of grids: [LatencyGrid]) -> [LayerKind: Int] {
    Dictionary(zip(grids.map(\.kind), grids.indices)) { first, _ in first }
  }
}

extension LatencyTable: Codable {
  private enum CodingKeys: String, CodingKey {
    case conditions, grids, overhead, factor, checks
    case calibrationCount = "calibrated_on"
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    conditions = try container.decode(Conditions.self, forKey: .conditions)
    grids = try container.decode([LatencyGrid].self, forKey: .grids)
    overhead = try container.decode(Double.self, forKey: .overhead)
    factor = try container.decode(Double.self, forKey: .factor)
    checks = try container.decode([Check].self, forKey: .checks)
    calibrationCount = try container.decode(Int.self, forKey: .calibrationCount)
    places = Self.places(of: grids)
    guard grids.allSatisfy(\.isSound), overhead >= 0, factor > 0, overhead.isFinite, factor.isFinite
    else {
      throw DecodingError.dataCorrupted(
        .init(codingPath: decoder.codingPath, debugDescription: "the times make no table"))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(conditions, forKey: .conditions)
    try container.encode(grids, forKey: .grids)
    try container.encode(overhead, forKey: .overhead)
    try container.encode(factor, forKey: .factor)
    try container.encode(checks, forKey: .checks)
    try container.encode(calibrationCount, forKey: .calibrationCount)
  }
}

extension SearchSpace {
  /// The space in which networks have the latencies that a table predicts.
  ///
  /// - Precondition: The table covers the space (``LatencyTable/covers(_:)``).
  public func timed(by table: LatencyTable) -> SearchSpace {
    var space = self
    space.latencies = table
    return space
  }

  /// Whether ``cost(of:)`` tells latencies.
  public var isTimed: Bool { cost(of: largest).latency != nil }

  /// What a layer of the space costs, and a network besides its layers.
  func layerCosts(
    in metric: Cost.Metric
  ) -> (overhead: Double, cost: (Layer) -> Double) {
    guard metric == .latency else { return (0, { Double($0.cost[metric]) }) }
    guard let latencies else { preconditionFailure("no table times \(name)") }
    return (latencies.overhead, latencies.share)
  }
}
