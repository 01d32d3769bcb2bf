public import Kernels
import Networks
public import SearchSpace

/// Times the layers of a space's networks, and some networks whole, for a ``LatencyTable``.
///
/// What is timed is what classifies a batch with known statistics: normalisations folded into
/// convolutions, in single precision. Weights are such that no number on the way becomes tiny, which
/// would take longer; the images do not matter.
///
/// A time is made so that neither another program's turn nor a processor that changes its speed
/// decides it:
///
/// - Each subject, a layer or a network, is made anew and run once unmeasured; then it is run for a
///   while, and the lower quartile of these runs is one measurement.
/// - All subjects take their turns in rounds, each round in an order of its own.
/// - Of a subject's measurements the lower quartile counts, and the distance of the quartiles is the
///   spread.
/// - One thread computes unless more are asked for: two that wait for each other a hundred times in a
///   network take as long as whatever else the slower one's core has to do.
public struct LatencyMeter {
  public let space: SearchSpace
  public let settings: Settings

  private let backend: Engine.Backend
  private let layers: [LayerSubject]
  private let networks: [Network]
  private let clock = ContinuousClock()

  /// How thoroughly is measured.
  public struct Settings: Hashable, Sendable {
    /// How often every subject has its turn.
    public var rounds = 7

    /// How many networks are timed whole to fit the predictions to.
    public var calibrationNetworks = 16

    /// How many others are timed whole to find out how good predictions are.
    public var checkedNetworks = 16

    /// Images that are classified at a time.
    public var batch = 1

    /// How many threads compute.
    public var threads = 1

    /// What random networks are drawn from.
    public var seed: UInt64 = 1

    public init() {}

    /// A quick look, from which no search should begin.
    public static var glance: Settings {
      var settings = Settings()
      settings.rounds = 1
      settings.calibrationNetworks = 6
      settings.checkedNetworks = 6
      return settings
    }
  }

  private struct LayerSubject {
    let kind: LayerKind
    let channels: LayerKind.Channels
  }

  /// Finds out what is to be timed.
  ///
  /// The networks are drawn so that small and large ones are about equally frequent, none twice; the
  /// smallest and the largest are among those that predictions are fitted to.
  public init(of space: SearchSpace, backend: Engine.Backend, settings: Settings = Settings()) {
    self.space = space
    self.settings = settings
    self.backend = backend
    layers = LatencyTable.grids(of: space).flatMap { grid in
      grid.points.map { LayerSubject(kind: grid.kind, channels: $0) }
    }
    var seen: Set<String> = []
    var networks: [Network] = []
    func add(_ architecture: Architecture) {
      guard seen.insert(space.key(of: architecture)).inserted else { return }
      networks.append(space.network(of: architecture))
    }
    add(space.smallest)
    add(space.largest)
    var generator = SeededGenerator(seed: settings.seed, stream: "latency")
    let range = CostRange(of: .macs, in: space)
    let wanted = settings.calibrationNetworks + settings.checkedNetworks
    if let sampler = try? ArchitectureSampler(of: space, within: []) {
      for _ in 0..<20 * wanted where networks.count < wanted {
        add(sampler.randomArchitecture(uniformlyOver: range, using: &generator))
      }
    }
    self.networks = networks
  }

  /// How many layers are timed.
  public var layerCount: Int { layers.count }

  /// How many networks are timed whole.
  public var networkCount: Int { networks.count }

  /// Measures.
  ///
  /// - Parameters:
  ///   - processor: The processor's name, for the record.
  ///   - tell: Told after each measurement how many are done, and of how many.
  ///   - isStopping: Asked after each measurement whether to give up.
  /// - Returns: The table; `nil` if it was given up.
  /// - Throws: ``KernelError`` if a kernel fails.
  public func measure(
    processor: String, tell: (_ done: Int, _ count: Int) -> Void = { _, _ in },
    isStopping: () -> Bool = { false }
  ) throws(KernelError) -> LatencyTable? {
    let times = try Engine.withThreads(settings.threads) { () throws(KernelError) in
      try measureTimes(tell: tell, isStopping: isStopping)
    }
    return times.map { table(of: $0, processor: processor) }
  }

  /// The measurements of each subject: of all layers, then of all networks.
  private func measureTimes(
    tell: (_ done: Int, _ count: Int) -> Void, isStopping: () -> Bool
  ) throws(KernelError) -> [[Double]]? {
    let engine = try Engine(backend: backend)
    let count = layers.count + networks.count
    var times = [[Double]](repeating: [], count: count)
    var generator = SeededGenerator(seed: settings.seed, stream: "latency rounds")
    var done = 0
    for _ in 0..<settings.rounds {
      for subject in (0..<count).shuffled(using: &generator) {
        times[subject].append(
          subject < layers.count
            ? try time(layers[subject], engine) : try time(networks[subject - layers.count], engine)
        )
        done += 1
        if isStopping() { return nil }
        tell(done, settings.rounds * count)
      }
    }
    return times
  }

