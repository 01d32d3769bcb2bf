import Datasets
public import Kernels
public import Networks
public import SearchSpace

/// A network whose subnets share its weights, trained so that all of them work.
///
/// The weights are those of the largest network of a space; each architecture uses the first
/// channels of each layer and the first blocks of each stage.
///
///     let supernet = try Supernet(space: space, images: images, settings: settings, engine: engine)
///     while !supernet.isTrained { try supernet.trainStep() }
///     try supernet.score([space.largest, space.smallest], with: ScoringRecipe())
///
public final class Supernet {
  public let space: SearchSpace
  public let images: StudyImages
  public let settings: Settings

  /// How many steps the weights have been trained for.
  public internal(set) var step = 0

  /// How activations lie in memory.
  ///
  /// With ``Settings/precision`` left open it is settled by the first step, and a checkpoint keeps it.
  public internal(set) var precision: ElementType {
    get { runner.precision }
    set { runner.precision = newValue }
  }

  let runner: NetworkRunner
  let batches: BatchLoader

  /// The images that mixtures are differentiated on, where there are mixtures.
  let otherHalf: BatchLoader?

  var parameters: Parameters { runner.parameters }

  /// How a supernet is trained.
  public struct Settings: Hashable, Codable, Sendable {
    /// Passes over the training images.
    public var epochs = 4

    /// Images in a step.
    public var batch = 128

    /// Which subnets a step trains.
    public var paths = Paths.sandwich(random: 2, distills: true)

    public var optimizer = MomentumOptimizer()

    /// Whether the weights are learnt with mixtures: on one half of the training images, the other
    /// being kept for the mixtures' own gradients, and with a normalisation for each width.
    public var learnsMixtures = false

    /// How activations lie in memory; `nil` for whichever trains faster on this machine.
    public var precision: ElementType? = .float32

    public init() {}
  }

  /// Which subnets a step trains, all on one batch and towards one update.
  public enum Paths: Hashable, Codable, Sendable {
    /// The largest, the smallest and so many random ones; if it distills, the others learn from
    /// the largest one instead of the labels.
    case sandwich(random: Int, distills: Bool)

    /// One random subnet, each decision drawn with equal chances.
    case single

    /// The largest alone. Its scales of normalisations have this share of their L1 norm for a
    /// penalty, which brings those of channels that matter little near zero.
    case largest(sparsity: Double)
  }

  /// Creates a supernet with new weights.
  ///
  /// - Parameters:
  ///   - space: The space whose networks share the weights.
  ///   - images: What to train and score with; its seed is that of the weights too.
  ///   - settings: How to train.
  ///   - engine: What computes.
  /// - Throws: ``KernelError`` if no memory can be reserved; ``DatasetError`` if the images do not
  ///   fill a batch.
  public init(
    space: SearchSpace, images: StudyImages, settings: Settings, engine: Engine
  ) throws {
    precondition(space.input == images.shape, "a space for \(space.input) of \(images.shape)")
    self.space = space
    self.images = images
    self.settings = settings
    let parameters = try Parameters(
      of: space.supernetLayers, widths: settings.learnsMixtures ? space.mixedWidths : [:])
    parameters.initialize(seed: images.seed)
    runner = try NetworkRunner(
      engine: engine, parameters: parameters, precision: settings.precision ?? .float32)
    func batches(of examples: [Int], _ seed: UInt64) throws(DatasetError) -> BatchLoader {
      BatchLoader(
        of: try TrainingBatches(
          of: images.maker, examples: examples, batchSize: settings.batch,
          augmentation: images.augmentation, seed: seed))
    }
    if settings.learnsMixtures {
      let (first, second) = images.halves
      self.batches = try batches(of: first, images.seed)
      var generator = SeededGenerator(seed: images.seed, stream: "second half")
      otherHalf = try batches(of: second, generator.next())
    } else {
      self.batches = try batches(of: images.training, images.seed)
      otherHalf = nil
    }
  }

  /// How many steps make the whole training.
  public var stepCount: Int { settings.epochs * batches.stepsPerEpoch }

  /// How many steps make an epoch.
  public var stepsPerEpoch: Int { batches.stepsPerEpoch }

  public var isTrained: Bool { step >= stepCount }

  /// How long training has waited for images since the supernet was made.
  public var waited: Duration { batches.waited + (otherHalf?.waited ?? .zero) }

  /// Cuts an architecture out, with statistics gathered as a score's are.
  ///
  /// - Throws: ``KernelError`` if a kernel fails.
  public func trainedNetwork(
    of architecture: Architecture, with recipe: ScoringRecipe
  ) throws(KernelError) -> TrainedNetwork {
    let network = space.network(of: architecture)
    let scoring = Scoring(runner: runner, images: images, recipe: recipe)
    return TrainedNetwork(
      network, slicing: parameters, statistics: try scoring.statistics(of: network))
  }

  /// Scores architectures, computing once what they share.
  ///
  /// The scores are the same, to the last bit, as those of each architecture on its own.
  ///
  /// - Throws: ``KernelError`` if a kernel fails.
  public func score(
    _ architectures: [Architecture], with recipe: ScoringRecipe
  ) throws(KernelError) -> [Score] {
    try assess(architectures, with: recipe).map(\.score)
  }

  /// Scores architectures as ``score(_:with:)`` does, and tells which images they got right.
  ///
  /// - Throws: ``KernelError`` if a kernel fails.
  public func assess(
    _ architectures: [Architecture], with recipe: ScoringRecipe
  ) throws(KernelError) -> [Assessment] {
    try Scoring(runner: runner, images: images, recipe: recipe).assessments(
      of: architectures.map(space.network(of:)))
  }
}
