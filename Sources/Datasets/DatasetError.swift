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

  /// A file could not be written.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - reason: The system's own words.
  ///   - isFull: Whether the disk is full.
  case unwritable(path: String, reason: String, isFull: Bool)

  /// There is something, and it is no data in any of the formats.
  case unrecognized(path: String)

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

    // CIFAR
    /// The file is no whole number of records.
    case partialRecord(bytes: Int, record: Int)
    /// The label at a place of the file names no class.
    case labelAt(offset: Int, label: Int, classes: Int)
    /// The file names more or fewer classes than there are.
    case classNames(count: Int, expected: Int)
    /// A file of those that are numbered from 1 on is not there, and later ones are.
    case gap(missing: String)

    // Archives
    /// There is no whole entry at this place of the unpacked archive.
    case archiveDamaged(offset: Int)
    /// The archive unpacks to more than any that is read.
    case archiveTooLarge(limit: Int)
    /// The archive does not hold this file.
    case notInArchive(name: String)

    // Image folders
    /// There are too few or too many folders of classes.
    case classFolders(count: Int, limit: Int)
    /// A class has no image.
    case emptyClass(name: String)
    /// The name of a class is not UTF-8.
    case nameNotUTF8(name: String)
    /// A class of the test part is none of the training part's.
    case unknownClass(name: String)
    /// More images cannot be decoded than may be left out.
    case tooManyUnreadable(count: Int, images: Int, first: SkippedImage)
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
    case .unwritable(let path, let reason, let isFull):
      "\(printable(path)): cannot be written: \(reason); "
        + (isFull
          ? "make room, or let NAS_CACHE name a folder on another disk."
          : "let NAS_CACHE name a folder that can be written to.")
    case .unrecognized(let path):
      "\(printable(path)): no data that is known: there are no IDX files, no CIFAR files and no folder "
        + "named train; correct the path, or name the format."
    case .holdOutTooLarge(let holdOut, let images):
      "A hold-out of \(holdOut) images leaves none of \(images) to train on; "
        + "hold out \(max(0, images - 1)) or fewer."
    case .batchTooLarge(let batch, let images):
      "A batch of \(batch) images cannot be filled from \(images); use a smaller batch."
    }
  }

}

/// Returns `text` with the characters escaped that would break the line or rule the terminal.
func printable(_ text: String) -> String {
  text.unicodeScalars.map { scalar in
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator: scalar.escaped(asASCII: true)
    default: String(scalar)
    }
  }.joined()
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
    case .partialRecord(let bytes, let record):
      "holds \(bytes) bytes, and the record of \(record) bytes that begins at byte "
        + "\(bytes / record * record) is not whole"
    case .labelAt(let offset, let label, let classes):
      "has the label \(label) at byte \(offset), beyond the \(classes) classes from 0"
    case .classNames(let count, let expected):
      "names \(count) classes, not \(expected)"
    case .gap(let missing):
      "holds no \(missing), but later ones"
    case .archiveDamaged(let offset):
      "is no whole tar archive: what should be an entry at byte \(offset) is none"
    case .archiveTooLarge(let limit):
      "unpacks to more than \(limit) bytes"
    case .notInArchive(let name):
      "holds no \(name)"
    case .classFolders(let count, let limit):
      switch count {
      case 0: "holds no folder of a class"
      case 1: "holds one class only, and there is nothing to tell it from"
      default: "holds \(count) classes, more than \(limit)"
      }
    case .emptyClass(let name):
      "holds no .jpg, .jpeg or .png file of the class '\(printable(name))'"
    case .nameNotUTF8(let name):
      "holds the class '\(printable(name))', whose name is not UTF-8"
    case .unknownClass(let name):
      "holds the class '\(printable(name))', which the training part does not have"
    case .tooManyUnreadable(let count, let images, let first):
      "holds \(count) images of \(images) that cannot be read, more than 1 %; the first is "
        + first.description
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
    case .labelOutOfRange, .imageSize, .unknownClass:
      "use training and test files of the same set"
    case .partialRecord, .labelAt, .archiveDamaged:
      "fetch the file again, or name the format that it has"
    case .classNames:
      "use the file that came with the images"
    case .gap:
      "fetch the file that is missing"
    case .archiveTooLarge, .notInArchive:
      "give the archive as CIFAR is distributed, or the folder that it unpacks to"
    case .classFolders:
      "give each class a folder of its own, as in train/cat/1.jpg"
    case .emptyClass:
      "put images there, or remove the folder"
    case .nameNotUTF8:
      "rename the folder"
    case .tooManyUnreadable:
      "mend or remove them"
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
