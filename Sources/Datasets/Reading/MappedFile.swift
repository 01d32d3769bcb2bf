import Glibc

/// A file that the system reads into memory as it is looked at, and forgets again when memory is short.
///
/// It must not be shortened while it is mapped. Files that are replaced by renaming never are.
@safe
final class MappedFile: @unchecked Sendable {
  let count: Int
  private let address: UnsafeMutableRawPointer?

  /// Maps a whole file, which may be read only.
  ///
  /// - Throws: ``DatasetError`` if it is missing or unreadable.
  init(path: String) throws(DatasetError) {
    let file = try InputFile(path: path)
    count = file.size
    guard count > 0 else {
      unsafe address = nil
      return
    }
    let mapping = unsafe file.withDescriptor {
      unsafe mmap(nil, file.size, PROT_READ, MAP_SHARED, $0, 0)
    }
    guard let mapping = unsafe mapping, unsafe mapping != MAP_FAILED else {
      throw .unreadable(path: path, errno)
    }
    unsafe address = mapping
  }

  deinit {
    if let address = unsafe address { unsafe munmap(address, count) }
  }

  /// Gives the bytes to a closure.
  func withSpan<Result>(_ body: (Span<UInt8>) -> Result) -> Result {
    let bytes = unsafe UnsafeRawBufferPointer(start: address, count: count)
    return unsafe bytes.withMemoryRebound(to: UInt8.self) { unsafe body($0.span) }
  }
}
