import Datasets

/// What a data set is found to be.
public struct DataDescription: Encodable, Sendable {
  public let schema = "nas.data/1"
  public let format: String
  public let path: String

  /// The values of a pixel: 1 for grey, 3 for colour.
  public let channels: Int
  public let height: Int
  public let width: Int

  /// The classes, in the order of their labels.
  public let classes: [Class]

  public let training: Part

  /// `nil` if there is none.
  public let test: Part?

  /// The mean of each channel of the training images, where black is 0 and white is 1.
  public let mean: [Double]

  /// The standard deviation of each channel, on the same scale.
  public let deviation: [Double]

  /// A class and how many images it has.
  public struct Class: Encodable, Sendable {
    /// What it is called; its label where the data does not say.
    public let name: String
    public let training: Int
    public let test: Int?
  }

  /// A part of the data.
  public struct Part: Encodable, Sendable {
    public let images: Int

    /// Identifies shape, images and labels.
    public let hash: String

    /// The images that were left out because they cannot be read.
    public let skipped: [Skipped]

    /// An image that was left out.
    public struct Skipped: Encodable, Sendable {
      public let path: String
      public let reason: String
    }

    init(_ dataset: ImageDataset) {
      (images, hash) = (dataset.count, dataset.fingerprint)
      skipped = dataset.skipped.map { Skipped(path: $0.path, reason: $0.reason) }
    }
  }

  private let dataset: ImageDataset

  private enum CodingKeys: CodingKey {
    case schema, format, path, channels, height, width, classes, training, test, mean, deviation
  }

  /// Reads a data set.
  ///
  /// - Parameters:
  ///   - path: A folder or an archive.
  ///   - format: How it is stored, such as `cifar-10`; `nil` to tell by what is there.
  ///   - size: The side in pixels that images of no common size are brought to.
  ///   - report: Told how reading goes where it takes long.
  /// - Throws: `DatasetError` if it cannot be read, ``UnknownFormatError`` if there is no such format.
  public init(
    of path: String, format: String? = nil, size: Int = 64, report: (StudyEvent) -> Void = { _ in }
  ) throws {
    var data = Plan.Data(path: path)
    data.size = size
    data.format =
      if let format {
        try DataFormat(rawValue: format) ?? { throw UnknownFormatError(format: format) }()
      } else {
        try DataFormat(recognizing: path)
      }
    dataset = try data.read(report)
    let test = try data.readTest(matching: dataset, report)
    self.path = path
    self.format = data.format.rawValue
    (channels, height, width) = (dataset.channels, dataset.height, dataset.width)
    let normalization = Normalization(
      measuring: dataset, examples: Array(dataset.labels.indices))
    (mean, deviation) = (normalization.mean, normalization.deviation)
    training = Part(dataset)
    self.test = test.map(Part.init)
    let counts = dataset.imagesPerClass
    let testCounts = test?.imagesPerClass
    classes = counts.indices.map { [dataset] label in
      Class(
        name: dataset.classNames?[label] ?? "\(label)", training: counts[label],
        test: testCounts?[label])
    }
  }

  /// A picture of some training images, a line for each class, as a PNG file.
  public var sheet: [UInt8] { Picture(sheetOf: dataset).png }
}

/// A word that names no format of data.
public struct UnknownFormatError: Error, Hashable, Sendable, CustomStringConvertible {
  let format: String

  public var description: String {
    "there is no format '\(format.escapingControls)'; there are "
      + DataFormat.allCases.map(\.rawValue).joined(separator: ", ")
  }
}
