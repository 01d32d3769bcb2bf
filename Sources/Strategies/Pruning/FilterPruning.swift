public import SearchSpace

/// Channels ranked by the sum of the absolute weights of the filters that produce them.
///
/// > H. Li, A. Kadav, I. Durdanovic, H. Samet, H. P. Graf. "Pruning Filters for Efficient ConvNets."
/// > ICLR 2017. [arXiv:1608.08710](https://arxiv.org/abs/1608.08710), section 3.1.
///
/// Departs from the paper:
/// - A filter's norm is divided by the mean norm of its layer, and one threshold cuts all layers. The
///   paper sets by hand what share of each stage's filters goes, and which layers are spared as
///   sensitive; only within a layer does it compare norms.
/// - Residual streams that the space leaves open are pruned too, a channel being worth what the layer
///   says that values it most. With `residual: fixed` the first convolution of a block is pruned
///   alone, as in the paper.
public struct FilterPruning: SearchStrategy {
  private var ranking: ChannelRanking

  /// There is nothing to set.
  public struct Settings: Hashable, Codable, Sendable {
    public init() {}
  }

  /// Creates a search at its start.
  ///
  /// - Throws: ``StrategyError/unreachable(_:smallest:)`` if a budget cannot be met.
  public init(
    space: SearchSpace, budgets: [Budget], settings: Settings = Settings()
  ) throws(StrategyError) {
    ranking = try ChannelRanking(by: .filterNorm, budgets, in: space)
  }

  public var finalists: [Finalist] { ranking.finalists }

  public mutating func ask(
    in space: SearchSpace, using generator: inout some RandomNumberGenerator
  ) -> Question? { ranking.question }

  public mutating func tell(
    _ answer: Answer, in space: SearchSpace
  ) throws(StrategyError) -> [Int] {
    try ranking.cut(answer, in: space)
    return []
  }

  public func progress(in space: SearchSpace) -> Double { ranking.isCut ? 1 : 0 }
}
