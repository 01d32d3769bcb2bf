import Foundation

/// A file that appears whole or not at all: it is written beside its place and moved there.
enum ExportedFile {
  /// Writes a file.
  ///
  /// - Parameters:
  ///   - path: Where it will be.
  ///   - replacing: Whether it may take the place of a file that is there.
  ///   - body: Given the place to write at.
  /// - Throws: ``ExportError``; then the place is as it was.
  static func write(
    to path: String, replacing: Bool, _ body: (_ draft: String) throws -> Void
  ) throws(ExportError) {
    let place = URL(filePath: path)
    var isFolder = ObjCBool(false)
    if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) {
      guard replacing, !isFolder.boolValue else { throw .exists(path: path) }
    }
    let draft = place.deletingLastPathComponent().appending(
      path: ".\(place.lastPathComponent).\(ProcessInfo.processInfo.processIdentifier)")
    defer { try? FileManager.default.removeItem(at: draft) }
    try BundleFolder.writing(place) {
      try body(draft.path)
      guard rename(draft.path, path) == 0 else {
        throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO)
      }
    }
  }
}

extension TrialTable {
  /// Writes the trials as comma-separated values; see ``csv``.
  ///
  /// - Throws: ``ExportError`` if the file cannot be written.
  public func writeCSV(to path: String, replacing: Bool) throws(ExportError) {
    try ExportedFile.write(to: path, replacing: replacing) { draft in
      try Data(csv.utf8).write(to: URL(filePath: draft))
    }
  }
}
