import CZlib
import Foundation

/// A folder of its own for a test, deleted with this value.
final class TemporaryFolder {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "datasets-tests-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
  }

  deinit {
    try? FileManager.default.removeItem(atPath: path)
  }

  /// Writes a file and returns its path.
  @discardableResult
  func write(_ bytes: [UInt8], as name: String) throws -> String {
    let file = "\(path)/\(name)"
    try Data(bytes).write(to: URL(filePath: file))
    return file
  }
}

/// Returns an IDX file of unsigned bytes.
func idx(_ dimensions: [UInt32], _ bytes: [UInt8], magic: UInt32? = nil) -> [UInt8] {
  let numbers = [magic ?? 0x800 + UInt32(dimensions.count)] + dimensions
  return numbers.flatMap { number in
    (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * $0)) }
  }
    + bytes
}

/// Returns `bytes` compressed as the tool `gzip -9` does.
func gzip(_ bytes: [UInt8]) -> [UInt8] {
  compressed(bytes, windowBits: MAX_WBITS + 16, flush: Z_FINISH)
}

/// Returns `bytes` compressed as a piece of a stream, which can follow any other.
func deflatedPiece(_ bytes: [UInt8]) -> [UInt8] {
  compressed(bytes, windowBits: -MAX_WBITS, flush: Z_FULL_FLUSH)
}

private func compressed(_ bytes: [UInt8], windowBits: Int32, flush: Int32) -> [UInt8] {
  var stream = z_stream()
  deflateInit2_(
    &stream, 9, Z_DEFLATED, windowBits, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
    Int32(MemoryLayout<z_stream>.size))
  defer { deflateEnd(&stream) }
  var input = bytes
  var output = [UInt8](repeating: 0, count: Int(deflateBound(&stream, UInt(bytes.count))) + 32)
  let count = output.count
  input.withUnsafeMutableBufferPointer { input in
    output.withUnsafeMutableBufferPointer { output in
      stream.next_in = input.baseAddress
      stream.avail_in = UInt32(input.count)
      stream.next_out = output.baseAddress
      stream.avail_out = UInt32(output.count)
      deflate(&stream, flush)
    }
  }
  return Array(output[..<(count - Int(stream.avail_out))])
}
