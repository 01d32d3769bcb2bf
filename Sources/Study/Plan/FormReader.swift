/// Takes values out of a ``Form`` and gathers everything that is wrong with it.
///
/// Each method leaves the variable it is handed as it is if there is no form to read or the form is
/// not what is wanted; in the latter case there is one problem more. So a variable begins with its
/// default, and reading goes on behind a problem to find the others.
///
///     var epochs = 4
///     let keys = reader.mapping(form, keys: ["epochs", "batch"])
///     reader.integer(keys["epochs"], 1...100, into: &epochs)
package struct FormReader {
  /// What was wrong so far.
  package private(set) var problems: [Problem]

  /// The file that the forms come from.
  private let file: String

  /// Creates a reader that has these problems to start with.
  ///
  /// - Parameters:
  ///   - problems: What is wrong already.
  ///   - file: Where the forms come from; paths in it are relative to its folder.
  package init(problems: [Problem] = [], file: String = "") {
    self.problems = problems
    self.file = file
  }

  /// The path of a file that is named relative to the folder of the one being read.
  func path(beside path: String) -> String {
    guard !path.hasPrefix("/"), let slash = file.lastIndex(of: "/") else { return path }
    return file[...slash] + path
  }

  /// Adds a problem.
  package mutating func report(_ position: Position, _ message: String) {
    problems.append(Problem(at: position, message))
  }

  // MARK: - Mappings and lists

  /// Reads a mapping.
  ///
  /// - Parameters:
  ///   - form: The mapping.
  ///   - keys: The keys that may be in it.
  ///   - required: Those that must be, each with an example to show where it is missing.
  /// - Returns: The values of the keys that are there.
  package mutating func mapping(
    _ form: Form?, keys: [String], required: KeyValuePairs<String, String> = [:]
  ) -> [String: Form] {
    guard let form else { return [:] }
    guard case .mapping(let entries) = form.content else {
      let some = keys.prefix(3).joined(separator: ", ")
      mismatch(form, expected: "a mapping with keys such as \(some)", hint: nil)
      return [:]
    }
    var values: [String: Form] = [:]
    var lines: [String: Int] = [:]
    for entry in entries {
      guard keys.contains(entry.key) else {
        reportUnknown(entry, among: keys, in: form)
        continue
      }
      if let line = lines[entry.key] {
        let earlier = line == entry.position.line ? "on this line" : "on line \(line)"
        report(
          entry.position, "the key '\(entry.key)' is already given \(earlier); keep one of them")
        continue
      }
      lines[entry.key] = entry.position.line
      values[entry.key] = entry.value
      values[entry.key]?.path = form.path.isEmpty ? entry.key : "\(form.path).\(entry.key)"
    }
    for (key, example) in required where values[key] == nil {
      let place = form.path.isEmpty ? "" : " from \(form.path)"
      report(form.position, "the key '\(key)' is missing\(place); add for example '\(example)'")
    }
    return values
  }

  /// Reads a mapping of one key, which says what kind of thing its value is.
  ///
  /// - Returns: The key, and its value if it is one of `keys`.
  package mutating func choice(
    _ form: Form?, keys: [String]
  ) -> (key: String, value: Form)? {
    guard let form else { return nil }
    guard case .mapping(let entries) = form.content else {
      mismatch(form, expected: "a mapping with the key \(oneOf(keys))", hint: nil)
      return nil
    }
    guard let entry = entries.first else {
      report(form.position, "\(form.path) must have the key \(oneOf(keys)), but has none")
      return nil
    }
    for other in entries.dropFirst() {
      report(other.position, "\(form.path) takes one key, and has \(entry.key.quoted) already")
    }
    guard keys.contains(entry.key) else {
      reportUnknown(entry, among: keys, in: form)
      return nil
    }
    var value = entry.value
    value.path = "\(form.path).\(entry.key)"
    return (entry.key, value)
  }

  /// Reads a list.
  ///
  /// - Parameters:
  ///   - form: The list.
  ///   - example: What it may look like.
  /// - Returns: The elements; `nil` if there is no list.
  package mutating func list(_ form: Form?, example: String) -> [Form]? {
    guard let form else { return nil }
    guard case .list(let elements) = form.content else {
      mismatch(form, expected: "a list such as \(example)", hint: nil)
      return nil
    }
    return elements.map { element in
      var element = element
      element.path = "an entry of \(form.path)"
      return element
    }
  }

  private mutating func reportUnknown(_ entry: Form.Entry, among keys: [String], in form: Form) {
    let suggestion = nearest(entry.key, in: keys).map { "did you mean '\($0)'? " } ?? ""
    let place = form.path.isEmpty ? "" : " in \(form.path)"
    report(
      entry.position,
      "unknown key \(entry.key.quoted)\(place); \(suggestion)known keys: "
        + keys.joined(separator: ", "))
  }

  // MARK: - Scalars

  /// Reads text, in quotes or not.
  ///
  /// - Parameters:
  ///   - form: The text, which may hold no control characters.
  ///   - expected: What the text is, such as "a path".
  ///   - longest: The most Unicode scalars that it has.
  ///   - text: Receives the text.
  package mutating func text(
    _ form: Form?, expecting expected: String, longest: Int, into text: inout String
  ) {
    guard let form else { return }
    guard case .scalar(let written, _) = form.content, !written.isEmpty else {
      mismatch(form, expected: expected, hint: nil)
      return
    }
    if let problem = Self.flaw(of: written, longest: longest) {
      report(form.position, "\(form.path) \(problem)")
    } else {
      text = written
    }
  }

  /// Reads the path of a file, kept as it is written.
  mutating func path(_ form: Form?, into path: inout String?) {
    guard let form else { return }
    var text = ""
    self.text(form, expecting: "the path of a file", longest: 4095, into: &text)
    path = text
  }

  /// What makes a text unfit, completing a sentence about it, or `nil` if nothing does.
  package static func flaw(of text: String, longest: Int) -> String? {
    let isControl: (Unicode.Scalar) -> Bool = { scalar in
      switch scalar.properties.generalCategory {
      case .control, .lineSeparator, .paragraphSeparator: true
      // Foundation takes it for a byte order mark and drops it.
      default: scalar == "\u{feff}"
      }
    }
    if let control = text.unicodeScalars.first(where: isControl) {
      return "holds the control character \(control); remove it"
    }
    let length = text.unicodeScalars.count
    return length > longest ? "has \(length) characters; shorten it to \(longest)" : nil
  }

  /// Reads a whole number that lies in `range`.
  package mutating func integer<Number: FixedWidthInteger>(
    _ form: Form?, _ range: ClosedRange<Number>, into number: inout Number
  ) {
    let low = range.lowerBound
    let expected =
      if range.upperBound == .max && Number.isSigned {
        "a whole number of at least \(low)"
      } else if range.upperBound == low + 1 {
        "\(low) or \(range.upperBound)"
      } else {
        "a whole number from \(low) to \(range.upperBound)"
      }
    scalar(form, expecting: expected, into: &number) { (text) throws(ScalarError) in
      let value: Number = try ScalarRules.integer(text)
      guard range.contains(value) else { throw ScalarError() }
      return value
    }
  }

  /// Reads a decimal number that lies in `interval`.
  package mutating func decimal(
    _ form: Form?, _ interval: Interval, into number: inout Double
  ) {
    scalar(form, expecting: "a number \(interval)", into: &number) { (text) throws(ScalarError) in
      let value = try ScalarRules.decimal(text)
      guard interval.contains(value) else { throw ScalarError() }
      return value
    }
  }

  /// Reads `true` or `false`.
  package mutating func flag(_ form: Form?, into flag: inout Bool) {
    scalar(form, expecting: "true or false", into: &flag) { (text) throws(ScalarError) in
      switch text {
      case "true": return true
      case "false": return false
      default:
        switch text.lowercased() {
        case "true", "yes", "on", "y", "1": throw ScalarError(hint: "write true")
        case "false", "no", "off", "n", "0": throw ScalarError(hint: "write false")
        default: throw ScalarError()
        }
      }
    }
  }

  /// Reads one of a few words.
  package mutating func word<Word: RawRepresentable<String> & CaseIterable>(
    _ form: Form?, into word: inout Word
  ) {
    let words = Word.allCases.map(\.rawValue)
    let only = words.count == 1 ? "the only value there is" : "the only values there are"
    let expected = "\(oneOf(words)), \(only)"
    scalar(form, expecting: expected, into: &word) { (text) throws(ScalarError) in
      guard let value = Word(rawValue: text) else {
        throw ScalarError(hint: nearest(text, in: words).map { "did you mean '\($0)'?" })
      }
      return value
    }
  }

  /// Reads a list of some of a few words.
  package mutating func words<Word: RawRepresentable<String> & CaseIterable & Hashable>(
    _ form: Form?, into words: inout [Word]
  ) {
    let example = "[" + Word.allCases.prefix(2).map(\.rawValue).joined(separator: ", ") + "]"
    guard let form, let entries = list(form, example: example), let first = Word.allCases.first
    else { return }
    if entries.isEmpty {
      report(form.position, "\(form.path) is empty; list for example \(example)")
    }
    let before = problems.count
    var read: [Word] = []
    for entry in entries {
      var value = first
      word(entry, into: &value)
      if problems.count == before, read.contains(value) {
        report(entry.position, "\(form.path) has '\(value.rawValue)' already")
      }
      read.append(value)
    }
    if problems.count == before, !read.isEmpty { words = read }
  }

  /// Reads a word without quotes by a rule of the caller's.
  ///
  /// - Parameters:
  ///   - form: The word.
  ///   - expected: What it must be; completes the sentence "It must be …".
  ///   - value: Receives the value.
  ///   - rule: Makes the value of the word.
  package mutating func scalar<Value>(
    _ form: Form?, expecting expected: @autoclosure () -> String, into value: inout Value,
    by rule: (String) throws(ScalarError) -> Value
  ) {
    guard let form else { return }
    guard let word = form.word, !word.isEmpty else {
      let isQuoted = if case .scalar(_, isQuoted: true) = form.content { true } else { false }
      mismatch(form, expected: expected(), hint: isQuoted ? "remove the quotes" : nil)
      return
    }
    do {
      value = try rule(word)
    } catch {
      mismatch(form, expected: expected(), hint: error.hint)
    }
  }

  private mutating func mismatch(_ form: Form, expected: String, hint: String?) {
    let subject = form.path.isEmpty ? "the file" : form.path
    let remedy = hint.map { "; \($0)" } ?? ""
    report(form.position, "\(subject) must be \(expected), but \(form.found)\(remedy)")
  }
}

