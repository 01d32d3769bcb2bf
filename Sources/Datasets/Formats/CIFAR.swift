/// The binary layout of CIFAR-10 and CIFAR-100.
///
/// A file is one record after the other. A record is the label, one byte each for CIFAR-10, the label
/// of twenty coarse classes and that of a hundred fine ones for CIFAR-100; then the red, the green and
/// the blue plane of 32×32 bytes each, row by row. Of CIFAR-100 the fine labels are read.
///
/// > A. Krizhevsky. "Learning Multiple Layers of Features from Tiny Images." 2009.
/// > [cs.toronto.edu/~kriz/cifar.html](https://www.cs.toronto.edu/~kriz/cifar.html)
public enum CIFAR: Hashable, Sendable {
  case ten
  case hundred

  static let side = 32

  var classes: Int { self == .ten ? 10 : 100 }

  /// The bytes of a record before its planes, of which the last is the label.
  private var labelBytes: Int { self == .ten ? 1 : 2 }

  private var recordSize: Int { labelBytes + 3 * Self.side * Self.side }

  /// The most bytes of a file that are read: twenty times what the largest one has.
  private var largestFile: Int { 1_000_000 * recordSize }

  /// The folder that the archive unpacks to.
  var folder: String { self == .ten ? "cifar-10-batches-bin" : "cifar-100-binary" }

  /// The files of a part, in their order.
  ///
  /// Of CIFAR-10's training part the last ones may be absent.
  func files(of part: ImageDataset.Part) -> [String] {
    switch (self, part) {
    case (.ten, .training): (1...5).map { "data_batch_\($0).bin" }
    case (.ten, .test): ["test_batch.bin"]
    case (.hundred, .training): ["train.bin"]
    case (.hundred, .test): ["test.bin"]
    }
  }

  /// The text with the name of a class on each line.
  var namesFile: String { self == .ten ? "batches.meta.txt" : "fine_label_names.txt" }

  /// Takes the images of some files.
  ///
  /// - Parameter files: The content of each file, with its path for errors.
  /// - Returns: The images, each pixel's channels side by side, and their labels.
  /// - Throws: ``DatasetError/malformed(file:_:)`` with the place of what is wrong.
  func read(
    _ files: [(path: String, bytes: [UInt8])]
  ) throws(DatasetError) -> (pixels: [UInt8], labels: [UInt16]) {
    for (path, bytes) in files { try check(size: bytes.count, of: path) }
    let plane = Self.side * Self.side
    let images = files.reduce(0) { $0 + $1.bytes.count / recordSize }
    var pixels = [UInt8](repeating: 0, count: images * 3 * plane)
    var labels: [UInt16] = []
    labels.reserveCapacity(images)
    for (path, bytes) in files {
      for start in stride(from: 0, to: bytes.count, by: recordSize) {
        let label = Int(bytes[start + labelBytes - 1])
        guard label < classes else {
          throw .malformed(
            file: path,
            .labelAt(offset: start + labelBytes - 1, label: label, classes: classes))
        }
        let planes = bytes.span.extracting(start + labelBytes..<start + recordSize)
        var image = pixels.mutableSpan
        let target = labels.count * 3 * plane
        for pixel in 0..<plane {
          image[target &+ 3 &* pixel] = planes[pixel]
          image[target &+ 3 &* pixel &+ 1] = planes[plane &+ pixel]
          image[target &+ 3 &* pixel &+ 2] = planes[2 &* plane &+ pixel]
        }
        labels.append(UInt16(label))
      }
    }
    return (pixels, labels)
  }

  /// Refuses a file whose size is not that of some records.
  func check(size: Int, of path: String) throws(DatasetError) {
    guard size > 0 else { throw .malformed(file: path, .empty(dimensions: [0])) }
    guard size <= largestFile else {
      throw .malformed(file: path, .tooLong(promised: largestFile))
    }
    guard size.isMultiple(of: recordSize) else {
      throw .malformed(file: path, .partialRecord(bytes: size, record: recordSize))
    }
  }

  /// The names of the classes in the text that comes with the images.
  func names(_ text: [UInt8], of path: String) throws(DatasetError) -> [String] {
    let names = String(decoding: text, as: UTF8.self).split(whereSeparator: \.isNewline).map(
      String.init)
    guard names.count == classes else {
      throw .malformed(file: path, .classNames(count: names.count, expected: classes))
    }
    return names
  }
}
