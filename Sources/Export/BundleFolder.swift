import Foundation

/// A folder that appears whole or not at all.
///
/// Files are written into a folder beside the place and moved there together when all is done, so
/// that no one ever finds half a bundle.
public struct BundleFolder: ~Copyable {
  private let place: URL
  private let draft: URL
  private let replaces: Bool

  /// The files of a bundle that lie in every one.
  public static let bundleFiles = ["report.json", "architecture.yaml"]

  /// Begins a bundle.
  ///
  /// - Parameters:
  ///   - path: Where it will stand.
  ///   - replacing: Whether it may take the place of what stands there.
  ///   - marks: The files without which what stands there is none of ours, and stays.
  /// - Throws: ``ExportError/exists(path:)`` if something is there that may not be replaced;
  ///   ``ExportError/unwritable(path:reason:isFull:)`` if the draft's folder cannot be made.
  public init(
    path: String, replacing: Bool, recognizedBy marks: [String] = bundleFiles
  ) throws(ExportError) {
    place = URL(filePath: path)
    replaces = replacing
    draft = place.deletingLastPathComponent().appending(
      path: ".\(place.lastPathComponent).\(ProcessInfo.processInfo.processIdentifier)")
    if Self.exists(place) {
      guard replacing else { throw .exists(path: path) }
      guard Self.isOurs(place, marks) else { throw .notABundle(path: path) }
    }
    try Self.writing(draft) {
      try FileManager.default.createDirectory(at: draft, withIntermediateDirectories: true)
    }
  }

  /// Where a file lies until the bundle is done.
  public func path(of name: String) -> String { draft.appending(path: name).path }

  /// Writes a file, and the folders that its name has before it.
  ///
  /// - Throws: ``ExportError/unwritable(path:reason:isFull:)``.
  public func write(_ bytes: some Sequence<UInt8>, to name: String) throws(ExportError) {
    let file = draft.appending(path: name)
    try Self.writing(file) {
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(bytes).write(to: file)
    }
  }

  /// Moves the bundle to its place.
  ///
  /// - Throws: ``ExportError``; then the place is as it was.
  public consuming func finish() throws(ExportError) {
    guard Self.exists(place) else {
      try Self.writing(place) { try FileManager.default.moveItem(at: draft, to: place) }
      return
    }
    guard replaces else { throw .exists(path: place.path) }
    let manager = FileManager.default
    let old = draft.appendingPathExtension("old")
    try Self.writing(place) {
      try manager.moveItem(at: place, to: old)
      do {
        try manager.moveItem(at: draft, to: place)
      } catch {
        try manager.moveItem(at: old, to: place)
        throw error
      }
    }
    // The new bundle stands; an old one that cannot be removed is no reason to fail.
    try? manager.removeItem(at: old)
  }

  deinit {
    // Nothing is left of the draft once it has been moved; a failure here leaves only a draft.
    try? FileManager.default.removeItem(at: draft)
  }

  private static func exists(_ place: URL) -> Bool {
    FileManager.default.fileExists(atPath: place.path)
  }

  /// Whether a folder is one that may be replaced: one that this program wrote, or empty.
  private static func isOurs(_ place: URL, _ marks: [String]) -> Bool {
    guard let files = try? FileManager.default.contentsOfDirectory(atPath: place.path) else {
      return false
    }
    return files.isEmpty || marks.allSatisfy(files.contains)
  }

  /// Turns a failure to write into an ``ExportError``.
  static func writing(_ place: URL, _ body: () throws -> Void) throws(ExportError) {
    do {
      try body()
    } catch {
      let isFull =
        (error as? CocoaError)?.code == .fileWriteOutOfSpace
        || (error as? POSIXError)?.code == .ENOSPC
        || ((error as NSError).userInfo[NSUnderlyingErrorKey] as? POSIXError)?.code == .ENOSPC
      throw .unwritable(
        path: place.path, reason: isFull ? "the disk is full" : error.localizedDescription,
        isFull: isFull)
    }
  }
}
