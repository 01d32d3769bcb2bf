/// Draws architectures within budgets, and varies them.
///
///     let sampler = try ArchitectureSampler(of: space, within: [Budget(.macs, atMost: 4_000_000)])
///     let parent = sampler.randomArchitecture(using: &generator)
///     let child = sampler.mutation(of: parent, rate: 0.1, using: &generator)
///
/// Whatever comes out keeps to all budgets and is canonical: decisions that size nothing take
/// their largest choice, so equal networks have equal architectures. What is beyond a budget is
/// brought back by ``repaired(_:using:)``, in a number of steps known beforehand; nothing is drawn
/// again and again until it fits.
public struct ArchitectureSampler: Sendable {
  public let space: SearchSpace

  /// What every architecture drawn keeps to.
  public let budgets: [Budget]

  /// The architectures without the budgets.
  public let census: ArchitectureCensus

  /// Where every repair leads, if it has to go so far.
  private let refuge: Architecture

  /// Creates a sampler.
  ///
  /// - Throws: ``UnreachableBudget`` if no network keeps to all budgets, with the nearest cost
  ///   that was reached.
  public init(
    of space: SearchSpace, within budgets: [Budget] = []
  ) throws(UnreachableBudget) {
    try self.init(of: ArchitectureCensus(of: space), within: budgets)
  }

  /// Creates a sampler of architectures that have been counted already.
  ///
  /// - Throws: ``UnreachableBudget``, as above.
  public init(
    of census: ArchitectureCensus, within budgets: [Budget] = []
  ) throws(UnreachableBudget) {
    space = census.space
    self.census = census
    self.budgets = budgets
    refuge = try space.refuge(within: budgets)
  }

  private func admits(_ architecture: Architecture) -> Bool {
    guard !budgets.isEmpty else { return true }
    let cost = space.cost(of: architecture)
    return budgets.allSatisfy { $0.admits(cost) }
  }

  private func canonical(_ architecture: Architecture) -> Architecture {
    census.dependencies.canonical(architecture, in: space)
  }

  /// Brings an architecture within all budgets.
  ///
  /// It goes towards the architecture that has most to spare, which is the smallest one wherever
  /// costs grow with the choices: one choice of one decision at a time, in random order, each
  /// decision in proportion to how far it can go. It stops as soon as all budgets are met.
  ///
  /// - Returns: The canonical architecture of what that leads to; the same network if it keeps to
  ///   the budgets already.
  /// - Complexity: Some log₂ of the steps to the smallest architecture networks are counted.
  public func repaired(
    _ architecture: Architecture, using generator: inout some RandomNumberGenerator
  ) -> Architecture {
    guard !admits(architecture) else { return canonical(architecture) }
    let way = RandomWay(from: architecture, to: refuge, using: &generator)
    return canonical(way[way.firstStep(where: admits)])
  }

  /// Draws an architecture, each network of the space being equally likely, and repairs it.
  ///
  /// So networks well within the budgets keep equal chances, and the others' go to those just
  /// within.
  public func randomArchitecture(
    using generator: inout some RandomNumberGenerator
  ) -> Architecture {
    repaired(census.randomArchitecture(using: &generator), using: &generator)
  }

  /// Draws an architecture, each cost that can be reached being about equally likely.
  ///
  /// Most networks of a space cost about the same, so drawing them with equal chances hardly ever
  /// shows a small or a large one. Here a cost is drawn first, uniformly from the smallest that can
  /// be reached to the largest within the budgets. The costs are as even as one choice of one
  /// decision is small against the whole range.
  public func randomArchitecture(
    uniformlyOver range: CostRange, using generator: inout some RandomNumberGenerator
  ) -> Architecture {
    let least = space.cost(of: range.cheapest)[range.metric]
    let most = budgets.filter { $0.metric == range.metric }.map(\.limit)
      .reduce(space.cost(of: range.dearest)[range.metric], min)
    let wanted = Int.random(in: least...max(least, most), using: &generator)
    return randomArchitecture(costing: wanted, in: range, using: &generator)
  }

  /// Draws an architecture of about a given cost.
  ///
  /// A random architecture goes towards the cheapest or the dearest until it is past that cost, and
  /// the last or the last but one architecture of its way is taken, whichever is nearer and within
  /// the budgets.
  ///
  /// - Parameters:
  ///   - wanted: The cost, in the unit of the range.
  ///   - range: What the networks of the space cost.
  ///   - generator: What is random comes from here.
  /// - Returns: The architecture.
  public func randomArchitecture(
    costing wanted: Int, in range: CostRange, using generator: inout some RandomNumberGenerator
  ) -> Architecture {
    let (metric, cheapest, dearest) = (range.metric, range.cheapest, range.dearest)
    func cost(_ architecture: Architecture) -> Int {
      space.cost(of: architecture)[metric]
    }
    let start = census.randomArchitecture(using: &generator)
    let isAbove = cost(start) > wanted
    let way = RandomWay(from: start, to: isAbove ? cheapest : dearest, using: &generator)
    guard way.length > 0 else { return repaired(start, using: &generator) }
    let past = way.firstStep { isAbove ? cost($0) <= wanted : cost($0) >= wanted }
    let ends = [way[past], way[past - 1]].filter(admits)
    let nearest = ends.min { abs(cost($0) - wanted) < abs(cost($1) - wanted) }
    return repaired(nearest ?? way[past], using: &generator)
  }
}

/// How little and how much the networks of a space cost, without budgets.
///
/// Finding the ends takes some hundred counted networks, so it is done once.
public struct CostRange: Hashable, Sendable {
  public let metric: Cost.Metric
  public let cheapest: Architecture
  public let dearest: Architecture

  /// Finds the ends of a space's costs.
  public init(of metric: Cost.Metric, in space: SearchSpace) {
    self.metric = metric
    cheapest = space.cheapest(in: metric)
    dearest = space.dearest(in: metric)
  }
}
