import SearchSpace

/// A training set divided into images to train on and images to score candidates with.
///
/// Every class gives the same share of its images to the hold-out. Which images are held out, and
/// in which order, follows from the labels and the generator alone.
///
///     var rng = SeededGenerator(seed: 1, stream: "hold-out")
///     let split = try HoldOutSplit(of: dataset, holdOut: 5000, using: &rng)
///     split.holdOut.prefix(2048)  // as balanced as the whole
///
public struct HoldOutSplit: Hashable, Sendable {
  /// The indices of the images to train on, ascending.
  public let training: [Int]

  /// The indices of the images held out.
  ///
  /// The classes take turns, so that every first part of the hold-out is balanced too, to within
  /// one image of a class.
  public let holdOut: [Int]

  /// Divides a data set.
  ///
  /// The share of a class is rounded down; the images then still lacking come from the classes
  /// whose shares lost the largest fraction, the lower class first.
  ///
  /// - Parameters:
  ///   - dataset: The training set.
  ///   - count: The number of images to hold out, at least 0.
  ///   - rng: Where the choice of images comes from.
  /// - Throws: ``DatasetError/holdOutTooLarge(holdOut:images:)`` if nothing would be left to train
  ///   on.
  /// - Precondition: `count` is not negative.
  public init(
    of dataset: ImageDataset, holdOut count: Int, using rng: inout some RandomNumberGenerator
  ) throws(DatasetError) {
    precondition(count >= 0, "a hold-out cannot have \(count) images")
    guard count < dataset.count else {
      throw .holdOutTooLarge(holdOut: count, images: dataset.count)
    }
    var members = [[Int]](repeating: [], count: dataset.classes)
    for (index, label) in dataset.labels.enumerated() { members[Int(label)].append(index) }
    let shares = Self.shares(of: count, among: members.map(\.count))

    var turns: [Turn] = []
    turns.reserveCapacity(count)
    for (label, share) in shares.enumerated() {
      rng.shuffle(&members[label])
      for (rank, index) in members[label].prefix(share).enumerated() {
        turns.append(Turn(index: index, label: label, rank: rank, share: share))
      }
    }
    turns.sort()
    holdOut = turns.map(\.index)

    var isHeldOut = [Bool](repeating: false, count: dataset.count)
    for index in holdOut { isHeldOut[index] = true }
    training = isHeldOut.indices.filter { !isHeldOut[$0] }
  }

  /// Sixteen hexadecimal digits that follow from the held-out images and their order alone.
  ///
  /// Scores are comparable only between candidates whose split has the same fingerprint.
  public var fingerprint: String {
    var fingerprint = Fingerprint()
    fingerprint.add(UInt64(training.count))
    for index in holdOut { fingerprint.add(UInt64(index)) }
    return fingerprint.hexadecimal
  }

  /// Divides `count` among classes in proportion to their sizes, by the largest remainder.
  private static func shares(of count: Int, among sizes: [Int]) -> [Int] {
    let total = sizes.reduce(0, +)
    var shares = sizes.map { count * $0 / total }
    let lacking = count - shares.reduce(0, +)
    let byRemainder = sizes.indices.sorted { first, second in
      let (a, b) = (count * sizes[first] % total, count * sizes[second] % total)
      return (b, first) < (a, second)
    }
    for label in byRemainder.prefix(lacking) { shares[label] += 1 }
    return shares
  }
}

/// The place of an image in the order of the hold-out.
private struct Turn: Comparable {
  let index: Int
  let label: Int
  /// The number of images of the same class before it.
  let rank: Int
  /// The number of images of the same class in all, at least 1.
  let share: Int

  /// Orders turns by how far each has come in its class, `(rank + ½) / share`, then by class.
  static func < (a: Turn, b: Turn) -> Bool {
    ((2 * a.rank + 1) * b.share, a.label) < ((2 * b.rank + 1) * a.share, b.label)
  }
}
