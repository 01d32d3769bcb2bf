public import SearchSpace

/// Pruning without weights worth keeping: gates learnt on random weights say which layers need their
/// channels, and a global threshold over the gates meets any budget.
///
/// > Y. Wang, X. Zhang, L. Xie, J. Zhou, H. Su, B. Zhang, X. Hu. "Pruning from Scratch." AAAI 2020.
/// > [arXiv:1909.12579](https://arxiv.org/abs/1909.12579), sections 3.2 and 3.3.
///
/// A network of random weights, which stay as they are, has a gate behind each channel's
/// normalisation and before its activation. The gates alone learn: to classify, and at the same time
/// to have ``Settings/sparsity`` for their mean.
///
///     loss = cross-entropy + weight · (mean |gate| - sparsity)²
///
/// | Here | In the paper |
/// | --- | --- |
/// | gate | λ, a channel's importance |
/// | ``Settings/weight`` | γ, the balance factor; λ in the authors' code |
/// | ``Settings/sparsity`` | r |
/// | ``Settings/expansion`` | channel expansion |
///
/// Departs from the paper and the authors' code:
/// - Every width that the space leaves open has gates, residual streams too: channels that are added
///   up share theirs. With `residual: fixed` the gates are the paper's.
/// - Only gated layers start wider than the space; the code widens residual streams as well. The
///   widths found are counts of channels, at most the widest of the space, and budgets are those of
///   the space as it is.
/// - Channels that only a depthwise convolution reads are gated behind its normalisation. In front of
///   it, as in the code, the normalisation would divide by the gate what the gate multiplied.
/// - The gates after the last step are taken. The code looks for those of the best validation among
///   the ones sparse enough.
/// - No layer loses all its channels, equal gates have an order, and the search for a threshold ends at
///   the last channel that fits; the code stops within 0.1 % of the budget or after ten halvings.
/// - Depth is pruned too: see ``ThresholdSearch``.
public struct PruningFromScratch: SearchStrategy {
  /// The budgets to meet.
  public let budgets: [Budget]

  public let settings: Settings

  /// The gates as learnt so far.
  public private(set) var gates: ChannelGates

  private var optimizer: Adam

  /// How many batches the gates have learnt from.
  private var step = 0

  public private(set) var finalists: [Finalist] = []

  public static var startingWeights: StartingWeights { .drawn }

  /// What can be set about the search.
  public struct Settings: Hashable, Codable, Sendable {
    /// How many batches the gates learn from: ten passes over CIFAR-10 in batches of 128.
    public var steps = 3510

    /// The learning rate of the gates.
    public var rate = 0.01

    /// How much the mean of the gates matters beside the cross-entropy.
    public var weight = 0.5

    /// What the mean of the gates should be, from 0 to 1.
    public var sparsity = 0.2

    /// How many times wider than the space the gated layers are, at least 1.
    public var expansion = 1.25

    public init() {}
  }

  /// Creates a search whose gates are all open.
  ///
  /// - Throws: ``StrategyError/unreachable(_:smallest:)`` if a budget cannot be met.
  public init(
    space: SearchSpace, budgets: [Budget], settings: Settings = Settings()
  ) throws(StrategyError) {
    try space.requireThreshold(for: budgets)
    self.budgets = budgets
    self.settings = settings
    gates = ChannelGates(
      repeating: 1,
      counts: space.gatedGroups.map { $0.channels(widenedBy: settings.expansion) })
    optimizer = Adam(count: gates.values.count)
    if gates.values.isEmpty { pickFinalists(in: space) }
  }

  public mutating func ask(
    in space: SearchSpace, using generator: inout some RandomNumberGenerator
  ) -> Question? {
    !gates.values.isEmpty && step < settings.steps
      ? .differentiateGates(gates, step: step) : nil
  }

  public mutating func tell(
    _ answer: Answer, in space: SearchSpace
  ) throws(StrategyError) -> [Int] {
    let answer = answer.gateGradient
    guard answer.loss.isFinite, answer.gradient.values.allSatisfy(\.isFinite) else {
      throw .noGradient(step: step)
    }
    optimizer.step(
      &gates.values, against: zip(answer.gradient.values, sparsityGradient).map(+),
      Adam.Settings(rate: settings.rate))
    step += 1
    for index in gates.values.indices {
      gates.values[index] = min(max(gates.values[index], 0), 1)
    }
    if step == settings.steps { pickFinalists(in: space) }
    return []
  }

  public func progress(in space: SearchSpace) -> Double {
    gates.values.isEmpty ? 1 : Double(step) / Double(max(1, settings.steps))
  }

  /// The derivative of weight · (mean |gate| - sparsity)² by each gate.
  private var sparsityGradient: [Double] {
    let count = Double(gates.values.count)
    let mean = gates.values.reduce(0) { $0 + abs($1) } / count
    let slope = 2 * settings.weight * (mean - settings.sparsity) / count
    // A gate that is shut has no sign.
    return gates.values.map { $0 == 0 ? 0 : slope }
  }

  private mutating func pickFinalists(in space: SearchSpace) {
    finalists = ThresholdSearch(over: gates, in: space).finalists(for: budgets)
  }
}
