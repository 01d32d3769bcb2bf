import Glibc

/// A regular file open for reading, closed with this value.
struct InputFile: ~Copyable {
  let path: String

  /// The bytes in the file when it was opened.
  let size: Int

  private let descriptor: Int32

  /// Opens a file.
  ///
  /// - Throws: ``DatasetError/missing(path:remedy:)`` if there is none,
  ///   ``DatasetError/unreadable(path:reason:)`` if it is no regular file or may not be read.
  init(path: String) throws(DatasetError) {
    // Without O_NONBLOCK, opening a pipe that nobody writes to would wait forever.
    let descriptor = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      throw errno == ENOENT || errno == ENOTDIR
        ? .missing(path: path, remedy: "correct the path") : .unreadable(path: path, errno)
    }
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else {
      let code = errno
      close(descriptor)
      throw .unreadable(path: path, code)
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      throw .unreadable(path: path, reason: "not a regular file")
    }
    self.path = path
    self.size = Int(status.st_size)
    self.descriptor = descriptor
  }

  deinit {
    close(descriptor)
  }

  /// Lends the system's number for the file to a closure.
  func withDescriptor<Result>(_ body: (Int32) -> Result) -> Result { body(descriptor) }

  /// Reads bytes of the file into the front of `bytes`.
  ///
  /// - Parameters:
  ///   - bytes: Where to; the rest stays as it is.
  ///   - limit: The most bytes to read, no more than `bytes.count`.
  ///   - offset: The place in the file to read from.
  /// - Returns: The number of bytes read; less than `limit` only at the file's end.
  /// - Throws: ``DatasetError/unreadable(path:reason:)`` if the system reports an error.
  func read(
    into bytes: inout [UInt8], limit: Int, at offset: Int
  ) throws(DatasetError) -> Int {
    precondition(limit <= bytes.count, "there is room for \(bytes.count) bytes, not for \(limit)")
    var count = 0
    while count < limit {
      let result = unsafe bytes.withUnsafeMutableBytes { buffer in
        let room = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[count..<limit])
        return unsafe pread(descriptor, room.baseAddress, room.count, offset + count)
      }
      if result < 0 && errno == EINTR { continue }
      guard result >= 0 else { throw .unreadable(path: path, errno) }
      if result == 0 { break }
      count += result
    }
    return count
  }
}

extension DatasetError {
  /// Returns the error for a system call on `path` that failed with `code`.
  static func unreadable(path: String, _ code: Int32) -> DatasetError {
    .unreadable(path: path, reason: unsafe String(cString: strerror(code)))
  }
}
