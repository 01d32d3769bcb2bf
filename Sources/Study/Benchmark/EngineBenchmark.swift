import Datasets
import Evaluator
public import Kernels
import Networks
public import SearchSpace

/// How long the engine takes for the work of a search, on random images.
///
/// The work is that of `Benchmarks/peer.py`, down to the subnets drawn, so that the two can be
/// compared:
///
/// - A *step* trains a supernet of 32×32 colour images with 10 classes by the sandwich rule:
///   largest, smallest and two random subnets on one batch, taught in place.
/// - A *candidate* is a random subnet: statistics gathered over 1,024 images, 2,048 classified.
/// - A *greedy step* is one of AutoSlim's: each width in turn a notch narrower, 1,024 images with
///   the batch's own statistics, all networks asked for at once.
///
/// Widths are multiples of four from a quarter of the family's up. Times are those of the library's
/// own calls, with whatever they do beside arithmetic.
public struct EngineBenchmark: Sendable {
  public let network: Network
  public let precision: Precision
  public let settings: Settings

  /// How much is measured.
  public struct Settings: Hashable, Sendable {
    /// Steps measured, after one that is not; with 0 nothing is trained.
    public var steps = 4

    /// Images in a step, and computed at a time in scoring.
    public var batch = 128

    /// What the widths of the family's table are multiplied by.
    public var width = 1.0

    /// How many networks are scored together: as many as there are widths is a greedy step; `nil`
    /// scores none.
    public var together: Together?

    public init() {}

    /// How many networks are scored together.
    public enum Together: Hashable, Sendable {
      /// Each width in turn a notch narrower.
      case greedyStep
      /// So many, by the rule of ``NarrowedNetworks``.
      case candidates(Int)
    }
  }

  /// What the engine computes in; the raw value is the key in the results.
  public enum Precision: String, Hashable, Sendable, CaseIterable {
    case float32 = "f32"
    case bfloat16 = "bf16"

    /// How activations lie in memory.
    public var elementType: ElementType { self == .float32 ? .float32 : .bfloat16 }
  }

  static let seed: UInt64 = 1
  static let candidates = 3
  static let scored = 2048
  static let calibration = 1024
  static let greedyImages = 1024

  public init(_ network: Network, precision: Precision, settings: Settings = Settings()) {
    self.network = network
    self.precision = precision
    self.settings = settings
  }

  // MARK: Running

  /// Does the work and measures it.
  ///
  /// - Returns: The figures.
  /// - Throws: ``StudyError`` if this machine is too small; ``KernelError`` if a kernel fails.
  public func run() throws -> EngineFigures {
    let space = try network.space(width: settings.width)
    let largest = space.network(of: space.largest)
    try MemoryEstimate(of: largest, batch: settings.batch).requireFit()
    let images = try makeImages(of: space)
    var figures = EngineFigures(
      net: network.name, precision: precision.rawValue, batch: settings.batch,
      width: settings.width, groups: space.decisions.count, macs: largest.cost.macs,
      params: largest.cost.parameters, threads: Engine.threads, processor: Machine.processor)

    Machine.resetPeak()
    let before = Machine.residentBytes
    let supernet = try makeSupernet(space, images)
    try train(supernet, &figures)
    if settings.steps > 0 {
      figures.peakTrainingBytes = Machine.peakResidentBytes - before
    }
    try scoreCandidates(supernet, &figures)
    try scoreTogether(supernet, &figures)
    if settings.steps == 0 {
      figures.peakScoringBytes = Machine.peakResidentBytes - before
    }
    return figures
  }

  /// Random images, as many as the work asks for.
  private func makeImages(of space: SearchSpace) throws -> StudyImages {
    let training = max(Self.calibration, settings.batch)
    let count = Self.scored + training
    var generator = SeededGenerator(seed: Self.seed, stream: "images")
    var pixels: [UInt8] = []
    pixels.reserveCapacity(count * space.input.count)
    for _ in 0..<count * space.input.count / 8 {
      let word = generator.next()
      for byte in 0..<8 { pixels.append(UInt8(truncatingIfNeeded: word >> (8 * byte))) }
    }
    let dataset = ImageDataset(
      pixels: pixels, labels: (0..<count).map { UInt16($0 % space.classes) },
      height: space.input.height, width: space.input.width, channels: space.input.channels,
      classes: space.classes)
    return try StudyImages(
      dataset, holdOut: Self.scored, augmentation: .none, seed: Self.seed)
  }

