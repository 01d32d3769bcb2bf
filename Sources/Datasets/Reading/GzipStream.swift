import CZlib

/// The bytes packed in a gzip file, from front to back.
///
/// > P. Deutsch. "GZIP file format specification version 4.3." 1996.
/// > [RFC 1952](https://www.rfc-editor.org/rfc/rfc1952)
///
/// Departs from the specification: a file is one member. Another member after the first counts as
/// data that do not belong there.
@safe
final class GzipStream {
  /// The most bytes that one byte of compressed data can stand for.
  static let highestRatio = 1032

  // zlib keeps a pointer to its stream, so the stream must not move.
  private let stream: UnsafeMutablePointer<z_stream>
  private var input = [UInt8](repeating: 0, count: 1 << 16)
  private var unread = 0..<0
  private var offset = 0
  private var isFinished = false

  init() {
    unsafe stream = .allocate(capacity: 1)
    unsafe stream.initialize(to: z_stream())
    let gzipOnly = MAX_WBITS + 16
    let status = unsafe inflateInit2_(
      stream, gzipOnly, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    // It fails only without memory for 40 kB or with a zlib of another major version.
    precondition(status == Z_OK, "inflateInit2 failed with zlib status \(status)")
  }

  deinit {
    unsafe inflateEnd(stream)
    unsafe stream.deinitialize(count: 1)
    unsafe stream.deallocate()
  }

  /// Unpacks the next bytes into the front of `bytes`.
  ///
  /// - Parameters:
  ///   - bytes: Where to; the rest stays as it is.
  ///   - limit: The most bytes to unpack, no more than `bytes.count`.
  ///   - file: The compressed file, the same at every call.
  /// - Returns: The number of bytes unpacked; less than `limit` only at the stream's end.
  /// - Throws: ``DatasetError/malformed(file:_:)`` if the file ends too early, is damaged or fails
  ///   its checksum; ``DatasetError/unreadable(path:reason:)`` if it cannot be read.
  func read(
    into bytes: inout [UInt8], limit: Int, from file: borrowing InputFile
  ) throws(DatasetError) -> Int {
    precondition(limit <= bytes.count, "there is room for \(bytes.count) bytes, not for \(limit)")
    var count = 0
    while count < limit && !isFinished {
      if unread.isEmpty {
        unread = 0..<(try file.read(into: &input, limit: input.count, at: offset))
        offset += unread.count
        guard !unread.isEmpty else { throw .malformed(file: file.path, .gzipIncomplete) }
      }
      let status = inflate(into: &bytes, count..<limit, count: &count)
      switch status {
      case Z_OK: break
      case Z_STREAM_END: isFinished = true
      default:
        let detail = unsafe stream.pointee.msg.map { unsafe String(cString: $0) }
        throw .malformed(
          file: file.path, .gzipDamaged(detail: detail ?? "zlib status \(status)"))
      }
    }
    return count
  }

  /// Whether the stream has ended at the very end of `file`.
  func isAtEnd(of file: borrowing InputFile) -> Bool {
    isFinished && unread.isEmpty && offset == file.size
  }

  /// Unpacks what is unread into `room` of `bytes`, and moves on both by what was done.
  private func inflate(into bytes: inout [UInt8], _ room: Range<Int>, count: inout Int) -> Int32 {
    unsafe input.withUnsafeMutableBufferPointer { input in
      unsafe bytes.withUnsafeMutableBufferPointer { bytes in
        let source = unsafe UnsafeMutableBufferPointer(rebasing: input[unread])
        let target = unsafe UnsafeMutableBufferPointer(rebasing: bytes[room])
        unsafe stream.pointee.next_in = source.baseAddress
        unsafe stream.pointee.avail_in = UInt32(source.count)
        unsafe stream.pointee.next_out = target.baseAddress
        unsafe stream.pointee.avail_out = UInt32(clamping: target.count)
        let status = unsafe CZlib.inflate(stream, Z_NO_FLUSH)
        unread = unsafe unread.upperBound - Int(stream.pointee.avail_in)..<unread.upperBound
        unsafe count += target.baseAddress?.distance(to: stream.pointee.next_out) ?? 0
        return status
      }
    }
  }
}
