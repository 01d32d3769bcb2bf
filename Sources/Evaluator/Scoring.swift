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
    let tree = PrefixTree(networks)
    let statistics = try recipe.calibration > 0 ? statistics(of: tree) : nil
    var tallies = [Tally](repeating: Tally(), count: networks.count)
    let examples = images.holdOut.prefix(recipe.images)
    try forEachBatch(of: examples) { batch, labels throws(KernelError) in
      try walk(tree, over: batch) { node in
        guard let statistics else { return .batch { _ in } }
        guard let known = statistics[node].statistics else {
          preconditionFailure("no statistics were gathered for \(tree.nodes[node].layer.name)")
        }
        return .fixed(known)
      } atEnd: { network, outputs in
        tallies[network].add(Probabilities(softmaxOf: outputs).crossEntropy(labels: labels))
      }
    }
    return tallies.map { Assessment(score: $0.score, answers: $0.answers) }
  }

  /// Gathers the statistics of one network.
  ///
  /// - Precondition: The recipe gathers them over some images.
  func statistics(of network: Network) throws(KernelError) -> [ChannelStatistics?] {
    precondition(recipe.calibration > 0, "no images to gather statistics over")
    return try statistics(of: PrefixTree([network])).map(\.statistics)
  }

  /// Gathers the statistics of each node of a tree, in the order of its nodes.
  private func statistics(of tree: PrefixTree) throws(KernelError) -> [MomentMean] {
    var means = [MomentMean](repeating: MomentMean(), count: tree.nodes.count)
    try forEachBatch(of: images.calibration.prefix(recipe.calibration)) {
      batch, labels throws(KernelError) in
      try walk(tree, over: batch) { node in
        .batch { means[node].add($0, weight: Double(labels.count)) }
      } atEnd: { _, _ in
      }
    }
    return means
  }

  // MARK: Computing the tree

  /// Computes every layer of a tree once, depth first, holding only the branch it is on.
  private func walk(
    _ tree: PrefixTree, over batch: Tensor,
    normalization: (Int) -> NetworkRunner.Normalization,
    atEnd: (Int, Tensor) -> Void
  ) throws(KernelError) {
    var branch: [NormalizedTensor] = []
    func visit(_ index: Int) throws(KernelError) {
      let node = tree.nodes[index]
      let mark = runner.arena.mark
      defer { runner.arena.release(to: mark) }
      let output = try runner.compute(
        node.layer, input: value(node.layer.source),
        operand: node.layer.operand.map(value)
      ) { normalization(index) }.value
      for network in node.ends { atEnd(network, runner.final(output)) }
      branch.append(output)
      for next in node.next { try visit(next) }
      branch.removeLast()
    }
    func value(_ value: Value) -> NormalizedTensor {
      switch value {
      case .image: NormalizedTensor(batch)
      case .layer(let index): branch[index]
      }
    }
    for root in tree.roots { try visit(root) }
  }

  private func forEachBatch(
    of examples: ArraySlice<Int>, _ body: (Tensor, [Int32]) throws(KernelError) -> Void
  ) throws(KernelError) {
    try images.maker.forEachBatch(of: examples, by: recipe.batch, in: runner.arena, body)
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

  mutating func add(_ batch: BatchLoss) {
    for isRight in batch.rightAnswers { answers.append(isRight) }
    loss += batch.loss * Double(batch.rightAnswers.count)
  }

  var score: Score {
    Score(
      correct: answers.count, images: answers.images, loss: loss / Double(max(1, answers.images)))
  }
}
