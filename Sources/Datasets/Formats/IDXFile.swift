/// An array of bytes in the IDX format, in which MNIST and its kin are distributed.
///
/// The file is the magic number, each dimension (both as big-endian 32-bit numbers), then the
/// bytes, the last dimension varying fastest. The magic number is 8, for "unsigned byte", times
/// 256, plus the number of dimensions.
///
/// > Y. LeCun, C. Cortes, C. J. C. Burges. "The MNIST database of handwritten digits."
/// > [yann.lecun.com/exdb/mnist](http://yann.lecun.com/exdb/mnist/)
struct IDXFile {
  /// The length along each dimension, none of them 0.
  let dimensions: [Int]

  /// The product of `dimensions` many bytes.
  let bytes: [UInt8]

  /// Reads a file, compressed by gzip or not.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - rank: The number of dimensions it must have: 1 for labels, 3 for grey images.
  /// - Throws: ``DatasetError`` if the file is missing or unreadable, or is anything but a whole
  ///   IDX file of unsigned bytes with so many dimensions.
  init(path: String, rank: Int) throws(DatasetError) {
    var content = try FileContent(path: path)
    let header = try content.read(4 + 4 * rank)
    // Another kind of file is called that, even if it is shorter than the header.
    let numbers = stride(from: 0, to: header.count & ~3, by: 4).map { start in
      header[start..<start + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    }
    let magic = UInt32(0x800 + rank)
    if let found = numbers.first, found != magic {
      throw .malformed(file: path, .wrongMagic(found: found, expected: magic))
    }
    guard numbers.count == 1 + rank else { throw .malformed(file: path, .headerIncomplete) }

    let dimensions = numbers.dropFirst().map { Int($0) }
    guard !dimensions.contains(0) else {
      throw .malformed(file: path, .empty(dimensions: dimensions))
    }
    var count = 1
    for dimension in dimensions {
      let (product, overflow) = count.multipliedReportingOverflow(by: dimension)
      guard !overflow && product <= content.capacity else {
        throw .malformed(
          file: path, .tooLarge(dimensions: dimensions, fileSize: content.file.size))
      }
      count = product
    }
    let bytes = try content.read(count)
    guard bytes.count == count else {
      throw .malformed(file: path, .tooShort(promised: count))
    }
    try content.finish(promised: count)
    self.dimensions = dimensions
    self.bytes = bytes
  }
}
