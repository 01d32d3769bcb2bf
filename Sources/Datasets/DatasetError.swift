/// A reason why images cannot be read or divided as asked.
///
/// Every description is one line that says which file, what is wrong and what to do about it.
public enum DatasetError: Error, Hashable, Sendable {
  /// There is no such file or folder.
  ///
  /// - Parameters:
  ///   - path: The folder, or the folder with the file name expected in it.
  ///   - remedy: What to do, as an imperative without a full stop.
  case missing(path: String, remedy: String)

  /// A file is there but does not hold what its format demands.
  case malformed(file: String, Defect)

  /// The system would not let a file be opened or read.
  ///
  /// - Parameters:
  ///   - path: The file or folder.
  ///   - reason: The system's own words.
  case unreadable(path: String, reason: String)

  /// A hold-out of so many images would leave nothing to train on.
  case holdOutTooLarge(holdOut: Int, images: Int)

  /// A batch needs more images than there are.
  case batchTooLarge(batch: Int, images: Int)

  /// What is wrong with the content of a file.
  public enum Defect: Hashable, Sendable {
    /// The file starts with another number than its kind of file does.
    case wrongMagic(found: UInt32, expected: UInt32)
    /// The file ends before its header does.
    case headerIncomplete
    /// A dimension in the header is 0.
    case empty(dimensions: [Int])
    /// The dimensions in the header multiply to more bytes than a file of this size can hold.
    case tooLarge(dimensions: [Int], fileSize: Int)
    /// The file ends before the bytes its header promises.
    case tooShort(promised: Int)
    /// Bytes follow the ones the header promises.
    case tooLong(promised: Int)
    /// The compressed stream stops in the middle.
    case gzipIncomplete
    /// The compressed stream is damaged; the detail is zlib's.
    case gzipDamaged(detail: String)
    /// Bytes follow the end of the compressed stream.
    case gzipFollowedByOtherData
    /// There are not as many labels as images.
    case labelCount(labels: Int, images: Int)
    /// A label names no class.
    case labelOutOfRange(label: Int, index: Int, classes: Int)
    /// The images have another size than those they belong with.
    case imageSize(height: Int, width: Int, expectedHeight: Int, expectedWidth: Int)
  }
}

extension DatasetError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .missing(let path, let remedy):
      "\(printable(path)): not found; \(remedy)."
    case .malformed(let file, let defect):
      "\(printable(file)): \(defect.problem); \(defect.remedy)."
    case .unreadable(let path, let reason):
      "\(printable(path)): \(reason); check that it is a readable file or folder on a sound disk."
    case .holdOutTooLarge(let holdOut, let images):
      "A hold-out of \(holdOut) images leaves none of \(images) to train on; "
        + "hold out \(max(0, images - 1)) or fewer."
    case .batchTooLarge(let batch, let images):
      "A batch of \(batch) images cannot be filled from \(images); use a smaller batch."
    }
  }

  /// Returns `path` with the characters escaped that would break the line or rule the terminal.
  private func printable(_ path: String) -> String {
    path.unicodeScalars.map { scalar in
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator: scalar.escaped(asASCII: true)
      default: String(scalar)
      }
    }.joined()
  }
}

extension DatasetError.Defect {
  /// What is wrong, as a clause about the file.
  fileprivate var problem: String {
    switch self {
    case .wrongMagic(let found, let expected):
      "starts with \(hexadecimal(found)), not with \(hexadecimal(expected))"
    case .headerIncomplete:
      "ends within its header"
    case .empty(let dimensions):
      "holds nothing, its dimensions being \(product(dimensions))"
    case .tooLarge(let dimensions, let fileSize):
      "declares \(product(dimensions)) bytes, more than a file of \(fileSize) bytes can hold"
    case .tooShort(let promised):
      "ends before the \(promised) bytes that its header declares"
    case .tooLong(let promised):
      "goes on after the \(promised) bytes that its header declares"
    case .gzipIncomplete:
      "is compressed but stops in the middle"
    case .gzipDamaged(let detail):
      "is compressed but damaged (\(detail))"
    case .gzipFollowedByOtherData:
      "goes on after the end of its compressed data"
    case .labelCount(let labels, let images):
      "holds \(labels) labels for \(images) images"
    case .labelOutOfRange(let label, let index, let classes):
      "gives image \(index) the label \(label), beyond the \(classes) classes from 0"
    case .imageSize(let height, let width, let expectedHeight, let expectedWidth):
      "holds images of \(height)×\(width) pixels where the training images have "
        + "\(expectedHeight)×\(expectedWidth)"
    }
  }

  /// What to do about it, as an imperative.
  fileprivate var remedy: String {
    switch self {
    case .wrongMagic:
      "give an IDX file of unsigned bytes, images and labels not exchanged"
    case .empty:
      "give a file with at least one image"
    case .headerIncomplete, .tooLarge, .tooShort, .tooLong, .gzipIncomplete, .gzipDamaged,
      .gzipFollowedByOtherData:
      "fetch the file again"
    case .labelCount:
      "use images and labels of the same set"
    case .labelOutOfRange, .imageSize:
      "use training and test files of the same set"
    }
  }

  private func hexadecimal(_ number: UInt32) -> String {
    let digits = String(number, radix: 16)
    return "0x" + String(repeating: "0", count: 8 - digits.count) + digits
  }

  private func product(_ dimensions: [Int]) -> String {
    dimensions.map(String.init).joined(separator: "×")
  }
}
