/// A reason why the results could not be read or written.
///
/// Its description is one line: what went wrong, in which file, and what to do about it.
public struct StoreError: Error, Hashable, Sendable {
  /// What went wrong, for a program to act on.
  public let kind: Kind

  /// The database file, as the caller named it.
  public let path: String

  /// What SQLite or the system said, if either did.
  public let cause: Cause?

  /// Creates an error about the database at `path`.
  public init(_ kind: Kind, path: String, cause: Cause? = nil) {
    self.kind = kind
    self.path = path
    self.cause = cause
  }

  /// What went wrong.
  public enum Kind: Hashable, Sendable {
    /// There is no file, or it is still empty.
    case missing

    /// The file is something other than an SQLite database.
    case notADatabase

    /// The file is an SQLite database that another program made.
    case foreignDatabase(applicationID: Int32)

    /// A newer version of this program made the file.
    case newerSchema(version: Int, known: Int)

    /// An older version of this program made the file, and it was opened only for reading.
    case olderSchema(version: Int, known: Int)

    /// The file was one of ours and is damaged.
    case corrupt

    /// The file, or the lock beside it, cannot be created.
    case cannotCreate

    /// The file cannot be written, or was opened only for reading.
    case readOnly

    /// No space is left for what was to be written. What was committed before is intact.
    case diskFull

    /// The system failed to read or write.
    case inputOutput

    /// Another process kept the database to itself for longer than the busy timeout.
    case busy

    /// Another process works on the study; which one, as far as it said so.
    case locked(processIdentifier: Int32?, host: String?)

    /// Another process took the study over, or this one already ended its run.
    case ownershipLost(processIdentifier: Int32?, host: String?)

    /// No study has that name; the names there are, oldest first.
    case noSuchStudy(name: String, known: [String])

    /// No trial of the study has that number; the highest number there is, or 0.
    case noSuchTrial(number: Int, last: Int)

    /// A study already has that name.
    case studyExists(name: String)

    /// SQLite refused something this module should not have asked for: a bug here.
    case unexpected
  }

  /// What a lower layer said.
  public struct Cause: Hashable, Sendable {
    /// SQLite's extended result code, or the system's `errno`.
    public let code: Int32

    /// Its message, in its own words.
    public let message: String

    /// Creates a cause.
    public init(code: Int32, message: String) {
      self.code = code
      self.message = message
    }
  }
}

// MARK: - Wording

extension StoreError: CustomStringConvertible {
  public var description: String {
    let said = cause.map { " (\($0.message))" } ?? ""
    return Self.onOneLine("\(path): \(problem)\(said); \(remedy)")
  }

  private var problem: String {
    switch kind {
    case .missing: "there are no results here"
    case .notADatabase: "this is not an SQLite database"
    case .foreignDatabase(let applicationID):
      "this database belongs to another program (application ID \(applicationID))"
    case .newerSchema(let version, let known):
      "a newer version made this database (schema \(version), this program knows \(known))"
    case .olderSchema(let version, let known):
      "an older version made this database (schema \(version), this program needs \(known))"
    case .corrupt: "the database is damaged"
    case .cannotCreate: "the file cannot be created"
    case .readOnly: "the database cannot be written"
    case .diskFull: "no space is left"
    case .inputOutput: "reading or writing failed"
    case .busy: "another process is keeping the database to itself"
    case .locked(let process, let host): "\(Self.name(process, host)) is working on this study"
    case .ownershipLost(let process, let host): "\(Self.name(process, host)) took this study over"
    case .noSuchStudy(let name, _): "there is no study '\(name)'"
    case .noSuchTrial(let number, _): "there is no trial \(number)"
    case .studyExists(let name): "there already is a study '\(name)'"
    case .unexpected: "the database refused a request, which is a bug"
    }
  }

  private var remedy: String {
    switch kind {
    case .missing: "start a study with 'nas run', or name the right file with '--db'"
    case .notADatabase, .foreignDatabase:
      "it was left untouched; name another file with '--db'"
    case .newerSchema: "it was left untouched; use the newer version"
    case .olderSchema: "bring it up to date by going on with its study, or use the older version"
    case .corrupt:
      "restore a copy, or save what can be read with 'sqlite3 \(path) .recover'"
    case .cannotCreate: "name a file in a folder that exists and can be written"
    case .readOnly: "change its permissions, or copy it to a place that can be written"
    case .diskFull: "free some space and run again; everything committed before is intact"
    case .inputOutput: "check the disk and the file's permissions, then run again"
    case .busy: "wait until it is done, then run again"
    case .locked: "wait until it is done or stop it, then run again"
    case .ownershipLost: "let it finish; nothing was written"
    case .noSuchStudy(_, let known): Self.list(known)
    case .noSuchTrial(_, let last):
      last == 0 ? "the study has no trials yet" : "trials are numbered 1 to \(last)"
    case .studyExists: "go on with it, or rename it first"
    case .unexpected: "please report this line"
    }
  }

  /// Spells out control characters, so that a name from a file cannot command a terminal.
  private static func onOneLine(_ text: String) -> String {
    text.unicodeScalars.map { scalar in
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator:
        scalar.escaped(asASCII: true)
      default: String(scalar)
      }
    }.joined()
  }

  private static func name(_ processIdentifier: Int32?, _ host: String?) -> String {
    guard let processIdentifier, let host else { return "another process" }
    return "process \(processIdentifier) on \(host)"
  }

  /// Names the latest few of the studies there are.
  private static func list(_ known: [String]) -> String {
    let shown = known.suffix(5).map { "'\($0)'" }.joined(separator: ", ")
    return switch known.count {
    case 0: "there are no studies yet"
    case 1...5: "the studies are \(shown)"
    default: "the latest of \(known.count) studies are \(shown)"
    }
  }
}
