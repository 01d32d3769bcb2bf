import SearchSpace

/// A search that learns nothing: every architecture is drawn at random.
///
/// The baseline that any other strategy has to beat.
///
/// > L. Li, A. Talwalkar. "Random Search and Reproducibility for Neural Architecture Search."
/// > UAI 2019. [arXiv:1902.07638](https://arxiv.org/abs/1902.07638)
///
/// Each network of the space is equally likely; one beyond the budget is brought back within it, see
/// ``ArchitectureSampler``. The candidates take turns with the budgets, so each gets its share. With
/// ``Settings/tolerance`` below 1, all cost about as much as their budget allows: what a network that
/// some search found for the budget has to be compared with.
///
/// Departs from the paper:
/// - There the networks drawn are trained on their own or share weights trained for single paths;
///   here they share those of the supernet.
/// - No network is drawn twice.
public struct RandomSearch: SearchStrategy, GenerationalSearch {
  var record: SearchRecord<Settings>

  /// What can be set about the search.
  public struct Settings: GenerationalSettings {
    /// How many architectures are drawn.
    public var trials = 100

    /// How far below its budget a network's cost may lie, as a share of the budget; 1 for anywhere.
    ///
    /// It lies further below where no one choice of one decision leads so near.
    public var tolerance = 1.0

    /// How many images each is scored on.
    public var images = 2048

    public init() {}
  }

  /// How many candidates are asked about at a time.
  private static let batch = 16

  /// What networks cost in the unit of each budget.
  private var ranges = Recomputed<[CostRange]>()

  init(record: SearchRecord<Settings>) { self.record = record }

  mutating func propose(
    _ generation: inout Generation, using generator: inout some RandomNumberGenerator
  ) {
    let (budgets, tolerance) = (record.budgets, settings.tolerance)
    guard tolerance < 1, !budgets.isEmpty else {
      return generation.fill(to: Self.batch, role: "random") {
        $1.randomArchitecture(using: &generator)
      }
    }
    let space = generation.region.space
    let ranges = ranges.value { budgets.map { CostRange(of: $0.metric, in: space) } }
    generation.fill(to: Self.batch, role: "random") { turn, sampler in
      let below = generator.uniform() * tolerance * Double(budgets[turn].limit)
      return sampler.randomArchitecture(
        costing: budgets[turn].limit - Int(below), in: ranges[turn], using: &generator)
    }
  }

  func select(_ newcomers: [Int]) -> [Int] { [] }
}
