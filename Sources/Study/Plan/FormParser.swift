import Yams

/// Makes a ``Form`` from YAML that may come from anyone.
///
/// Of YAML it takes mappings, lists and scalars. Anchors, aliases, tags and further documents are
/// refused, and so is more than a person would write.
///
/// Two properties of Yams are worked around. It puts in for an alias what the anchor holds, and
/// hashes every key: a short file with aliases in its keys can keep it busy for years. And it stops
/// at the first key given twice. So before it sees the text, each `*` and one letter of each
/// repeated key are exchanged for characters that the text does not use, and exchanged back in the
/// scalars that come out.
package struct FormParser {
  private var source: SourceText
  private var problems: [Problem] = []
  private var reported: [String: Int] = [:]
  private var nodes = 0

  /// The stand-ins that are not used yet.
  private lazy var unused = source.unusedScalars(20)

  /// What each stand-in stands for.
  private var originals: [Unicode.Scalar: Unicode.Scalar] = [:]

  private static let mostNodes = 10_000
  private static let deepest = 32

  /// The most brackets times characters that are handed to Yams, to whom nested keys cost that many
  /// steps, and to whom each step is some 50 ns.
  private static let mostWork = 10_000_000

  /// The same for a text that is parsed again for each key given twice.
  private static let mostRepeatedWork = 2_000_000

  /// The most characters of such a text.
  private static let mostRepeatedSize = 50_000

  /// Parses the content of a file.
  ///
  /// - Parameters:
  ///   - bytes: UTF-8, at most ``SourceText/largest`` bytes.
  ///   - problems: Receives what is wrong.
  /// - Returns: The root, or `nil` if the text cannot be made sense of. There may be problems
  ///   beside a root.
  package static func parse(
    _ bytes: some Collection<UInt8>, reporting problems: inout [Problem]
  ) -> Form? {
    guard let source = SourceText(bytes, reporting: &problems) else { return nil }
    var parser = FormParser(source)
    let form = parser.form()
    problems += parser.problems
    return form
  }

  private init(_ source: SourceText) {
    self.source = source
  }

  private mutating func form() -> Form? {
    let brackets = source.scalars.count { $0 == "[" || $0 == "{" || $0 == "?" }
    let work = brackets * source.scalars.count
    guard work <= Self.mostWork else {
      report(.start, "the file holds \(brackets) brackets, more than a search file has use for")
      return nil
    }
    if source.scalars.contains("*") {
      guard let alias = unused.popLast() else {
        report(.start, "the file holds too many characters for private use; remove them")
        return nil
      }
      originals[alias] = "*"
      for index in source.scalars.indices where source.scalars[index] == "*" {
        source.scalars[index] = alias
      }
    }

    while true {
      do {
        return try composed()
      } catch YamlError.duplicatedKeysInMapping(let names, let context) {
        let position = Position(context.mark)
        let canRepeat =
          work <= Self.mostRepeatedWork && source.scalars.count <= Self.mostRepeatedSize
        guard canRepeat, exchangeLetter(ofKeyAt: position) else {
          report(position, "the key \((names.first ?? "").quoted) is given twice; keep one")
          return nil
        }
      } catch {
        problems.append(Problem(error, in: source))
        return nil
      }
    }
  }

  /// Makes the first of several equal keys unlike the others.
  ///
  /// - Returns: Whether that can be done; it cannot for a key that is empty or no word.
  private mutating func exchangeLetter(ofKeyAt position: Position) -> Bool {
    guard var index = source.index(of: position) else { return false }
    if source.scalars[index] == "\"" || source.scalars[index] == "'" { index += 1 }
    guard index < source.scalars.count else { return false }
    let letter = source.scalars[index]
    guard letter.properties.isAlphabetic || letter.properties.numericType != nil,
      let standIn = unused.popLast()
    else { return false }
    originals[standIn] = letter
    source.scalars[index] = standIn
    return true
  }

  private mutating func composed() throws -> Form? {
    // Without a resolver, no scalar is tried as a date. The default encoding is not asked for, for
    // it is read from the environment and announced on the standard output.
    let parser = try Parser(yaml: source.string, resolver: .basic, encoding: .utf8)
    guard let root = try parser.nextRoot() else {
      report(.start, "the file is empty; searches/autoslim.yaml is one to start from")
      return nil
    }
    if let second = try parser.nextRoot() {
      report(
        Position(second.mark), "a second document begins here; keep one search in a file")
    }
    return form(of: root, depth: 1)
  }

  private mutating func form(of node: Node, depth: Int) -> Form? {
    let position = Position(node.mark)
    nodes += 1
    guard nodes <= Self.mostNodes else {
      // Said once, where the limit was passed.
      if nodes == Self.mostNodes + 1 {
        report(position, "the file holds more than \(Self.mostNodes) values; shorten it")
      }
      return nil
    }
    guard depth <= Self.deepest else {
      report(position, "this is nested more than \(Self.deepest) levels deep; a search is not")
      return nil
    }
    switch source[position] {
    case "&": report(position, "anchors such as &name are not read; remove it")
    case "!": report(position, "tags such as !name are not read; remove it")
    default: break
    }

    switch node {
    case .scalar(let scalar):
      return Form(
        content: .scalar(text(of: scalar, at: position), isQuoted: scalar.style != .plain),
        position: position)
    case .sequence(let sequence):
      return Form(
        content: .list(sequence.compactMap { form(of: $0, depth: depth + 1) }), position: position)
    case .mapping(let mapping):
      let entries: [Form.Entry] = mapping.compactMap { key, value in
        let key = form(of: key, depth: depth + 1)
        let value = form(of: value, depth: depth + 1)
        guard let key, let value else { return nil }
        guard case .scalar(let name, _) = key.content else {
          report(key.position, "a key must be a word, but this \(key.found)")
          return nil
        }
        return Form.Entry(key: name, position: key.position, value: value)
      }
      return Form(content: .mapping(entries), position: position)
    case .alias:
      // Yams puts in what the anchor holds, and there is no alias left in the text.
      return nil
    }
  }

  private mutating func text(of scalar: Node.Scalar, at position: Position) -> String {
    var text = String.UnicodeScalarView()
    text.append(contentsOf: scalar.string.unicodeScalars.map { originals[$0] ?? $0 })
    if scalar.style == .plain {
      if text.first == "*" {
        report(position, "aliases such as *name are not read; write the value here again")
      } else if !source.holds(scalar.string, at: position), !isTagged(position) {
        report(
          position,
          "this text goes on in the next line; write it in one line, or put in the ':' or the "
            + "comma that is missing")
      }
    }
    return String(text)
  }

  private func isTagged(_ position: Position) -> Bool {
    source[position] == "&" || source[position] == "!"
  }

  /// Adds a problem, but no more than ten of a kind: a file made to trouble has thousands.
  private mutating func report(_ position: Position, _ message: String) {
    reported[message, default: 0] += 1
    guard reported[message, default: 0] <= 10 else { return }
    problems.append(Problem(at: position, message))
  }
}

