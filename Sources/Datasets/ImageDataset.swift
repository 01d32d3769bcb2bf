import SearchSpace

/// Images of one size with a label each, as bytes in memory.
///
///     let training = try ImageDataset(idxFolder: "/usr/share/datasets/fashion-mnist")
///     training.count    // 60000
///     training.classes  // 10
///
public struct ImageDataset: Hashable, Sendable {
  /// The images, of shape `[count, height, width, channels]`, row-major, from 0 to 255.
  public let pixels: [UInt8]

  /// The class of each image, in `0..<classes`.
  public let labels: [UInt8]

  /// The pixels from top to bottom of an image.
  public let height: Int

  /// The pixels from left to right of an image.
  public let width: Int

  /// The values of a pixel: 1 for grey, 3 for colour.
  public let channels: Int

  /// The number of classes, whether or not each of them has an image.
  public let classes: Int

  /// Creates a data set of the given bytes.
  ///
  /// - Parameters:
  ///   - pixels: The images, of shape `[labels.count, height, width, channels]`, row-major.
  ///   - labels: The class of each image.
  ///   - height: The height of an image in pixels, at least 1.
  ///   - width: The width of an image in pixels, at least 1.
  ///   - channels: The values of a pixel, at least 1.
  ///   - classes: The number of classes, in `1...256`.
  /// - Precondition: The bytes fit the shape, and each label is less than `classes`.
  public init(
    pixels: [UInt8], labels: [UInt8], height: Int, width: Int, channels: Int, classes: Int
  ) {
    precondition(
      height > 0 && width > 0 && channels > 0,
      "an image of \(height)×\(width)×\(channels) has no pixels")
    precondition(
      pixels.count == labels.count * height * width * channels,
      "pixels holds \(pixels.count) bytes, not \(labels.count)×\(height)×\(width)×\(channels)")
    precondition((1...256).contains(classes), "there are \(classes) classes, not 1 to 256")
    precondition(
      labels.allSatisfy { Int($0) < classes }, "a label is not less than \(classes) classes")
    self.pixels = pixels
    self.labels = labels
    self.height = height
    self.width = width
    self.channels = channels
    self.classes = classes
  }

  /// The number of images.
  public var count: Int { labels.count }

  /// The bytes of one image: `height · width · channels`.
  public var imageSize: Int { height * width * channels }

  /// Sixteen hexadecimal digits that follow from the shape, the pixels and the labels alone.
  ///
  /// They tell whether a study goes on with the data that it began with. No cryptographic hash.
  ///
  /// - Complexity: O(`pixels.count`); some milliseconds for Fashion-MNIST.
  public var fingerprint: String {
    var fingerprint = Fingerprint()
    for size in [count, height, width, channels, classes] { fingerprint.add(UInt64(size)) }
    fingerprint.add(bytes: pixels.span)
    fingerprint.add(bytes: labels.span)
    return fingerprint.hexadecimal
  }
}
