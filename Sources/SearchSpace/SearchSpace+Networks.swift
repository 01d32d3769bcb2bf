extension SearchSpace {
  /// Makes an architecture concrete.
  ///
  /// - Precondition: ``contains(_:)`` holds for the architecture.
  public func network(of architecture: Architecture) -> Network {
    Network(input: input, layers: layers(of: architecture).layers)
  }

  /// What a network of the space costs: its layers counted, unless the space was told otherwise, and
  /// its latency if a table times the space.
  ///
  /// - Precondition: ``contains(_:)`` holds for the architecture.
  public func cost(of architecture: Architecture) -> Cost {
    if !knownCosts.isEmpty, let known = knownCosts[canonical(architecture)] { return known }
    // Searches count many thousands of networks, so layers are counted as they are made: nothing
    // keeps them, and whether they fit each other is checked where a network is made.
    var cost = Cost(macs: 0, parameters: 0)
    var count = 0
    build(architecture) { layer, _ in
      cost = cost + layer.cost
      count += 1
      return count - 1
    }
    cost.latency = latencies?.latency(of: network(of: architecture))
    return cost
  }

  /// The space in which some networks cost what someone else found, and not what counting comes to.
  ///
  /// - Parameter costs: The costs of architectures.
  /// - Returns: The space, the same but for these costs.
  public func costing(_ costs: [Architecture: Cost]) -> SearchSpace {
    var space = self
    for (architecture, cost) in costs { space.knownCosts[canonical(architecture)] = cost }
    return space
  }

  /// Every layer that some network of the space has, once, as large as it can be.
  ///
  /// These are the layers whose parameters a supernet holds. They are not a network: those of
  /// several alternatives stand one after the other, and among them are shortcuts that the largest
  /// network, whose widths agree, does without.
  public var supernetLayers: [Layer] {
    var layers: [Layer] = []
    var groups: [Int?] = []
    for block in blocks {
      let stream = Stream(value: .image, shape: block.largestInput)
      _ = block.build(
        reading: stream, LargestSizes(questions: questions, groups: self.groups), into: &layers,
        groups: &groups)
    }
    return layers
  }

  /// For each of the ``groups``, the cost of those layers of a network that read or produce its
  /// channels.
  ///
  /// A layer between two groups counts for both, so the costs add up to more than the network's.
  ///
  /// - Precondition: ``contains(_:)`` holds for the architecture.
  public func costByGroup(of architecture: Architecture) -> [Cost] {
    let built = layers(of: architecture)
    let (layers, produced) = (built.layers, built.groups)
    var costs = [Cost](repeating: Cost(macs: 0, parameters: 0), count: groups.count)
    for (layer, group) in zip(layers, produced) {
      let read: Int? =
        switch layer.source {
        case .image: 0
        case .layer(let index): produced[index]
        }
      for index in Set([group, read].compactMap { $0 }) { costs[index] = costs[index] + layer.cost }
    }
    return costs
  }

  /// Lays out a network.
  ///
  /// - Parameters:
  ///   - architecture: The architecture.
  ///   - channels: The channels of groups, by their index, that have others than it chooses.
  /// - Returns: The layers, the group that each one's channels belong to, and how many layers there
  ///   are at the end of each block that is present.
  func layers(
    of architecture: Architecture, channels: [Int: Int] = [:]
  ) -> (layers: [Layer], groups: [Int?], ends: [(block: Block, layers: Int)]) {
    var layers: [Layer] = []
    var groups: [Int?] = []
    let most = blocks.reduce(0) { $0 + $1.layers.count }
    layers.reserveCapacity(most)
    groups.reserveCapacity(most)
    var ends: [(block: Block, layers: Int)] = []
    build(architecture, channels: channels) { layer, group in
      layers.append(layer)
      groups.append(group)
      return layers.count - 1
    } end: {
      ends.append(($0, layers.count))
    }
    return (layers, groups, ends)
  }

  /// Makes the layers of a network, one after the other.
  ///
  /// - Parameters:
  ///   - architecture: The architecture.
  ///   - channels: The channels of groups, by their index, that have others than it chooses.
  ///   - take: Takes a layer and the group of its channels, and returns the layer's place.
  ///   - end: Is told of each block that is present, after its layers.
  @inline(__always)
  private func build(
    _ architecture: Architecture, channels: [Int: Int] = [:], take: (Layer, Int?) -> Int,
    end: (Block) -> Void = { _ in }
  ) {
    precondition(contains(architecture), "the architecture is not one of \(name)")
    let sizes = ChosenSizes(space: self, architecture: architecture, channels: channels)
    var stream = Stream(value: .image, shape: input, group: 0)
    for block in blocks where holds(block.conditions, in: architecture) {
      stream = block.build(reading: stream, sizes, take: take)
      end(block)
    }
  }

  /// What an architecture answers to a question.
  func answer(to question: Int, in architecture: Architecture) -> Int {
    let question = questions[question]
    guard let decision = question.decision else { return question.choices[0] }
    return question.choices[architecture.choices[decision]]
  }

  func holds(_ conditions: [Condition], in architecture: Architecture) -> Bool {
    conditions.allSatisfy { $0.holds(for: answer(to: $0.question, in: architecture)) }
  }
}

/// The sizes that an architecture chooses, but for the channels of some groups.
struct ChosenSizes: SizeAnswers {
  let space: SearchSpace
  let architecture: Architecture

  /// These channels, by the group's index.
  var channels: [Int: Int] = [:]
  let keepsAdapters = false

  func answer(to question: Int) -> Int { space.answer(to: question, in: architecture) }

  func channels(of group: Int, reading input: Int) -> Int {
    if let count = channels[group] { return count }
    let group = space.groups[group]
    if let derivation = group.derivation {
      return derivation.channels(
        factor: answer(to: derivation.question),
        of: derivation.group.map { channels(of: $0, reading: input) } ?? input)
    }
    return group.question.map(answer) ?? group.choices[0]
  }
}

/// The largest of every size.
struct LargestSizes: SizeAnswers {
  let questions: [Question]
  let groups: [ChannelGroup]
  let keepsAdapters = true

  func answer(to question: Int) -> Int { questions[question].choices.last ?? 0 }

  func channels(of group: Int, reading input: Int) -> Int { groups[group].choices.last ?? 0 }
}