  /// What all measurements come to.
  private func table(of times: [[Double]], processor: String) -> LatencyTable {
    var known: [LayerKind: [LayerKind.Channels: LatencyTable.Sample]] = [:]
    for (subject, times) in zip(layers, times) {
      known[subject.kind, default: [:]][subject.channels] = Self.sample(times)
    }
    let conditions = LatencyTable.Conditions(
      batch: settings.batch, threads: settings.threads, library: backend.rawValue,
      processor: processor)
    var table = LatencyTable(of: space, under: conditions) { kind, channels in
      guard let sample = known[kind]?[channels] else {
        preconditionFailure("a layer was not timed")
      }
      return sample
    }
    let whole = zip(networks, times.dropFirst(layers.count)).map { network, times in
      (network: network, nanoseconds: Self.sample(times).nanoseconds)
    }
    // Of a few networks one half is kept to check with.
    let fitted = min(settings.calibrationNetworks, (whole.count + 1) / 2)
    table.calibrate(on: Array(whole.prefix(fitted)))
    table.checks = whole.dropFirst(fitted).map { network, nanoseconds in
      LatencyTable.Check(
        predicted: table.latency(of: network), measured: Int(nanoseconds.rounded()))
    }
    return table
  }

  /// What measurements of one subject come to.
  private static func sample(_ times: [Double]) -> LatencyTable.Sample {
    let low = times.quantile(0.25)
    return LatencyTable.Sample(nanoseconds: low, spread: times.quantile(0.75) - low)
  }

  // MARK: One measurement

  private func time(_ subject: LayerSubject, _ engine: Engine) throws(KernelError) -> Double {
    let layer = subject.kind.layer(of: subject.channels)
    let runner = try runner(of: [layer], engine)
    let input = runner.arena.pattern(layer.input.tensorShape(batch: settings.batch))
    let operand = subject.kind.operand(of: layer).map {
      NormalizedTensor(runner.arena.pattern($0.tensorShape(batch: settings.batch)))
    }
    let statistics = ChannelStatistics.none(channels: layer.output.channels)
    return try usualTime(on: runner) { () throws(KernelError) in
      _ = try runner.compute(layer, input: NormalizedTensor(input), operand: operand) {
        .fixed(statistics)
      }
    }
  }

  private func time(_ network: Network, _ engine: Engine) throws(KernelError) -> Double {
    let runner = try runner(of: network.layers, engine)
    let images = runner.arena.pattern(network.input.tensorShape(batch: settings.batch))
    let statistics = network.layers.map { layer in
      layer.isNormalized ? ChannelStatistics.none(channels: layer.output.channels) : nil
    }
    return try usualTime(on: runner) { () throws(KernelError) in
      _ = try runner.outputs(of: network, images: images, statistics: statistics)
    }
  }

  private func runner(of layers: [Layer], _ engine: Engine) throws(KernelError) -> NetworkRunner {
    let parameters = try Parameters(of: layers)
    for entry in parameters.entries {
      parameters.set(entry, to: Pattern.values(entry.count, deviation: entry.usualDeviation))
    }
    return try NetworkRunner(engine: engine, parameters: parameters)
  }

  /// Nanoseconds for which a subject is run again and again, but for those that take long.
  private static let patience = 600_000.0

  /// How often it is run at least and at most.
  private static let runs = 3...40

  /// The lower quartile of the nanoseconds that some runs take, after one that does not count.
  private func usualTime(
    on runner: NetworkRunner, _ body: () throws(KernelError) -> Void
  ) throws(KernelError) -> Double {
    let mark = runner.arena.mark
    var times: [Double] = []
    var sum = 0.0
    try body()
    runner.arena.release(to: mark)
    while times.count < Self.runs.lowerBound
      || (sum < Self.patience && times.count < Self.runs.upperBound)
    {
      let start = clock.now
      try body()
      let duration = (clock.now - start).components
      runner.arena.release(to: mark)
      times.append(Double(duration.seconds) * 1e9 + Double(duration.attoseconds) * 1e-9)
      sum += times[times.count - 1]
    }
    return times.quantile(0.25)
  }
}

extension [Double] {
  /// The element that such a share of all are below.
  fileprivate func quantile(_ share: Double) -> Double {
    sorted()[Swift.min(count - 1, Int(share * Double(count)))]
  }
}

/// Numbers that are neither all alike nor tiny, and cost no time to draw.
private enum Pattern {
  /// Once drawn from a normal distribution of deviation 1.
  private static let drawn: [Float] = {
    var generator = SeededGenerator(seed: 1, stream: "latency pattern")
    return (0..<4096).map { _ in Float(generator.normal()) }
  }()

  static func values(_ count: Int, deviation: Float?) -> [Float] {
    guard let deviation else { return [Float](repeating: 1, count: count) }
    return (0..<count).map { deviation * drawn[$0 & 4095] }
  }
}

extension Arena {
  fileprivate func pattern(_ shape: TensorShape) -> Tensor {
    let tensor = tensor(shape)
    tensor.copy(Pattern.values(shape.count, deviation: 1))
    return tensor
  }
}

extension Parameters.Entry {
  /// The deviation of such numbers in a network as it is drawn; `nil` where they are all 1.
  fileprivate var usualDeviation: Float? {
    switch kind {
    case .convolution, .depthwiseConvolution, .linear:
      (2 / Float(max(1, sizes.dropFirst().reduce(1, *)))).squareRoot()
    case .bias, .normalizationShift: 0.1
    case .normalizationScale: nil
    }
  }
}
