import Foundation

/// A file that may be a database of ours, looked at without SQLite.
///
/// SQLite repairs and tidies what it opens. So that the file of another program, or a damaged one,
/// stays as it is, the first hundred bytes are judged before SQLite sees it.
struct DatabaseFile: Sendable {
  /// The file as the caller named it, for messages.
  let path: String

  /// The same file without symbolic links, so that all processes lock and look at one file.
  let location: String

  /// What is in the file.
  enum Contents: Equatable {
    /// There is no file.
    case absent
    /// There is a file of no bytes.
    case empty
    /// A database that this program made, with so many migrations done.
    case ours(version: Int)
  }

  init(path: String) {
    self.path = path
    let url = URL(filePath: path)
    let folder = url.deletingLastPathComponent().path(percentEncoded: false)
    location =
      Self.resolve(path) ?? Self.resolve(folder).map { "\($0)/\(url.lastPathComponent)" }
      ?? url.path(percentEncoded: false)
  }

  /// The file whose bytes stand for the studies that are being worked on.
  var lockLocation: String { location + "-lock" }

  /// Whether a write-ahead log holds pages that may be newer than those of the file.
  var hasLog: Bool {
    var status = stat()
    return stat(location + "-wal", &status) == 0 && status.st_size > 0
  }

  /// Tells what is in the file.
  ///
  /// - Throws: ``StoreError`` if it is not ours, too new, cut off, or unreadable.
  func examine() throws(StoreError) -> Contents {
    var status = stat()
    guard stat(location, &status) == 0 else {
      let code = errno
      if code == ENOENT || code == ENOTDIR { return .absent }
      throw StoreError(.inputOutput, path: path, systemError: code)
    }
    guard status.st_mode & S_IFMT == S_IFREG else { throw StoreError(.notADatabase, path: path) }
    if status.st_size == 0 { return .empty }
    guard let header = DatabaseHeader(bytes: try firstBytes(DatabaseHeader.size)) else {
      throw StoreError(.notADatabase, path: path)
    }
    // With a log, the first page may be a newer one in there, which only SQLite can tell.
    if hasLog { return .ours(version: try openForReadingAnyVersion().version) }
    let contents = try judge(applicationID: header.applicationID, version: header.version)
    guard header.minimumFileSize <= status.st_size else {
      throw StoreError(
        .corrupt, path: path,
        cause: .init(
          code: 0, message: "\(status.st_size) bytes of \(header.minimumFileSize) are there"))
    }
    return contents
  }

  /// Tells whether a database is ours and not newer than this program.
  @discardableResult
  func judge(applicationID: Int32, version: Int) throws(StoreError) -> Contents {
    guard applicationID == Schema.applicationID else {
      throw StoreError(.foreignDatabase(applicationID: applicationID), path: path)
    }
    guard version <= Schema.version else {
      throw StoreError(.newerSchema(version: version, known: Schema.version), path: path)
    }
    return .ours(version: version)
  }

  /// Returns up to `count` bytes from the start of the file.
  private func firstBytes(_ count: Int) throws(StoreError) -> [UInt8] {
    let descriptor = open(location, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw StoreError(.inputOutput, path: path, systemError: errno)
    }
    defer { _ = Foundation.close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: count)
    let read = Foundation.read(descriptor, &bytes, count)
    guard read >= 0 else { throw StoreError(.inputOutput, path: path, systemError: errno) }
    return Array(bytes.prefix(read))
  }

  private static func resolve(_ path: String) -> String? {
    guard let resolved = realpath(path, nil) else { return nil }
    defer { free(resolved) }
    return String(cString: resolved)
  }
}

/// The first hundred bytes of an SQLite file, as far as they matter here.
///
/// > [Database File Format](https://www.sqlite.org/fileformat2.html#the_database_header), §1.3.
struct DatabaseHeader: Equatable {
  static let size = 100

  /// Which program made the file; 0 if it does not say.
  let applicationID: Int32

  /// The number that program gave its schema.
  let version: Int

  /// How many bytes the file has at least, or 0 if a program older than SQLite 3.7 wrote it last.
  let minimumFileSize: Int

  /// Reads a header, or returns nil if `bytes` do not start an SQLite file.
  init?(bytes: [UInt8]) {
    guard bytes.count >= Self.size, bytes.starts(with: "SQLite format 3\0".utf8) else {
      return nil
    }
    func number(at offset: Int) -> UInt32 {
      bytes[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) }
    }
    let storedPageSize = Int(bytes[16]) << 8 | Int(bytes[17])
    let pageSize = storedPageSize == 1 ? 65_536 : storedPageSize  // 65 536 needs a seventeenth bit
    guard pageSize >= 512, pageSize.nonzeroBitCount == 1 else { return nil }
    // The page count is to be trusted only if it was written along with the last change.
    let pageCountIsValid = number(at: 24) == number(at: 92)
    minimumFileSize = pageCountIsValid ? pageSize * Int(number(at: 28)) : 0
    version = Int(Int32(bitPattern: number(at: 60)))
    applicationID = Int32(bitPattern: number(at: 68))
  }
}
