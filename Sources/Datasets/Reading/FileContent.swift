/// The bytes of a file from front to back, unpacked on the way if the file is compressed by gzip.
///
/// Memory is taken for bytes that are there, never for bytes that a header merely promises.
struct FileContent: ~Copyable {
  let file: InputFile
  private let gzip: GzipStream?
  private var offset = 0

  /// Opens a file; whether it is compressed shows in its first bytes, not in its name.
  ///
  /// - Throws: ``DatasetError`` if the file is missing or unreadable.
  init(path: String) throws(DatasetError) {
    let file = try InputFile(path: path)
    var start: [UInt8] = [0, 0]
    let count = try file.read(into: &start, limit: 2, at: 0)
    self.file = file
    gzip = count == 2 && start == [0x1f, 0x8b] ? GzipStream() : nil
  }

  /// Whether its bytes are unpacked on the way.
  var isCompressed: Bool { gzip != nil }

  /// The most bytes that a file of this size can hold, unpacked.
  var capacity: Int {
    guard gzip != nil else { return file.size }
    let (capacity, overflow) = file.size.multipliedReportingOverflow(by: GzipStream.highestRatio)
    return overflow ? .max : capacity
  }

  /// Reads the next `count` bytes, or as many as there are before the end.
  ///
  /// - Throws: ``DatasetError`` if the file is unreadable or its compression damaged.
  mutating func read(_ count: Int) throws(DatasetError) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(min(count, 1 << 28))  // room that a short file never touches
    var portion = [UInt8](repeating: 0, count: min(count, 1 << 18))
    while bytes.count < count {
      let limit = min(portion.count, count - bytes.count)
      let read =
        if let gzip {
          try gzip.read(into: &portion, limit: limit, from: file)
        } else {
          try file.read(into: &portion, limit: limit, at: offset)
        }
      offset += read
      bytes.append(contentsOf: portion[..<read])
      if read < limit { break }
    }
    return bytes
  }

  /// Makes sure that nothing follows the bytes read so far, and that their checksum is right.
  ///
  /// - Parameter promised: The bytes that the header declares, for the error.
  /// - Throws: ``DatasetError/malformed(file:_:)`` if something follows or the checksum is wrong.
  mutating func finish(promised: Int) throws(DatasetError) {
    guard try read(1).isEmpty else {
      throw .malformed(file: file.path, .tooLong(promised: promised))
    }
    if let gzip, !gzip.isAtEnd(of: file) {
      throw .malformed(file: file.path, .gzipFollowedByOtherData)
    }
  }
}
