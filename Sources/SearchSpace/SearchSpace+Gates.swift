extension SearchSpace {
  /// The groups of channels of the largest network whose number is a decision on its own.
  ///
  /// These are the widths, and the expansions in multiples of other channels.
  public var gatedGroups: [GatedGroup] {
    let (layers, produced, _) = layers(of: largest)
    return gated(in: produced).map { group in
      let decision = gateDecision(of: group) ?? 0
      let channels: [Int] =
        switch decisions[decision].kind {
        case .expansion:
          decisions[decision].choices.indices.map { choice in
            var architecture = largest
            architecture.choices[decision] = choice
            return self.channels(of: group, in: architecture)
          }
        case .width, .depth, .kernel, .alternative: decisions[decision].choices
        }
      let isDivided = zip(layers, produced).contains { layer, own in
        layer.dividesChannels && (own == group || layer.source.group(produced) == group)
      }
      return GatedGroup(
        decision: decision, channels: channels,
        divisor: isDivided ? channels.reduce(0, greatestCommonDivisor) : 1)
    }
  }

  /// The blocks that an elastic depth can leave out of the largest network.
  public var removableBlocks: [RemovableBlock] {
    let (_, produced, ends) = layers(of: largest)
    let gated = gated(in: produced)
    var start = 0
    return ends.flatMap { block, end -> [RemovableBlock] in
      defer { start = end }
      let layers = start..<end
      let own = gated.indices.filter { index in
        produced.indices.allSatisfy { produced[$0] != gated[index] || layers.contains($0) }
      }
      return block.conditions.compactMap { condition in
        guard case .above(let position) = condition.test,
          let decision = questions[condition.question].decision
        else { return nil }
        return RemovableBlock(decision: decision, position: position, groups: own)
      }
    }
  }

  /// Lays out the largest network, with other numbers of channels in its gated groups.
  ///
  /// - Parameter counts: The channels of each group; by default as many as the space has at most.
  /// - Returns: The network, and where gates act in it.
  public func gatedNetwork(channels counts: [Int]? = nil) -> GatedNetwork {
    let groups = gated(in: layers(of: largest).groups)
    let counts = counts ?? gatedGroups.map(\.widest)
    precondition(counts.count == groups.count, "\(counts.count) numbers for \(groups.count) groups")
    let (layers, produced, _) = layers(
      of: largest, channels: Dictionary(uniqueKeysWithValues: zip(groups, counts)))
    let graph = LayerGraph(layers)
    return GatedNetwork(
      network: Network(input: input, layers: layers),
      sites: groups.map { group in
        layers.indices.filter { produced[$0] == group }.flatMap(graph.sites)
      })
  }

  /// The groups, of those that layers produce, that are gated.
  private func gated(in produced: [Int?]) -> [Int] {
    Set(produced.compactMap { $0 }).filter { gateDecision(of: $0) != nil }.sorted()
  }

  /// The decision on the channels of a group.
  private func gateDecision(of group: Int) -> Int? {
    groups[group].derivation.map(\.decision) ?? groups[group].decision
  }

  private func channels(of group: Int, in architecture: Architecture) -> Int {
    let (layers, produced, _) = layers(of: architecture)
    guard let layer = produced.firstIndex(of: group) else { return 0 }
    return layers[layer].output.channels
  }
}

/// Who reads whom in a list of layers.
private struct LayerGraph {
  let layers: [Layer]
  private var readers: [[Int]]

  /// The layers that gate others by squeeze and excitation.
  private var excitations: Set<Int> = []

  init(_ layers: [Layer]) {
    self.layers = layers
    readers = Array(repeating: [], count: layers.count)
    for (index, layer) in layers.enumerated() {
      for case .layer(let read) in [layer.source, layer.operand] { readers[read].append(index) }
      if layer.operation == .scale, case .layer(let gate) = layer.operand {
        excitations.insert(gate)
      }
    }
  }

  /// The sites of a layer's channels; none if it takes them over from another.
  func sites(of index: Int) -> [GatedNetwork.Site] {
    let layer = layers[index]
    if layer.operation == .concatenate {
      var first = 0
      return [layer.source, layer.operand].compactMap { part in
        guard case .layer(let producer) = part else { return nil }
        defer { first += layers[producer].output.channels }
        return GatedNetwork.Site(producer: producer, layer: site(of: producer), first: first)
      }
    }
    guard !layer.keepsChannels, !excitations.contains(index) else { return [] }
    return [GatedNetwork.Site(producer: index, layer: site(of: index), first: 0)]
  }

  /// The last layer on the way from a producer whose normalisation the channels pass on their own.
  private func site(of producer: Int) -> Int {
    var (site, end) = (producer, producer)
    while layers[end].operand == nil, readers[end].count == 1, layers[readers[end][0]].keepsChannels
    {
      end = readers[end][0]
      if layers[end].isNormalized { site = end }
    }
    return site
  }
}

extension Layer {
  /// Whether each channel comes from the one channel of the source with its number.
  fileprivate var keepsChannels: Bool {
    switch operation {
    case .convolution(let convolution): convolution.isDepthwise
    case .normalize, .activate, .pool, .globalAveragePool, .scale: true
    case .linear, .concatenate: false
    }
  }

  /// Whether the channels that it reads or computes fall into parts of equal size.
  fileprivate var dividesChannels: Bool {
    switch operation {
    case .convolution(let convolution):
      convolution.grouping != .none && !convolution.isDepthwise
    case .concatenate: true
    case .normalize, .activate, .pool, .globalAveragePool, .linear, .scale: false
    }
  }
}

extension Value {
  fileprivate func group(_ produced: [Int?]) -> Int? {
    switch self {
    case .image: nil
    case .layer(let index): produced[index]
    }
  }
}

private func greatestCommonDivisor(_ a: Int, _ b: Int) -> Int {
  b == 0 ? a : greatestCommonDivisor(b, a % b)
}
