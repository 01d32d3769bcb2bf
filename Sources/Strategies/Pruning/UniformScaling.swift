public import SearchSpace

/// All widths scaled alike: the first channels of each group are worth more than its last ones,
/// whatever the group.
///
/// > The width multiplier of A. G. Howard et al. "MobileNets: Efficient Convolutional Neural
/// > Networks for Mobile Vision Applications." 2017.
/// > [arXiv:1704.04861](https://arxiv.org/abs/1704.04861), section 3.3.
///
/// The baseline that any other way to prune has to beat; it needs no weights.
///
/// Departs from the paper: the multiplier follows from the budget. Where there is room for one more
/// step of some widths but not of all, those of the first layers take it, so that the budget is used
/// up as far as the space allows.
public struct UniformScaling: SearchStrategy {
  public let finalists: [Finalist]

  public static var startingWeights: StartingWeights { .drawn }

  /// There is nothing to set.
  public struct Settings: Hashable, Codable, Sendable {
    public init() {}
  }

  /// Creates a search that is over.
  ///
  /// - Throws: ``StrategyError/unreachable(_:smallest:)`` if a budget cannot be met.
  public init(
    space: SearchSpace, budgets: [Budget], settings: Settings = Settings()
  ) throws(StrategyError) {
    try space.requireThreshold(for: budgets)
    let places = space.gatedGroups.map { group in
      (0..<group.widest).map { 1 - Double($0) / Double(group.widest) }
    }
    finalists = ThresholdSearch(over: ChannelGates(places), in: space).finalists(for: budgets)
  }

  public mutating func ask(
    in space: SearchSpace, using generator: inout some RandomNumberGenerator
  ) -> Question? { nil }

  public mutating func tell(
    _ answer: Answer, in space: SearchSpace
  ) throws(StrategyError) -> [Int] { [] }

  public func progress(in space: SearchSpace) -> Double { 1 }
}
