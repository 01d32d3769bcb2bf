import Foundation
internal import GRDB
import SearchSpace

extension StoreError {
  /// Tells what an error met inside a database call means to the user.
  init(_ error: any Error, path: String) {
    switch error {
    case let error as StoreError:
      self = error
    case let error as DatabaseError:
      self.init(
        Self.kind(of: error), path: path,
        cause: Cause(
          code: error.extendedResultCode.rawValue, message: error.message ?? "no message"))
    default:
      // Rows that do not decode: STRICT tables and checks rule them out in a sound file.
      self.init(.corrupt, path: path, cause: Cause(code: 0, message: "\(error)"))
    }
  }

  private static func kind(of error: DatabaseError) -> Kind {
    switch error.resultCode {
    case .SQLITE_NOTADB: .notADatabase
    case .SQLITE_CORRUPT: .corrupt
    case .SQLITE_FULL: .diskFull
    case .SQLITE_IOERR, .SQLITE_CANTOPEN, .SQLITE_PERM, .SQLITE_AUTH, .SQLITE_NOLFS: .inputOutput
    case .SQLITE_BUSY, .SQLITE_LOCKED, .SQLITE_PROTOCOL: .busy
    case .SQLITE_READONLY: .readOnly
    default: .unexpected
    }
  }

  /// Creates an error from `errno`, which the caller reads right after the call that failed.
  init(_ kind: Kind, path: String, systemError code: Int32) {
    self.init(
      kind, path: path, cause: Cause(code: code, message: String(cString: strerror(code))))
  }
}

/// A row whose value is none of those that the column allows.
struct UnreadableValue: Error, CustomStringConvertible {
  let column: String
  let value: String

  var description: String { "column \(column) holds '\(value)'" }
}

extension Row {
  /// Returns the value of a column, or throws where GRDB's subscript would trap.
  func value<Value: DatabaseValueConvertible & StatementColumnConvertible>(
    _ column: String
  ) throws -> Value {
    try decode(Value.self, forColumn: column)
  }

  /// Returns the case of an enumeration that a text column names.
  func value<Choice: RawRepresentable<String>>(_ column: String) throws -> Choice {
    let text: String = try value(column)
    guard let choice = Choice(rawValue: text) else {
      throw UnreadableValue(column: column, value: text)
    }
    return choice
  }

  /// The answers to single images of a row of scores, if they were kept.
  var answers: RightAnswers? {
    get throws {
      guard let bytes = try decode(Data?.self, forColumn: "answers") else { return nil }
      guard let answers = RightAnswers(bytes: [UInt8](bytes), images: try value("images")) else {
        throw UnreadableValue(column: "answers", value: "\(bytes.count) bytes")
      }
      return answers
    }
  }

  /// Returns the instant that a column holds as Unix seconds.
  func date(_ column: String) throws -> Date {
    Date(timeIntervalSince1970: try value(column))
  }
}
