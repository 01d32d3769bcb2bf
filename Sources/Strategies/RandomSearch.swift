public import SearchSpace

/// A search that learns nothing: every architecture is drawn at random.
///
/// The baseline that any other strategy has to beat.
///
/// > L. Li, A. Talwalkar. "Random Search and Reproducibility for Neural Architecture Search."
/// > UAI 2019. [arXiv:1902.07638](https://arxiv.org/abs/1902.07638)
///
/// Each network of the space is equally likely; one beyond the budget is brought back within it, see
/// ``ArchitectureSampler``. The candidates take turns with the budgets, so each gets its share.
///
/// Departs from the paper:
/// - There the networks drawn are trained on their own or share weights trained for single paths;
///   here they share those of the supernet.
/// - No network is drawn twice.
public struct RandomSearch: SearchStrategy, GenerationalSearch {
  public let settings: Settings

  var record: SearchRecord

  /// What can be set about the search.
  public struct Settings: Hashable, Codable, Sendable {
    /// How many architectures are drawn.
    public var trials = 100

    /// How many images each is scored on.
    public var images = 2048

    public init() {}
  }

  /// How many candidates are asked about at a time.
  private static let batch = 16

  /// Creates a search in `space`.
  ///
  /// - Throws: ``StrategyError/unreachable(_:smallest:)`` if a budget cannot be met.
  public init(
    space: SearchSpace, budgets: [Budget], settings: Settings = Settings()
  ) throws(StrategyError) {
    record = try SearchRecord(space: space, budgets: budgets)
    self.settings = settings
  }

  /// The budgets to meet.
  public var budgets: [Budget] { record.budgets }

  var trials: Int { settings.trials }
  var images: Int { settings.images }

  mutating func propose(
    _ generation: inout Generation, using generator: inout some RandomNumberGenerator
  ) {
    generation.fill(to: Self.batch, role: "random") { $1.randomArchitecture(using: &generator) }
  }

  func select(_ newcomers: [Int]) -> [Int] { [] }
}
