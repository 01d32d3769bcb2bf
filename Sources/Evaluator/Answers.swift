public import Datasets
public import Kernels
public import Networks
public import SearchSpace

/// What a network answers to the first images of the hold-out.
public struct Answers: Sendable {
  /// The scores of all classes for each image, one after the other.
  public let logits: [Float]

  public let score: Score

  /// Asks a network about the first images of the hold-out.
  ///
  /// - Parameters:
  ///   - network: The network.
  ///   - statistics: For each layer that normalises, its mean and variance.
  ///   - runner: Holds the network's weights, or those of a supernet that it is part of.
  ///   - images: The images of the study.
  ///   - recipe: How many images to show, and how many at a time.
  /// - Throws: ``KernelError`` if a kernel fails.
  public init(
    of network: Network, statistics: [ChannelStatistics?], runner: NetworkRunner,
    images: StudyImages, recipe: ScoringRecipe
  ) throws(KernelError) {
    try self.init(
      of: network, statistics: statistics, runner: runner, maker: images.maker,
      examples: images.holdOut.prefix(recipe.images), batch: recipe.batch)
  }

  /// Asks a network about images of any data set.
  ///
  /// - Parameters:
  ///   - network: The network.
  ///   - statistics: For each layer that normalises, its mean and variance.
  ///   - runner: Holds the network's weights.
  ///   - maker: Turns the images into floats, as it did those that the network was trained on.
  ///   - examples: The indices of the images.
  ///   - batch: How many images to show at a time.
  /// - Throws: ``KernelError`` if a kernel fails.
  public init(
    of network: Network, statistics: [ChannelStatistics?], runner: NetworkRunner,
    maker: BatchMaker, examples: ArraySlice<Int>, batch: Int
  ) throws(KernelError) {
    try self.init(to: examples, of: maker, batch: batch, in: runner.arena) {
      batch throws(KernelError) in
      try runner.outputs(of: network, images: batch, statistics: statistics)
    }
  }

  /// Asks whatever answers.
  ///
  /// - Parameters:
  ///   - examples: The indices of the images.
  ///   - maker: Turns the images into floats.
  ///   - batch: How many images to show at a time.
  ///   - arena: Where batches, and perhaps the answers, lie until the next.
  ///   - answer: Given a batch of shape `[images, height, width, channels]`, returns the logits, of
  ///     shape `[images, classes]`.
  /// - Throws: ``KernelError`` if a kernel fails.
  public init(
    to examples: ArraySlice<Int>, of maker: BatchMaker, batch: Int, in arena: Arena,
    by answer: (Tensor) throws(KernelError) -> Tensor
  ) throws(KernelError) {
    var logits: [Float] = []
    var tally = Tally()
    try maker.forEachBatch(of: examples, by: batch, in: arena) {
      batch, labels throws(KernelError) in
      let outputs = try answer(batch)
      logits += outputs.elements
      tally.add(Probabilities(softmaxOf: outputs).crossEntropy(labels: labels))
    }
    self.logits = logits
    score = tally.score
  }

  /// The largest magnitude of a logit.
  public var largestLogit: Double {
    logits.reduce(0) { max($0, abs(Double($1))) }
  }

  /// The largest difference of any logit from that of other answers to the same images.
  public func largestDifference(from other: Answers) -> Double {
    precondition(logits.count == other.logits.count, "answers to other images")
    return zip(logits, other.logits).reduce(0) { largest, pair in
      let difference = abs(Double(pair.0) - Double(pair.1))
      return difference <= largest ? largest : difference  // a NaN becomes the largest
    }
  }
}

extension Supernet {
  /// What an architecture answers through its slice of the supernet, in single precision.
  ///
  /// That is how files are computed, whatever the supernet was trained in: answers that agree but
  /// for rounding say that the weights are the same.
  ///
  /// - Throws: ``KernelError`` if a kernel fails.
  public func answers(
    of trained: TrainedNetwork, with recipe: ScoringRecipe
  ) throws(KernelError) -> Answers {
    let trainedIn = precision
    precision = .float32
    defer { precision = trainedIn }
    return try Answers(
      of: trained.network, statistics: trained.statistics, runner: runner, images: images,
      recipe: recipe)
  }
}
