public import SearchSpace

/// Channels ranked by the scale of their batch normalisation, which training pressed towards zero.
///
/// > Z. Liu, J. Li, Z. Shen, G. Huang, S. Yan, C. Zhang. "Learning Efficient Convolutional Networks
/// > through Network Slimming." ICCV 2017.
/// > [arXiv:1708.06519](https://arxiv.org/abs/1708.06519), section 3.
///
/// | Here | In the paper |
/// | --- | --- |
/// | the supernet's `sparsity` | λ, the weight of the L1 norm of the scales |
/// | the scale of a channel | γ |
///
/// Departs from the paper:
/// - Residual streams that the space leaves open are pruned as one group, a channel being worth what
///   the layer says that values it most. The paper keeps them, and selects what is read from them.
/// - The threshold follows from the budget, not from a share of channels, and leaves every layer some
///   channels.
/// - One pass of training and pruning; weight decay spares the scales.
public struct NetworkSlimming: SearchStrategy {
  private var ranking: ChannelRanking

  /// There is nothing to set: sparsity is a matter of the supernet's training.
  public struct Settings: Hashable, Codable, Sendable {
    public init() {}
  }

  /// Creates a search at its start.
  ///
  /// - Throws: ``StrategyError/unreachable(_:smallest:)`` if a budget cannot be met;
  ///   ``StrategyError/notNormalized(layer:)`` if channels have no scale.
  public init(
    space: SearchSpace, budgets: [Budget], settings: Settings = Settings()
  ) throws(StrategyError) {
    ranking = try ChannelRanking(by: .normalizationScale, budgets, in: space)
    let gated = space.gatedNetwork()
    for site in gated.sites.joined() {
      let layer = gated.network.layers[site.layer]
      guard layer.isNormalized else { throw .notNormalized(layer: layer.name) }
    }
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
