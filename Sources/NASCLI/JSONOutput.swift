import ArgumentParser
import Export
import Foundation

/// Prints a value as one JSON object.
func printJSON(_ value: some Encodable) throws {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
  print(String(decoding: try encoder.encode(value), as: UTF8.self))
}

/// Prints a value as a JSON object on a line of its own, at once.
func printJSONLine(_ value: some Encodable) throws {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
  try FileHandle.standardOutput.write(contentsOf: encoder.encode(value) + Data("\n".utf8))
}

/// Writes a text file.
///
/// - Throws: ``ExportError/unwritable(path:reason:isFull:)``.
func write(_ text: String, to path: String) throws {
  try write(Array(text.utf8), to: path)
}

/// Writes a file.
///
/// - Throws: ``ExportError/unwritable(path:reason:isFull:)``.
func write(_ bytes: [UInt8], to path: String) throws {
  do {
    try Data(bytes).write(to: URL(filePath: path), options: .atomic)
  } catch {
    throw ExportError.unwritable(
      path: path, reason: error.localizedDescription,
      isFull: (error as? CocoaError)?.code == .fileWriteOutOfSpace)
  }
}
