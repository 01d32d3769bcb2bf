import Datasets
import Kernels
import Networks
public import SearchSpace

/// How a score is made.
public struct ScoringRecipe: Hashable, Codable, Sendable {
  /// How many images of the hold-out are classified: the first ones.
  public var images: Int

  /// Over how many training images the statistics of normalisations are gathered.
  ///
  /// With 0 none are gathered: each batch that is scored is normalised by its own, as in training.
  /// That is quicker, and no network can be cut out with it.
  public var calibration: Int

  /// How many images are computed at a time.
  public var batch: Int

  public init(images: Int = 2048, calibration: Int = 1024, batch: Int = 128) {
    self.images = images
    self.calibration = calibration
    self.batch = batch
  }
}

/// Scores networks over shared weights.
///
/// Normalisation statistics belong to a subnet, not to the supernet: those gathered at one width
/// are wrong at another. So each network first sees some training images, without augmentation,
/// normalised batch by batch; the exact mean of the batches' moments gives each layer its mean and
/// variance. With these it classifies images of the hold-out.
///
/// > J. Yu, T. Huang. "Universally Slimmable Networks and Improved Training Techniques." ICCV 2019.
/// > arXiv:1903.05134, section 3.3 (post-statistics of batch normalisation).
struct Scoring {
  let runner: NetworkRunner
  let images: StudyImages
  let recipe: ScoringRecipe

  // MARK: Scores

  /// Scores networks, computing once the layers that they begin with alike.
  func assessments(of networks: [Network]) throws(KernelError) -> [Assessment] {
    var assessments: [Assessment] = []
    for together in packable(networks) {
      let mark = runner.arena.mark
      defer { runner.arena.release(to: mark) }
      let tree = PackedTree(Array(together), runner)
      let tallies =
        try recipe.calibration > 0
        ? tallies(of: tree, with: statistics(of: tree)) : tallies(of: tree)
      assessments += tallies.map(\.assessment)
    }
    return assessments
  }

  /// Gathers the statistics of one network.
  ///
  /// - Precondition: The recipe gathers them over some images.
  func statistics(of network: Network) throws(KernelError) -> [ChannelStatistics?] {
    precondition(recipe.calibration > 0, "no images to gather statistics over")
    let mark = runner.arena.mark
    defer { runner.arena.release(to: mark) }
    return try statistics(of: PackedTree([network], runner))
  }

  /// Networks with the weights of each node's layer, packed once for all images and all nodes that share it.
  private struct PackedTree {
    let tree: PrefixTree
    let weights: [WeightView?]

    init(_ networks: [Network], _ runner: NetworkRunner) {
      tree = PrefixTree(networks, where: runner.computesBeginning)
      var packed: [Layer: WeightView?] = [:]
      for node in tree.nodes where packed[node.layer] == nil {
        packed.updateValue(runner.packedWeights(of: node.layer), forKey: node.layer)
      }
      weights = tree.nodes.map { packed[$0.layer] ?? nil }
    }
  }

  // MARK: Batch by batch, each normalised by its own statistics

  /// Gathers the statistics of each node of a tree, in the order of its nodes.
  private func statistics(of packed: PackedTree) throws(KernelError) -> [ChannelStatistics?] {
    var means = [MomentMean](repeating: MomentMean(), count: packed.weights.count)
    try forEachBatch(
      of: images.calibration.prefix(recipe.calibration), packed,
      seeing: { node, labels, moments in
        means[node].add(moments, weight: Double(labels.count))
      },
      atEnd: { _, _, _ in })
    return means.map(\.statistics)
  }

  /// Classifies the hold-out.
  private func tallies(of packed: PackedTree) throws(KernelError) -> [Tally] {
    var tallies = [Tally](repeating: Tally(), count: packed.tree.networks)
    try forEachBatch(
      of: images.holdOut.prefix(recipe.images), packed, seeing: { _, _, _ in },
      atEnd: { network, labels, outputs in
        tallies[network].add(Probabilities(softmaxOf: outputs).crossEntropy(labels: labels))
      })
    return tallies
  }

  private func forEachBatch(
    of examples: ArraySlice<Int>, _ packed: PackedTree,
    seeing: @escaping (_ node: Int, _ labels: [Int32], ChannelStatistics) -> Void,
    atEnd: (_ network: Int, _ labels: [Int32], _ outputs: Tensor) -> Void
  ) throws(KernelError) {
    let walk = TreeWalk(packed.tree, with: runner)
    try images.maker.forEachBatch(of: examples, by: recipe.batch, in: runner.arena) {
      batch, labels throws(KernelError) in
      try walk(over: batch) { node, input, operand, place throws(KernelError) in
        try runner.compute(
          packed.tree.nodes[node].layer, input: input, operand: operand,
          weights: packed.weights[node], into: place
        ) {
          .batch { seeing(node, labels, $0) }
        }.value
      } atEnd: { network, outputs in
        atEnd(network, labels, outputs)
      }
    }
  }

  // MARK: A few images at a time on each thread, with known statistics