  private func makeSupernet(_ space: SearchSpace, _ images: StudyImages) throws -> Supernet {
    var training = Supernet.Settings()
    training.batch = settings.batch
    training.optimizer.weightDecay = 5e-4
    training.optimizer.schedule = .constant
    training.precision = precision.elementType
    return try Supernet(space: space, images: images, settings: training, engine: .chosen())
  }

  private func train(_ supernet: Supernet, _ figures: inout EngineFigures) throws {
    guard settings.steps > 0 else { return }
    try supernet.trainStep()
    var times: [Double] = []
    var macs = 0
    for step in 1...settings.steps {
      times.append(try seconds { try supernet.trainStep() })
      macs += supernet.macs(of: supernet.subnets(ofStep: step))
    }
    figures.supernetStep = times.min()
    figures.stepMACs = macs
  }

  private func scoreCandidates(_ supernet: Supernet, _ figures: inout EngineFigures) throws {
    let recipe = ScoringRecipe(
      images: Self.scored, calibration: Self.calibration, batch: settings.batch)
    let subnets = (0..<Self.candidates).map { index in
      var generator = SeededGenerator(seed: Self.seed, stream: "candidates", index: index)
      return supernet.space.randomArchitecture(using: &generator)
    }
    _ = try supernet.score([supernet.space.largest], with: recipe)
    let times = try subnets.map { subnet in
      try seconds { _ = try supernet.score([subnet], with: recipe) }
    }
    figures.candidate = times.sorted()[times.count / 2]
    figures.candidateMACs = supernet.macs(of: subnets)
  }

  private func scoreTogether(_ supernet: Supernet, _ figures: inout EngineFigures) throws {
    guard let together = settings.together else { return }
    let narrowed = NarrowedNetworks(of: supernet.space)
    let subnets =
      switch together {
      case .greedyStep: try narrowed.greedyStep()
      case .candidates(let count): try narrowed.spread(count)
      }
    let recipe = ScoringRecipe(
      images: Self.greedyImages, calibration: 0, batch: settings.batch)
    figures.greedyStep = try seconds { _ = try supernet.score(subnets, with: recipe) }
    figures.greedyMACs = supernet.macs(of: subnets)
    figures.candidates = subnets.count
  }

  private func seconds(_ body: () throws -> Void) rethrows -> Double {
    let duration = try ContinuousClock().measure(body)
    return Double(duration.components.seconds)
      + 1e-18 * Double(duration.components.attoseconds)
  }
}

extension EngineBenchmark {
  /// A network that can be measured.
  public enum Network: Hashable, Sendable {
    /// For small images, with so many layers.
    case resNet(layers: Int)
    /// With the strides in which everyone trains it on 32×32 images.
    case mobileNetV2

    /// Finds a network by its name: `mobilenet_v2`, or `resnet20` and its likes.
    ///
    /// - Returns: `nil` if no network has that name.
    public init?(_ name: String) {
      let family = name.hasPrefix("resnet") ? "resnet-\(name.dropFirst(6))" : "mobilenet-v2"
      switch try? Family(word: family) {
      case .resNet(let layers, _): self = .resNet(layers: layers)
      case .mobileNetV2 where name == "mobilenet_v2": self = .mobileNetV2
      default: return nil
      }
    }

    /// The networks that are measured together.
    public static let all = [Network.resNet(layers: 20), .mobileNetV2]

    public var name: String {
      switch self {
      case .resNet(let layers): "resnet\(layers)"
      case .mobileNetV2: "mobilenet_v2"
      }
    }

    /// The space of its subnets.
    ///
    /// - Parameter scale: What the widths of its table are multiplied by.
    /// - Returns: The space.
    /// - Throws: ``SearchSpaceError`` if no space can be made.
    public func space(width scale: Double = 1) throws -> SearchSpace {
      var settings = Family.Settings()
      // More groups than any width has multiples of four: all of them are choices.
      settings.width = WidthRule(scale: scale, groups: 100_000, divisor: 4, smallest: 0.25)
      let family: Family =
        switch self {
        case .resNet(let layers): .resNet(layers: layers)
        case .mobileNetV2: .mobileNetV2
        }
      return try family.space(
        input: Shape(channels: 3, height: 32, width: 32), classes: 10, settings: settings)
    }
  }
}

extension Supernet {
  /// The multiply-adds of some architectures for one image, in all.
  fileprivate func macs(of architectures: [Architecture]) -> Int {
    architectures.reduce(0) { $0 + space.network(of: $1).cost.macs }
  }
}
