/// One thing that is wrong with a search file, and where.
public struct Problem: Hashable, Sendable {
  /// The line, counted from 1.
  public let line: Int

  /// The column, counted from 1 in Unicode scalars.
  public let column: Int

  /// What is wrong and what to do about it, on one line and safe to print on a terminal.
  public let message: String

  /// Creates a problem; control characters in `message` are escaped.
  public init(line: Int, column: Int, message: String) {
    self.line = line
    self.column = column
    self.message = message.escapingControls
  }

  package init(at position: Position, _ message: String) {
    self.init(line: position.line, column: position.column, message: message)
  }
}

/// Everything that is wrong with a search file.
///
///     fashion.yaml:14:3: error: unknown key 'epohcs'; did you mean 'epochs'? known keys: …
public struct PlanError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The file's name as it was given.
  public let file: String

  /// The problems in the order of their places in the file, none of them twice; at least one.
  ///
  /// Those of one place stay in the order in which they were found.
  public let problems: [Problem]

  /// Creates an error from problems in any order.
  public init(file: String, problems: [Problem]) {
    self.file = file
    var seen: Set<Problem> = []
    self.problems = problems.filter { seen.insert($0).inserted }.enumerated().sorted {
      ($0.element.line, $0.element.column, $0.offset)
        < ($1.element.line, $1.element.column, $1.offset)
    }.map(\.element)
  }

  /// How many problems ``description`` lists.
  private static let shown = 100

  public var description: String {
    let name = file.escapingControls
    var lines = problems.prefix(Self.shown).map {
      "\(name):\($0.line):\($0.column): error: \($0.message)"
    }
    if problems.count > Self.shown {
      lines.append("\(name): \(problems.count - Self.shown) more problems are not shown")
    }
    return lines.joined(separator: "\n")
  }
}

/// A place in a text.
package struct Position: Hashable, Sendable {
  /// Counted from 1.
  package var line: Int

  /// Counted from 1 in Unicode scalars.
  package var column: Int

  /// The first character of a text.
  package static let start = Position(line: 1, column: 1)
}

extension String {
  /// The text with everything that could move a cursor or turn the direction of writing spelled
  /// out: `\x1b`, `\u{202e}`.
  package var escapingControls: String {
    var escaped = ""
    for scalar in unicodeScalars {
      let code = String(scalar.value, radix: 16)
      switch scalar.properties.generalCategory {
      case .control:
        escaped += scalar.value < 0x10 ? "\\x0\(code)" : "\\x\(code)"
      case .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned:
        escaped += "\\u{\(code)}"
      default:
        escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }

  /// The text in single quotes, cut short if it is long.
  package var quoted: String {
    let longest = 40
    let start = unicodeScalars.prefix(longest + 1)
    guard start.count > longest else { return "'\(self)'" }
    return "'\(String(start.prefix(longest)))…'"
  }
}