  /// How many images a thread computes at a time.
  ///
  /// So few that what they become mostly stays in the caches, and enough that the weights are worth their
  /// way there. It is one number for all networks, so that no score depends on what it is computed beside.
  private static let imagesAtOnce = 8

  /// The bytes of packed weights that networks scored together may have.
  private static let packedBytes = 1 << 28

  /// Classifies the hold-out with the statistics of each node.
  private func tallies(
    of packed: PackedTree, with statistics: [ChannelStatistics?]
  ) throws(KernelError) -> [Tally] {
    var tree = packed.tree
    tree.leaveToReaders(where: runner.expands)
    var layers: [PreparedLayer] = []
    for (index, node) in tree.nodes.enumerated() {
      let before = node.parent.flatMap { tree.nodes[$0].isComputedByReader ? layers[$0] : nil }
      layers.append(
        runner.prepare(
          node.layer, weights: packed.weights[index], normalizing: statistics[index],
          after: before))
    }
    let tickets = Tickets(of: images.holdOut.prefix(recipe.images), by: Self.imagesAtOnce)
    let workers = try runner.crew().map { ScoringWorker(tree, layers, with: $0) }
    runner.engine.onEachThread { thread in
      if thread < workers.count { workers[thread].work(off: tickets, images.maker) }
    }
    for worker in workers { if let failure = worker.failure { throw failure } }
    var tallies = [Tally](repeating: Tally(), count: tree.networks)
    // Whoever computed them: added up in the order of the images.
    for answer in workers.flatMap(\.answers).sorted(by: { $0.ticket < $1.ticket }) {
      tallies[answer.network].add(answer.loss)
    }
    return tallies
  }

  /// Cuts a list of networks into parts whose weights, packed, are not too many.
  private func packable(_ networks: [Network]) -> [ArraySlice<Network>] {
    // Winograd's filtering makes 36 numbers of 9.
    let most = Self.packedBytes / (4 * MemoryLayout<Float>.size)
    var parts: [ArraySlice<Network>] = []
    var first = 0
    var layers: Set<Layer> = []
    var weights = 0
    for (index, network) in networks.enumerated() {
      let own = network.layers.filter { !layers.contains($0) }
      if weights + own.cost.parameters > most, index > first {
        parts.append(networks[first..<index])
        (first, layers, weights) = (index, [], 0)
      }
      let added = network.layers.filter { layers.insert($0).inserted }
      weights += added.cost.parameters
    }
    return parts + [networks[first...]]
  }
}

extension BatchMaker {
  /// Gives a closure images in batches, the last perhaps smaller, with their labels.
  ///
  /// The batches lie in `arena` for as long as the closure has them.
  func forEachBatch(
    of examples: ArraySlice<Int>, by count: Int, in arena: Arena,
    _ body: (Tensor, [Int32]) throws(KernelError) -> Void
  ) throws(KernelError) {
    var start = examples.startIndex
    while start < examples.endIndex {
      let end = min(start + count, examples.endIndex)
      let mark = arena.mark
      defer { arena.release(to: mark) }
      let batch = arena.tensor(
        TensorShape(
          batch: end - start, height: dataset.height, width: dataset.width,
          channels: dataset.channels))
      var labels = [Int32](repeating: 0, count: end - start)
      batch.withElements { elements in
        var labelSpan = labels.mutableSpan
        fill(&elements, labels: &labelSpan, with: examples[start..<end])
      }
      try body(batch, labels)
      start = end
    }
  }
}

/// The exact mean of the moments of several batches.
private struct MomentMean {
  private var weight = 0.0
  private var mean: [Double] = []
  private var square: [Double] = []

  mutating func add(_ batch: ChannelStatistics, weight: Double) {
    if mean.isEmpty {
      mean = [Double](repeating: 0, count: batch.mean.count)
      square = mean
    }
    self.weight += weight
    for channel in mean.indices {
      let value = Double(batch.mean[channel])
      mean[channel] += weight * value
      square[channel] += weight * (Double(batch.variance[channel]) + value * value)
    }
  }

  /// Mean and variance over all images seen; `nil` for a layer that does not normalise.
  var statistics: ChannelStatistics? {
    guard weight > 0 else { return nil }
    let means = mean.map { $0 / weight }
    return ChannelStatistics(
      mean: means.map { Float($0) },
      variance: zip(square, means).map { Float(max(0, $0 / weight - $1 * $1)) })
  }
}

/// A score with the answers that it counts.
public struct Assessment: Hashable, Sendable {
  public let score: Score

  /// For each image, in the order of the hold-out, whether it was classified rightly.
  public let answers: RightAnswers
}

/// A score in the making.
struct Tally {
  private(set) var answers = RightAnswers()
  private var loss = 0.0

  /// Adds images one by one, so that it does not matter how many came at a time.
  mutating func add(_ batch: BatchLoss) {
    for isRight in batch.rightAnswers { answers.append(isRight) }
    for loss in batch.imageLosses { self.loss += loss }
  }

  var score: Score {
    Score(
      correct: answers.count, images: answers.images, loss: loss / Double(max(1, answers.images)))
  }

  var assessment: Assessment { Assessment(score: score, answers: answers) }
}