/// Lists words as in "red, green or blue".
package func oneOf(_ words: [String]) -> String {
  guard words.count > 1, let last = words.last else { return words.joined() }
  return words.dropLast().joined(separator: ", ") + " or \(last)"
}

/// The decimal numbers between two bounds.
package struct Interval: Sendable, CustomStringConvertible {
  private let lower: Double
  private let upper: Double
  private let holdsLower: Bool
  private let holdsUpper: Bool

  /// From `lower` to `upper`, both included.
  package static func from(_ lower: Double, to upper: Double) -> Interval {
    Interval(lower: lower, upper: upper, holdsLower: true, holdsUpper: true)
  }

  /// From `lower`, which is included, to `upper`, which is not.
  package static func from(_ lower: Double, below upper: Double) -> Interval {
    Interval(lower: lower, upper: upper, holdsLower: true, holdsUpper: false)
  }

  /// From `lower`, which is not included, to `upper`, which is.
  package static func above(_ lower: Double, to upper: Double) -> Interval {
    Interval(lower: lower, upper: upper, holdsLower: false, holdsUpper: true)
  }

  package func contains(_ number: Double) -> Bool {
    (holdsLower ? lower <= number : lower < number)
      && (holdsUpper ? number <= upper : number < upper)
  }

  package var description: String {
    func short(_ bound: Double) -> String {
      Int(exactly: bound).map(String.init) ?? String(bound)
    }
    return (holdsLower ? "from " : "above ") + short(lower)
      + (holdsUpper ? (holdsLower ? " to " : " up to ") : " to below ") + short(upper)
  }
}
