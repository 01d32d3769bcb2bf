package import SearchSpace

/// Architectures that a threshold over the values of all channels leaves, and the search for the
/// threshold that meets a budget.
///
/// The channels of all groups stand in one row, the most valuable first; those above the threshold
/// are kept. Each width becomes the widest choice that needs no more channels of its group than were
/// kept, and the narrowest where fewer were kept than any choice needs, so no layer vanishes. A lower
/// threshold never makes anything narrower, which is what lets the search halve its way to a budget.
///
/// - Equal values stand in the order of the groups, then of the channels.
/// - A stage of elastic depth ends with its last block of which a channel was kept, or which has no
///   gated channels of its own.
/// - Kernels are the largest, and alternatives the last; the threshold has no say in them.
package struct ThresholdSearch {
  private let space: SearchSpace
  private let groups: [GatedGroup]
  private let blocks: [RemovableBlock]

  /// The group of each channel, the most valuable channel first.
  private let ranked: [Int]

  /// Ranks channels by their values.
  package init(over values: ChannelGates, in space: SearchSpace) {
    self.space = space
    groups = space.gatedGroups
    blocks = space.removableBlocks
    let owners = values.counts.enumerated().flatMap { Array(repeating: $0, count: $1) }
    // Sorting is stable, so equal values keep their order.
    ranked = values.values.indices.sorted { values.values[$0] > values.values[$1] }.map {
      owners[$0]
    }
  }

  /// How many channels there are to keep.
  package var count: Int { ranked.count }

  /// Keeps the most valuable channels.
  ///
  /// - Parameter count: How many channels are kept, from 0 to ``count``.
  /// - Returns: The architecture that has them.
  package func architecture(keeping count: Int) -> Architecture {
    var kept = [Int](repeating: 0, count: groups.count)
    for group in ranked.prefix(count) { kept[group] += 1 }
    var sizes: [Int: Int] = [:]
    for (group, kept) in zip(groups, kept) { sizes[group.decision] = group.choice(within: kept) }
    for block in blocks where sizes[block.decision] == nil { sizes[block.decision] = 0 }
    for block in blocks
    where block.groups.isEmpty || block.groups.contains(where: { kept[$0] > 0 }) {
      let choices = space.decisions[block.decision].choices
      let least = choices.firstIndex { $0 > block.position } ?? 0
      sizes[block.decision] = max(sizes[block.decision] ?? 0, least)
    }
    return space.architecture(choosing: { sizes[$0] })
  }

  /// The architecture of the lowest threshold that keeps to a budget.
  ///
  /// Where a wider network can cost less, as where equal widths make a shortcut's convolution
  /// superfluous, another threshold may come a little nearer to the budget.
  ///
  /// - Precondition: That of the highest threshold does.
  package func architecture(within budget: Budget) -> Architecture {
    var (within, beyond) = (0, count + 1)
    while beyond - within > 1 {
      let middle = (within + beyond) / 2
      if budget.admits(space.cost(of: architecture(keeping: middle))) {
        within = middle
      } else {
        beyond = middle
      }
    }
    return architecture(keeping: within)
  }

  /// The networks for some budgets.
  func finalists(for budgets: [Budget]) -> [Finalist] {
    budgets.map { Finalist(budget: $0, architecture: architecture(within: $0)) }
  }
}

extension SearchSpace {
  /// Refuses budgets that the highest threshold does not keep to.
  ///
  /// - Throws: ``StrategyError/unreachable(_:smallest:)`` for the first that is not met.
  func requireThreshold(for budgets: [Budget]) throws(StrategyError) {
    let search = ThresholdSearch(over: ChannelGates(gatedGroups.map { _ in [] }), in: self)
    try requireReachable(budgets) { _ in search.architecture(keeping: 0) }
  }
}
