/// The text of a file, known to hold only characters that a person can see or mean.
package struct SourceText: Sendable {
  /// The characters, without a byte order mark.
  package var scalars: [Unicode.Scalar]

  /// The index of the first character of each line.
  private let lineStarts: [Int]

  /// The most bytes that are read.
  package static let largest = 1_000_000

  /// Decodes UTF-8, with or without a byte order mark.
  ///
  /// - Parameters:
  ///   - bytes: The file's content.
  ///   - problems: Receives what is wrong if the result is `nil`: too many bytes, another encoding,
  ///     control characters.
  package init?(_ bytes: some Collection<UInt8>, reporting problems: inout [Problem]) {
    guard bytes.count <= Self.largest else {
      problems.append(
        Problem(at: .start, "the file is larger than 1 MB; a search file is a page of text"))
      return nil
    }
    let start = Array(bytes.prefix(3))
    guard !start.starts(with: [0xff, 0xfe]), !start.starts(with: [0xfe, 0xff]) else {
      problems.append(Problem(at: .start, "the file is UTF-16; save it as UTF-8"))
      return nil
    }

    var input = bytes.dropFirst(start == [0xef, 0xbb, 0xbf] ? 3 : 0).makeIterator()
    var decoder = UTF8()
    var scalars: [Unicode.Scalar] = []
    scalars.reserveCapacity(bytes.count)
    var lineStarts = [0]
    var refused: [Problem] = []
    decoding: while true {
      let position = Position(
        line: lineStarts.count, column: scalars.count - lineStarts[lineStarts.count - 1] + 1)
      switch decoder.decode(&input) {
      case .emptyInput:
        break decoding
      case .error:
        refused.append(Problem(at: position, "this is not UTF-8; save the file as UTF-8"))
        break decoding
      case .scalarValue(let scalar):
        if scalar == "\n", scalars.last == "\r" {
          // A carriage return has begun the line already.
          lineStarts[lineStarts.count - 1] += 1
        } else if scalar == "\n" || scalar == "\r" {
          lineStarts.append(scalars.count + 1)
        } else if let reason = Self.refusal(of: scalar), refused.count < 10 {
          refused.append(Problem(at: position, reason))
        }
        scalars.append(scalar)
      }
    }
    guard refused.isEmpty else {
      problems += refused
      return nil
    }
    self.scalars = scalars
    self.lineStarts = lineStarts
  }

  /// Why a character may not stand in a search file, or `nil` if it may.
  private static func refusal(of scalar: Unicode.Scalar) -> String? {
    switch scalar.value {
    case 0:
      "a NUL character cannot be in a search file; was it saved as UTF-16?"
    case 0x85, 0x2028, 0x2029:
      "the separator U+\(String(scalar.value, radix: 16, uppercase: true)) cannot be in a search "
        + "file; replace it by a line break"
    case 0x09, 0x20...0x7e, 0xa0...0xd7ff, 0xe000...0xfffd, 0x1_0000...0x10_ffff:
      nil
    default:
      "the control character \(scalar) cannot be in a search file; remove it"
    }
  }

  /// The text as a string.
  package var string: String {
    var view = String.UnicodeScalarView()
    view.append(contentsOf: scalars)
    return String(view)
  }

  /// The index in ``scalars`` of a position, or `nil` if it lies behind the end.
  package func index(of position: Position) -> Int? {
    guard lineStarts.indices.contains(position.line - 1), position.column >= 1 else { return nil }
    let index = lineStarts[position.line - 1] + position.column - 1
    return scalars.indices.contains(index) ? index : nil
  }

  /// The character at a position, or `nil` if it lies behind the end.
  package subscript(position: Position) -> Unicode.Scalar? {
    index(of: position).map { scalars[$0] }
  }

  /// Whether `text` stands at a position, letter by letter.
  package func holds(_ text: String, at position: Position) -> Bool {
    guard let index = index(of: position) else { return text.isEmpty }
    return scalars[index...].starts(with: text.unicodeScalars)
  }

  /// Characters that are neither in the text nor spelled there as an escape, so that they can stand
  /// in for others.
  ///
  /// - Returns: Up to `count` characters for private use.
  package func unusedScalars(_ count: Int) -> [Unicode.Scalar] {
    let used = Set(scalars)
    // Without a backslash nothing is spelled as an escape.
    let spelled = used.contains("\\") ? string.lowercased() : ""
    var unused: [Unicode.Scalar] = []
    // Only a file made to foil this uses more than a few of them.
    for code in UInt32(0xe000)..<0xe040 where unused.count < count {
      guard let scalar = Unicode.Scalar(code), !used.contains(scalar) else { continue }
      if !spelled.contains(String(code, radix: 16)) { unused.append(scalar) }
    }
    return unused
  }
}
