/// Which images of a list a network classified rightly: one bit an image.
///
/// With them two networks are compared image by image, which tells much smaller differences apart
/// than the two accuracies do.
///
///     var answers = RightAnswers()
///     for isRight in [true, false, true] { answers.append(isRight) }
///     answers.count  // 2
///     answers.bytes  // [0b101]
public struct RightAnswers: Hashable, Sendable {
  /// How many images were classified.
  public private(set) var images = 0

  /// The bits, from the lowest of each byte on; those behind the last image are 0.
  public private(set) var bytes: [UInt8] = []

  public init() {}

  /// Takes the bits of `images` images out of bytes, or returns nil if they are another number.
  public init?(bytes: [UInt8], images: Int) {
    guard images >= 0, bytes.count == (images + 7) / 8 else { return nil }
    if let last = bytes.last, !images.isMultiple(of: 8), last >> UInt8(images % 8) != 0 {
      return nil
    }
    self.bytes = bytes
    self.images = images
  }

  /// Adds the answer to the next image.
  public mutating func append(_ isRight: Bool) {
    if images.isMultiple(of: 8) { bytes.append(0) }
    if isRight { bytes[images / 8] |= 1 << UInt8(images % 8) }
    images += 1
  }

  /// How many images were classified rightly.
  public var count: Int { bytes.reduce(0) { $0 + $1.nonzeroBitCount } }

  /// How many images this network alone classified rightly, and how many the other one alone.
  ///
  /// - Precondition: Both are of the same images.
  public func disagreements(with other: RightAnswers) -> (here: Int, there: Int) {
    precondition(images == other.images, "answers to \(images) and \(other.images) images")
    var (here, there) = (0, 0)
    for (a, b) in zip(bytes, other.bytes) {
      here += (a & ~b).nonzeroBitCount
      there += (b & ~a).nonzeroBitCount
    }
    return (here, there)
  }
}
