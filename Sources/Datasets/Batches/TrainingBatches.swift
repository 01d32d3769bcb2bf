import SearchSpace

/// The endless sequence of batches that a network is trained on.
///
/// Every epoch goes once through the images in an order of its own and leaves out the few at its
/// end that do not fill a batch. Batch *k* of a run follows from the seed and *k* alone: to go on
/// with a run, its step number is all that is needed.
///
///     var batches = try TrainingBatches(
///       of: BatchMaker(of: dataset, normalization: normalization), examples: split.training,
///       batchSize: 128, augmentation: Augmentation(crop: 2, flip: true), seed: 1)
///     batches.fill(&images, labels: &labels, step: 0)
///
public struct TrainingBatches: Sendable {
  /// What turns images into floats.
  public let maker: BatchMaker

  /// The indices of the images to train on.
  public let examples: [Int]

  /// The number of images in every batch.
  public let batchSize: Int

  /// How images are varied.
  public let augmentation: Augmentation

  private let seed: UInt64

  // Kept only to save time: the order of the epoch that the last batch was part of.
  private var order: [Int] = []
  private var orderedEpoch = -1

  /// Creates the batches of a run.
  ///
  /// - Parameters:
  ///   - maker: What turns images into floats.
  ///   - examples: The indices of the images to train on.
  ///   - batchSize: The number of images in every batch, at least 1.
  ///   - augmentation: How images are varied.
  ///   - seed: What the order of the images and their variations follow from.
  /// - Throws: ``DatasetError/batchTooLarge(batch:images:)`` if `examples` do not fill a batch.
  /// - Precondition: `batchSize` is at least 1, and the data set has each example.
  public init(
    of maker: BatchMaker, examples: [Int], batchSize: Int, augmentation: Augmentation = .none,
    seed: UInt64
  ) throws(DatasetError) {
    precondition(batchSize >= 1, "a batch cannot have \(batchSize) images")
    precondition(
      examples.allSatisfy(maker.dataset.labels.indices.contains), "an example is not in the data")
    guard batchSize <= examples.count else {
      throw .batchTooLarge(batch: batchSize, images: examples.count)
    }
    self.maker = maker
    self.examples = examples
    self.batchSize = batchSize
    self.augmentation = augmentation
    self.seed = seed
  }

  /// The number of batches in an epoch, at least 1.
  public var stepsPerEpoch: Int { examples.count / batchSize }

  /// Writes batch `step` of the run, whichever batch was written before.
  ///
  /// - Parameters:
  ///   - images: The batch, of shape `[batchSize, height, width, channels]`. Overwritten.
  ///   - labels: The class of each image, of shape `[batchSize]`. Overwritten.
  ///   - step: The number of the batch from the beginning of the run, at least 0.
  /// - Complexity: O(`images.count`), and O(`examples.count`) when the epoch changes.
  /// - Precondition: Each span holds exactly as many elements as its shape.
  public mutating func fill(
    _ images: inout MutableSpan<Float>, labels: inout MutableSpan<Int32>, step: Int
  ) {
    precondition(step >= 0, "there is no batch \(step)")
    maker.checkShapes(images: images.count, labels: labels.count, examples: batchSize)
    let (epoch, batch) = step.quotientAndRemainder(dividingBy: stepsPerEpoch)
    if epoch != orderedEpoch {
      order = examples
      var rng = SeededGenerator(seed: seed, stream: "shuffle", index: epoch)
      rng.shuffle(&order)
      orderedEpoch = epoch
    }
    for row in 0..<batchSize {
      let example = order[batch * batchSize + row]
      var rng = SeededGenerator(
        seed: seed, stream: "augmentation", index: step * batchSize + row)
      let variation = augmentation.variation(
        height: maker.dataset.height, width: maker.dataset.width, using: &rng)
      labels[row] = Int32(maker.dataset.labels[example])
      maker.write(example, variation, into: &images, at: row)
    }
  }
}
