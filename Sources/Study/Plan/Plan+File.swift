import Foundation

extension Plan {
  /// Reads a search file.
  ///
  /// - Parameters:
  ///   - path: The file. If it names no study, its own name without `.yaml` is the study's.
  ///   - purpose: What the file is for.
  /// - Throws: ``PlanError`` with everything that is wrong with what it says, or
  ///   ``UnreadableFileError`` if the file cannot be read at all.
  public init(contentsOf path: String, for purpose: Purpose = .search) throws {
    let bytes: [UInt8]
    do {
      let handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
      defer { try? handle.close() }
      // A byte more than is taken, so that a file of any size is refused by its size.
      bytes = [UInt8](try handle.read(upToCount: SourceText.largest + 1) ?? Foundation.Data())
    } catch {
      throw UnreadableFileError(path: path, error: error)
    }
    try self.init(bytes, file: path, for: purpose)
  }

  /// Reads a search file that is in memory.
  ///
  /// - Parameters:
  ///   - bytes: UTF-8 with or without a byte order mark, at most 1 MB.
  ///   - file: Where it came from, for messages and for the study's name if it gives none.
  ///   - purpose: What the file is for.
  /// - Throws: ``PlanError`` with everything that is wrong with it.
  public init(
    _ bytes: some Collection<UInt8>, file: String, for purpose: Purpose = .search
  ) throws(PlanError) {
    var problems: [Problem] = []
    let form = FormParser.parse(bytes, reporting: &problems)
    var reader = FormReader(problems: problems, file: file)
    let plan = form.map { form in
      switch purpose {
      case .search: Plan(form, name: Self.name(of: file), reader: &reader)
      case .training: Plan(training: form, name: Self.name(of: file), reader: &reader)
      }
    }
    guard let form, let plan, reader.problems.isEmpty else {
      throw PlanError(file: file, problems: reader.problems)
    }
    self = plan
    places = Places(of: form, file: file)
  }

  /// What a file is called, without its folder and its ending.
  static func name(of file: String) -> String {
    let name = file.split(separator: "/").last ?? ""
    for ending in [".yaml", ".yml"] where name.hasSuffix(ending) {
      return String(name.dropLast(ending.count))
    }
    return String(name)
  }
}

/// A reason why a file's content could not be had.
public struct UnreadableFileError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The file as it was given.
  public let path: String

  /// Why, such as "there is no such file".
  public let reason: String

  init(path: String, error: any Error) {
    self.path = path
    reason =
      switch (error as? CocoaError)?.code {
      case .fileReadNoSuchFile, .fileNoSuchFile: "there is no such file"
      case .fileReadNoPermission: "reading it is not permitted"
      default: FileManager.default.isDirectory(path) ? "it is a folder" : "\(error)"
      }
  }

  public var description: String { "\(path.escapingControls): error: \(reason)" }
}

extension FileManager {
  fileprivate func isDirectory(_ path: String) -> Bool {
    var isDirectory: ObjCBool = false
    return fileExists(atPath: path, isDirectory: &isDirectory) && isDirectory.boolValue
  }
}
