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
  }

  private(set) var nodes: [Node] = []

  /// The nodes of first layers.
  private(set) var roots: [Int] = []

  init(_ networks: [Network]) {
    for (index, network) in networks.enumerated() {
      var parent: Int?
      for layer in network.layers { parent = node(for: layer, after: parent) }
      if let parent { nodes[parent].ends.append(index) }
    }
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
}

extension Supernet {
  /// The layers that scoring some architectures together computes: each once, however many of them
  /// begin with it.
  public func layersComputed(for architectures: [Architecture]) -> [Layer] {
    PrefixTree(architectures.map(space.network(of:))).nodes.map(\.layer)
  }
}
