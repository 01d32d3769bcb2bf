public import SearchSpace

/// Networks as the branches of one tree: those that begin alike share their first layers.
///
/// Two layers are one node if they are equal and so are all layers before them; then they compute
/// the same values, whichever network asks. AutoSlim's candidates differ from each other in one
/// width, so on average they share about half of what they compute.
struct PrefixTree {
  /// A layer in its context.
  struct Node {
    let layer: Layer

    /// The nodes of the layers that follow, one for each way in which the networks go on.
    var next: [Int] = []

    /// The networks that end with this layer, by their place in the list.
    var ends: [Int] = []

    /// The layers of its branch, from 0 for the first one, whose values nobody reads after this node.
    var lastReads: [Int] = []
  }

  private(set) var nodes: [Node] = []

  /// The nodes of first layers.
  private(set) var roots: [Int] = []

  /// How many networks the tree has.
  let networks: Int

  init(_ networks: [Network]) {
    self.networks = networks.count
    for (index, network) in networks.enumerated() {
      var parent: Int?
      for layer in network.layers { parent = node(for: layer, after: parent) }
      if let parent { nodes[parent].ends.append(index) }
    }
    for root in roots { findLastReads(from: root, depth: 0, sinceFork: 0) }
  }

  /// Finds the node of a layer among those after `parent`, or adds it.
  private mutating func node(for layer: Layer, after parent: Int?) -> Int {
    let siblings = parent.map { nodes[$0].next } ?? roots
    if let known = siblings.first(where: { nodes[$0].layer == layer }) { return known }
    nodes.append(Node(layer: layer))
    let added = nodes.count - 1
    if let parent { nodes[parent].next.append(added) } else { roots.append(added) }
    return added
  }

  /// Finds the last reader of each value that a node or its descendants read.
  ///
  /// What was computed before the branch forked is read again on the other side, so only values since then
  /// have a last reader.
  ///
  /// - Parameters:
  ///   - index: The node.
  ///   - depth: How many layers are before it.
  ///   - sinceFork: How many layers were there when the branch last forked.
  /// - Returns: The layers of the branch that the node and its descendants read.
  @discardableResult
  private mutating func findLastReads(from index: Int, depth: Int, sinceFork: Int) -> Set<Int> {
    let node = nodes[index]
    var later: Set<Int> = []
    for next in node.next {
      later.formUnion(
        findLastReads(
          from: next, depth: depth + 1, sinceFork: node.next.count == 1 ? sinceFork : depth + 1))
    }
    let own = Set([node.layer.source, node.layer.operand].compactMap { $0?.layer })
    nodes[index].lastReads = own.filter { $0 >= sinceFork && !later.contains($0) }.sorted()
    return later.union(own)
  }
}

extension Value {
  /// The layer that computes it.
  fileprivate var layer: Int? {
    guard case .layer(let index) = self else { return nil }
    return index
  }
}

extension Supernet {
  /// The layers that scoring some architectures together computes: each once, however many of them
  /// begin with it.
  public func layersComputed(for architectures: [Architecture]) -> [Layer] {
    PrefixTree(architectures.map(space.network(of:))).nodes.map(\.layer)
  }
}
