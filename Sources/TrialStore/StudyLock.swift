import Foundation

/// The right to work on one study, held by one process at a time.
///
/// A lock on the byte, in a file beside the database, whose offset is the study's number. The
/// system lets go of it when the process ends in whatever way, so a crash blocks nobody.
///
/// It is an "open file description" lock: unlike the older kind it also keeps apart two stores of
/// one process, and closing the file elsewhere in the process does not lose it.
final class StudyLock: Sendable {
  /// The number that stands for the schema; studies are numbered from 1.
  static let schema: Int64 = 0

  /// Linux's `F_OFD_SETLK`, a GNU extension that the C library's module leaves out.
  private static let setLockOfOpenFile: Int32 = 37

  private let descriptor: Int32
  private let number: Int64
  private let path: String

  /// Opens the lock of the given study, without acquiring it yet.
  ///
  /// - Throws: ``StoreError/Kind/cannotCreate`` if the file beside the database cannot be made.
  init(on study: Int64, of file: DatabaseFile) throws(StoreError) {
    let opened = open(file.lockLocation, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
    guard opened >= 0 else {
      let code = errno
      throw StoreError(
        code == ENOSPC || code == EDQUOT ? .diskFull : .cannotCreate, path: file.path,
        systemError: code)
    }
    descriptor = opened
    number = study
    path = file.path
  }

  deinit {
    _ = close(descriptor)
  }

  /// Acquires the lock, or returns false if another process holds it.
  func acquire() throws(StoreError) -> Bool {
    guard set(F_WRLCK) != 0 else { return true }
    let code = errno
    guard code == EAGAIN || code == EACCES else {
      throw StoreError(.inputOutput, path: path, systemError: code)
    }
    return false
  }

  /// Acquires the lock, trying again for so many seconds while another process holds it.
  ///
  /// - Throws: ``StoreError/Kind/busy`` if it holds it longer than that.
  func waitUntilAcquired(seconds: Int) throws(StoreError) {
    for _ in 0..<seconds * 50 {
      if try acquire() { return }
      usleep(20_000)
    }
    throw StoreError(.busy, path: path)
  }

  /// Lets go of the lock before the last reference to it is gone.
  func release() {
    _ = set(F_UNLCK)
  }

  private func set(_ type: Int32) -> Int32 {
    var range = flock()
    range.l_type = Int16(type)
    range.l_whence = Int16(SEEK_SET)
    range.l_start = off_t(number)
    range.l_len = 1
    range.l_pid = 0  // the kernel insists on it for this kind of lock
    return fcntl(descriptor, Self.setLockOfOpenFile, &range)
  }
}
