import Networks
public import SearchSpace

/// Networks as the branches of one tree: those that begin alike share their first layers.
///
/// Two layers are one node if they are equal and so are all layers before them; then they compute
/// the same values, whichever network asks. So are layers of which one computes the first channels of
/// what the other, wider one computes: then their readers part. AutoSlim's candidates differ from each
/// other in one width, so on average they share more than half of what they compute.
struct PrefixTree {
  /// A layer in its context, as the widest network has it.
  struct Node {
    let layer: Layer

    /// The node of the layer before it.
    let parent: Int?

    /// The nodes of the layers that follow, one for each way in which the networks go on, the widest last.
    var next: [Int] = []

    /// The networks that end with this layer, by their place in the list.
    var ends: [Int] = []

    /// Its place in its branch, from 0 for the first layer.
    let depth: Int

    /// The layers of its branch, by their places, whose values nobody reads after this node.
    var lastReads: [Int] = []

    /// Whether it is computed by the node after it, on the way.
    var isComputedByReader = false
  }

  private(set) var nodes: [Node] = []

  /// The nodes of first layers.
  private(set) var roots: [Int] = []

  /// How many networks the tree has.
  let networks: Int

  /// Grows the tree of some networks.
  ///
  /// - Parameters:
  ///   - networks: The networks.
  ///   - computesBeginning: Whether a layer computes the first channels of what a wider one computes at the
  ///     same place.
  init(
    _ networks: [Network],
    where computesBeginning: (_ narrow: Layer, _ wide: Layer) -> Bool = { _, _ in false }
  ) {
    self.networks = networks.count
    // The wider ones first, so that what is narrower finds them.
    let widths = networks.map { $0.layers.map(\.output.channels) }
    let order = networks.indices.sorted {
      widths[$0] == widths[$1]
        ? $0 < $1 : widths[$1].lexicographicallyPrecedes(widths[$0])
    }
    for index in order {
      var parent: Int?
      for layer in networks[index].layers {
        parent = node(for: layer, after: parent, where: computesBeginning)
      }
      if let parent { nodes[parent].ends.append(index) }
    }
    // The widest, on which most others follow, is computed last, when what it reads may go.
    roots.reverse()
    for index in nodes.indices { nodes[index].next.reverse() }
    findLastReads(from: roots, sinceFork: 0)
  }

  /// Finds the node of a layer among those after `parent`, or adds it.
  private mutating func node(
    for layer: Layer, after parent: Int?, where computesBeginning: (Layer, Layer) -> Bool
  ) -> Int {
    let siblings = parent.map { nodes[$0].next } ?? roots
    if let known = siblings.first(where: { nodes[$0].layer == layer })
      ?? siblings.first(where: { computesBeginning(layer, nodes[$0].layer) })
    {
      return known
    }
    nodes.append(
      Node(layer: layer, parent: parent, depth: parent.map { nodes[$0].depth + 1 } ?? 0))
    let added = nodes.count - 1
    if let parent { nodes[parent].next.append(added) } else { roots.append(added) }
    return added
  }

  /// Finds the last reader of each value that some nodes or their descendants read.
  ///
  /// What was computed before the branch forked is read again by its other sides, so on all but the last of
  /// them only values since then have a last reader.
  ///
  /// - Parameters:
  ///   - siblings: The nodes, which follow the same one.
  ///   - sinceFork: How many layers were there when the branch last forked to go on elsewhere.
  /// - Returns: The layers of the branch that the nodes and their descendants read.
  @discardableResult
  private mutating func findLastReads(from siblings: [Int], sinceFork: Int) -> Set<Int> {
    var all: Set<Int> = []
    for index in siblings {
      let sinceFork = index == siblings.last ? sinceFork : nodes[index].depth
      let later = findLastReads(from: nodes[index].next, sinceFork: sinceFork)
      let layer = nodes[index].layer
      let own = Set([layer.source, layer.operand].compactMap { $0?.layer })
      nodes[index].lastReads = own.filter { $0 >= sinceFork && !later.contains($0) }.sorted()
      all.formUnion(later.union(own))
    }
    return all
  }
}

extension PrefixTree {
  /// Leaves nodes to the one after them that alone reads them, and then reads what they read.
  ///
  /// - Parameter expands: Whether a layer can be computed by its reader.
  mutating func leaveToReaders(where expands: (_ layer: Layer, _ reader: Layer) -> Bool) {
    for index in nodes.indices where nodes[index].next.count == 1 {
      let reader = nodes[index].next[0]
      guard nodes[reader].layer.source == .layer(nodes[index].depth),
        nodes[reader].lastReads.contains(nodes[index].depth), !nodes[index].isComputedByReader,
        expands(nodes[index].layer, nodes[reader].layer)
      else { continue }
      nodes[index].isComputedByReader = true
      nodes[reader].lastReads += nodes[index].lastReads
      nodes[index].lastReads = []
    }
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
    PrefixTree(architectures.map(space.network(of:)), where: runner.computesBeginning).nodes
      .map(\.layer)
  }
}
