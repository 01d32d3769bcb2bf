import SearchSpace

/// Images of one size with a label each, as bytes.
///
///     let training = try ImageDataset(idxFolder: "/usr/share/datasets/fashion-mnist")
///     training.count    // 60000
///     training.classes  // 10
///
public struct ImageDataset: Sendable {
  /// The images, of shape `[count, height, width, channels]`, row-major, from 0 to 255.
  public let pixels: Pixels

  /// The class of each image, in `0..<classes`.
  public let labels: [UInt16]

  /// The pixels from top to bottom of an image.
  public let height: Int

  /// The pixels from left to right of an image.
  public let width: Int

  /// The values of a pixel: 1 for grey, 3 for colour.
  public let channels: Int

  /// The number of classes, whether or not each of them has an image.
  public let classes: Int

  /// What the classes are called, in the order of their labels; `nil` where the data does not say.
  public var classNames: [String]?

  /// The images that were left out because they cannot be read.
  public var skipped: [SkippedImage] = []

  /// The fingerprint, where it is known without looking at the pixels.
  private let knownFingerprint: String?

  /// The most classes there can be.
  public static let mostClasses = 1 << 16

  /// Creates a data set of the given bytes.
  ///
  /// - Parameters:
  ///   - pixels: The images, of shape `[labels.count, height, width, channels]`, row-major.
  ///   - labels: The class of each image.
  ///   - height: The height of an image in pixels, at least 1.
  ///   - width: The width of an image in pixels, at least 1.
  ///   - channels: The values of a pixel, at least 1.
  ///   - classes: The number of classes, at least 1 and no more than ``mostClasses``.
  /// - Precondition: The bytes fit the shape, and each label is less than `classes`.
  public init(
    pixels: [UInt8], labels: [UInt16], height: Int, width: Int, channels: Int, classes: Int
  ) {
    self.init(
      pixels: Pixels(pixels), labels: labels, height: height, width: width, channels: channels,
      classes: classes)
  }

  /// Creates a data set of bytes that may lie in a file, and whose fingerprint may be known.
  init(
    pixels: Pixels, labels: [UInt16], height: Int, width: Int, channels: Int, classes: Int,
    fingerprint: String? = nil
  ) {
    precondition(
      height > 0 && width > 0 && channels > 0,
      "an image of \(height)×\(width)×\(channels) has no pixels")
    precondition(
      pixels.count == labels.count * height * width * channels,
      "pixels holds \(pixels.count) bytes, not \(labels.count)×\(height)×\(width)×\(channels)")
    precondition(
      (1...Self.mostClasses).contains(classes),
      "there are \(classes) classes, not 1 to \(Self.mostClasses)")
    precondition(
      labels.allSatisfy { Int($0) < classes }, "a label is not less than \(classes) classes")
    self.pixels = pixels
    self.labels = labels
    self.height = height
    self.width = width
    self.channels = channels
    self.classes = classes
    knownFingerprint = fingerprint
  }

  /// The number of images.
  public var count: Int { labels.count }

  /// How many images each class has.
  public var imagesPerClass: [Int] {
    var counts = [Int](repeating: 0, count: classes)
    for label in labels { counts[Int(label)] += 1 }
    return counts
  }

  /// The bytes of one image: `height · width · channels`.
  public var imageSize: Int { height * width * channels }

  /// Sixteen hexadecimal digits that follow from the shape, the pixels and the labels alone.
  ///
  /// They tell whether a study goes on with the data that it began with. No cryptographic hash.
  ///
  /// - Complexity: O(`pixels.count`); some milliseconds for Fashion-MNIST.
  public var fingerprint: String { knownFingerprint ?? contentFingerprint }

  /// The fingerprint as the content has it.
  var contentFingerprint: String {
    var fingerprint = Fingerprint()
    for size in [count, height, width, channels, classes] { fingerprint.add(UInt64(size)) }
    pixels.withSpan { fingerprint.add(bytes: $0) }
    // A byte a label where that is enough, as it was when there were no more than 256 classes.
    let bytes =
      classes <= 256
      ? labels.map { UInt8(truncatingIfNeeded: $0) }
      : labels.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] }
    fingerprint.add(bytes: bytes.span)
    return fingerprint.hexadecimal
  }
}

/// An image that was left out because it cannot be read.
public struct SkippedImage: Hashable, Codable, Sendable, CustomStringConvertible {
  /// The file.
  public let path: String

  /// Why, as a clause about it.
  public let reason: String

  public var description: String { "\(printable(path)): \(printable(reason))" }
}
