import Glibc

/// A file in the making, which takes its place whole or not at all.
///
/// It is written under another name beside its place and renamed by ``finish()``; given up before, it
/// is deleted, and the drafts of processes that were killed are deleted by the next one.
final class OutputFile {
  let path: String
  private let draft: String
  private let descriptor: Int32
  private var offset = 0
  private var isFinished = false

  /// Begins a file, in a folder that is made if it is not there.
  ///
  /// - Throws: ``DatasetError/unwritable(path:reason:isFull:)``.
  init(path: String) throws(DatasetError) {
    self.path = path
    // Two processes may be at it at once; the last one wins, and both have the same to say.
    draft = "\(path).\(getpid())"
    if let slash = path.lastIndex(of: "/") {
      let folder = String(path[..<slash])
      unsafe mkdir(folder, 0o777)
      Self.removeDrafts(of: String(path[path.index(after: slash)...]), in: folder)
    }
    descriptor = unsafe open(draft, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw .unwritable(path: path, errno) }
  }

  deinit {
    close(descriptor)
    if !isFinished { unsafe unlink(draft) }
  }

  /// Deletes what processes that are no more left of a file.
  private static func removeDrafts(of name: String, in folder: String) {
    guard let listing = try? FolderListing(path: folder) else { return }
    for entry in listing.entries where entry.name.hasPrefix("\(name).") {
      guard let process = pid_t(entry.name.dropFirst(name.utf8.count + 1)), kill(process, 0) != 0,
        errno == ESRCH
      else { continue }
      unsafe unlink(join(folder, entry.name))
    }
  }

  /// Where the file is until it is finished.
  var draftPath: String { draft }

  /// Appends bytes.
  ///
  /// - Throws: ``DatasetError/unwritable(path:reason:isFull:)``.
  func write(_ bytes: [UInt8]) throws(DatasetError) {
    try write(bytes, at: offset)
    offset += bytes.count
  }

  /// Writes bytes at a place, over what is there.
  ///
  /// - Throws: ``DatasetError/unwritable(path:reason:isFull:)``.
  func write(_ bytes: [UInt8], at place: Int) throws(DatasetError) {
    var count = 0
    while count < bytes.count {
      let result = unsafe bytes.withUnsafeBytes { buffer in
        let rest = unsafe UnsafeRawBufferPointer(rebasing: buffer[count...])
        return unsafe pwrite(descriptor, rest.baseAddress, rest.count, place + count)
      }
      if result < 0 && errno == EINTR { continue }
      guard result >= 0 else { throw .unwritable(path: path, errno) }
      count += result
    }
  }

  /// Puts the file into its place.
  ///
  /// - Throws: ``DatasetError/unwritable(path:reason:isFull:)``.
  func finish() throws(DatasetError) {
    guard fsync(descriptor) == 0, unsafe rename(draft, path) == 0 else {
      throw .unwritable(path: path, errno)
    }
    isFinished = true
  }
}

extension DatasetError {
  /// The error for writing `path`, which failed with `code`.
  static func unwritable(path: String, _ code: Int32) -> DatasetError {
    .unwritable(
      path: path, reason: unsafe String(cString: strerror(code)),
      isFull: [ENOSPC, EDQUOT, EFBIG].contains(code))
  }
}