extension Position {
  fileprivate init(_ mark: Mark?) {
    self.init(line: max(1, mark?.line ?? 1), column: max(1, mark?.column ?? 1))
  }
}

extension Problem {
  /// Says in plain words why Yams could not parse a text.
  fileprivate init(_ error: any Error, in source: SourceText) {
    switch error {
    case YamlError.scanner(let context, let problem, let mark, _),
      YamlError.parser(let context, let problem, let mark, _),
      YamlError.composer(let context, let problem, let mark, _):
      self.init(
        problem: problem, at: Position(mark), context: context.map { (Position($0.mark), $0.text) },
        in: source)
    default:
      self.init(at: .start, "this is not YAML (\(error))")
    }
  }

  private init(
    problem: String, at position: Position, context: (position: Position, text: String)?,
    in source: SourceText
  ) {
    let opening = context?.position ?? position
    switch problem {
    case "mapping values are not allowed in this context":
      self.init(
        at: position,
        "this ':' is out of place; indent keys alike, put text that holds ': ' in quotes, or look "
          + "for a ':' missing in the line before")
    case "could not find expected ':'":
      self.init(at: opening, "a ':' is missing after this key")
    case "did not find expected key":
      self.init(
        at: position, "expected a key here; indent it like its neighbours, or quote all of the text"
      )
    case "did not find expected '-' indicator":
      self.init(at: position, "expected '- ' here; indent it like its neighbours")
    case "did not find expected node content":
      self.init(at: position, "a value is missing here")
    case "did not find expected ',' or '}'":
      self.init(at: opening, "this '{' is not closed; a ',' or '}' is missing")
    case "did not find expected ',' or ']'":
      self.init(at: opening, "this '[' is not closed; a ',' or ']' is missing")
    case "found unexpected end of stream":
      self.init(at: opening, "this quote is not closed")
    case _ where problem.hasPrefix("Maximum nesting level"):
      self.init(at: position, "this is nested too deep; a search is not")
    case "found character that cannot start any token" where source[position] == "\t",
      _ where problem.contains("tab character"):
      self.init(at: position, "a tab cannot indent; use spaces")
    case "found character that cannot start any token":
      let character = source[position].map { String($0) } ?? ""
      self.init(at: position, "text cannot begin with '\(character)'; put it in quotes")
    default:
      let place = context.map { " (\($0.text) that begins at line \($0.position.line))" } ?? ""
      self.init(at: position, "this is not YAML: \(problem)\(place)")
    }
  }
}
