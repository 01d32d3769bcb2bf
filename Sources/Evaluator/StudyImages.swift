public import Datasets
public import SearchSpace

/// The images of a study: some to train on, some to gather statistics over, some to score with.
///
/// All are of the training set. The hold-out is part of no training step, and its images come in
/// one order that the seed fixes, so that every candidate meets the same ones.
public struct StudyImages: Sendable {
  /// Turns images into floats.
  public let maker: BatchMaker

  /// The images to train on, ascending.
  public let training: [Int]

  /// The images that score candidates.
  public let holdOut: [Int]

  /// Images to train on, in an order of their own: statistics are gathered over the first of them.
  public let calibration: [Int]

  public let augmentation: Augmentation

  /// Identifies the hold-out and its order.
  public let holdOutFingerprint: String

  public let seed: UInt64

  /// Divides a training set.
  ///
  /// - Parameters:
  ///   - dataset: The training set.
  ///   - holdOut: How many images to set aside for scoring.
  ///   - augmentation: How training images are varied.
  ///   - seed: The seed of the study.
  /// - Throws: ``DatasetError`` if too few images would be left.
  public init(
    _ dataset: ImageDataset, holdOut: Int, augmentation: Augmentation, seed: UInt64
  ) throws(DatasetError) {
    var generator = SeededGenerator(seed: seed, stream: "hold-out")
    let split = try HoldOutSplit(of: dataset, holdOut: holdOut, using: &generator)
    maker = BatchMaker(
      of: dataset, normalization: Normalization(measuring: dataset, examples: split.training))
    training = split.training
    self.holdOut = split.holdOut
    holdOutFingerprint = split.fingerprint
    var shuffler = SeededGenerator(seed: seed, stream: "calibration")
    calibration = split.training.shuffled(using: &shuffler)
    self.augmentation = augmentation
    self.seed = seed
  }

  /// The images to train on in two halves, in each of which every class has the same share.
  ///
  /// Of an odd number one half has one more.
  public var halves: (first: [Int], second: [Int]) {
    var generator = SeededGenerator(seed: seed, stream: "halves")
    let labels = maker.dataset.labels
    let byClass = training.shuffled(using: &generator).enumerated().sorted {
      (labels[$0.element], $0.offset) < (labels[$1.element], $1.offset)
    }.map(\.element)
    let places = byClass.indices
    return (
      places.filter { $0.isMultiple(of: 2) }.map { byClass[$0] },
      places.filter { !$0.isMultiple(of: 2) }.map { byClass[$0] }
    )
  }

  /// The shape of one image.
  public var shape: Shape {
    let dataset = maker.dataset
    return Shape(channels: dataset.channels, height: dataset.height, width: dataset.width)
  }
}
