package import SearchSpace

extension SearchSpace {
  /// The part of the largest network's cost that a decision has a say in.
  ///
  /// It is what the layers cost that come out otherwise, or are left out, when this decision alone
  /// takes its smallest choice: of a width the layers that produce these channels or read them, of a
  /// depth the blocks that can be left out and what reads their output. The shares of several
  /// decisions overlap, as a layer has both a producer of its input and channels of its own.
  package func costShare(of decision: Int) -> Cost {
    let full = network(of: largest)
    var changed = largest
    while let lower = lowering(decision, of: changed) { changed = lower }
    let others = Dictionary(
      network(of: changed).layers.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    return full.layers.filter { layer in
      guard let other = others[layer.name] else { return true }
      return layer.operation != other.operation || layer.input != other.input
        || layer.output != other.output
    }.reduce(Cost(macs: 0, parameters: 0)) { $0 + $1.cost }
  }
}
