/// The files in a tar archive, read from front to back and never written to disk.
///
/// The archive may be compressed by gzip. Files are known by the last part of their names; folders,
/// links, devices and whatever else is no plain file are passed over.
///
/// > "pax: portable archive interchange." POSIX.1-2017, section "ustar Interchange Format".
///
/// Departs from the standard: names longer than 100 bytes, which pax and GNU tar keep in entries of
/// their own, are not put together. None of the files looked for has one.
struct TarArchive: ~Copyable {
  private var content: FileContent
  private var offset = 0

  /// The most bytes that an archive may unpack to: almost three times what CIFAR has.
  static let largest = 1 << 29

  private static let blockSize = 512

  /// An entry of the archive, whose bytes come next.
  struct Entry {
    /// The last part of its name.
    let name: String
    let size: Int
    /// Whether it is a plain file.
    let isFile: Bool
    /// Where its header begins in the unpacked archive.
    let offset: Int
  }

  /// Opens an archive.
  ///
  /// - Throws: ``DatasetError`` if the file is missing or unreadable.
  init(path: String) throws(DatasetError) {
    content = try FileContent(path: path)
  }

  /// Reads the header of the next entry; the bytes of the one before must have been taken.
  ///
  /// - Returns: The entry, or `nil` at the end.
  /// - Throws: ``DatasetError/malformed(file:_:)`` if there is no archive here.
  mutating func next() throws(DatasetError) -> Entry? {
    let start = offset
    let header = try take(Self.blockSize)
    // Two blocks of zeros end an archive; one, or none, is how some programs end it.
    guard header.count == Self.blockSize, header.contains(where: { $0 != 0 }) else {
      guard header.isEmpty || header.count == Self.blockSize else { throw damaged(at: start) }
      try passEnd()
      return nil
    }
    let sum = header.enumerated().reduce(0) { sum, byte in
      // Its own place counts as spaces.
      sum + (148..<156 ~= byte.offset ? 32 : Int(byte.element))
    }
    guard Self.octal(header[148..<156]) == sum, let size = Self.octal(header[124..<136]),
      size <= Self.largest
    else { throw damaged(at: start) }
    let name = header[0..<100].prefix { $0 != 0 }
    return Entry(
      name: String(decoding: name.split(separator: UInt8(ascii: "/")).last ?? [], as: UTF8.self),
      size: size, isFile: header[156] == UInt8(ascii: "0") || header[156] == 0, offset: start)
  }

  /// Reads the bytes of an entry.
  ///
  /// - Throws: ``DatasetError`` if the archive ends before or is damaged.
  mutating func bytes(of entry: Entry) throws(DatasetError) -> [UInt8] {
    let bytes = try take(entry.size)
    guard bytes.count == entry.size else { throw damaged(at: entry.offset) }
    try skip(Self.padding(after: entry.size), of: entry)
    return bytes
  }

  /// Passes over the bytes of an entry.
  ///
  /// - Throws: ``DatasetError`` if the archive ends before or is damaged.
  mutating func pass(_ entry: Entry) throws(DatasetError) {
    try skip(entry.size + Self.padding(after: entry.size), of: entry)
  }

  private mutating func skip(_ count: Int, of entry: Entry) throws(DatasetError) {
    var left = count
    while left > 0 {
      let read = try take(min(left, 1 << 18)).count
      guard read > 0 else { throw damaged(at: entry.offset) }
      left -= read
    }
  }

  /// Makes sure that the archive is whole: nothing but zeros follows, and the checksum of its
  /// compression is right.
  private mutating func passEnd() throws(DatasetError) {
    while true {
      let start = offset
      let block = try take(1 << 16)
      guard block.allSatisfy({ $0 == 0 }) else { throw damaged(at: start) }
      if block.isEmpty { break }
    }
    try content.finish(promised: offset)
  }

  private mutating func take(_ count: Int) throws(DatasetError) -> [UInt8] {
    let bytes = try content.read(count)
    offset += bytes.count
    guard offset <= Self.largest else {
      throw .malformed(file: content.file.path, .archiveTooLarge(limit: Self.largest))
    }
    return bytes
  }

  private func damaged(at offset: Int) -> DatasetError {
    .malformed(file: content.file.path, .archiveDamaged(offset: offset))
  }

  private static func padding(after size: Int) -> Int { (blockSize - size % blockSize) % blockSize }

  /// A number in octal digits, with spaces or zeros around it; `nil` if it is none.
  private static func octal(_ field: ArraySlice<UInt8>) -> Int? {
    let digits = field.drop { $0 == 32 }.prefix { $0 != 32 && $0 != 0 }
    return Int(String(decoding: digits, as: UTF8.self), radix: 8)
  }
}
