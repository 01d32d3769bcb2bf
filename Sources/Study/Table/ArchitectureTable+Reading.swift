import Foundation
package import SearchSpace

extension ArchitectureTable {
  /// The most bytes that a table may have.
  static let largest = 256 << 20

  /// With so many problems a file is not read any further.
  private static let mostProblems = 1000

  /// Reads a table.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - space: What its networks are of.
  ///   - images: How many images each accuracy was measured on.
  /// - Throws: ``TableError`` with everything that is wrong with it, ``UnreadableFileError`` if it
  ///   cannot be read at all.
  package init(contentsOf path: String, space: SearchSpace, images: Int) throws {
    let bytes: [UInt8]
    do {
      let handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
      defer { try? handle.close() }
      bytes = [UInt8](try handle.read(upToCount: Self.largest + 1) ?? Data())
    } catch {
      throw UnreadableFileError(path: path, error: error)
    }
    try self.init(bytes, file: path, space: space, images: images)
  }

  /// Reads a table that is in memory.
  ///
  /// - Throws: ``TableError`` with everything that is wrong with it.
  package init(
    _ bytes: [UInt8], file: String, space: SearchSpace, images: Int
  ) throws(TableError) {
    guard bytes.count <= Self.largest else {
      throw TableError(file: file, reason: "the table is larger than \(Self.largest >> 20) MiB")
    }
    var reader = RowReader(space: space, images: images)
    for (index, line) in bytes.split(
      separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false
    )
    .enumerated() {
      var text = String(decoding: line, as: UTF8.self)
      if index == 0, text.hasPrefix("\u{feff}") { text.removeFirst() }
      let content = text.trimmingCharacters(in: .whitespacesAndNewlines)
      guard !content.isEmpty, !content.hasPrefix("#") else { continue }
      reader.read(text, line: index + 1)
      guard reader.problems.count < Self.mostProblems, !reader.isHopeless else { break }
    }
    if reader.rows.isEmpty, reader.problems.isEmpty {
      throw TableError(file: file, reason: "the table has no rows")
    }
    guard reader.problems.isEmpty else {
      throw TableError(file: file, problems: reader.problems)
    }
    self.init(
      space: space.costing(reader.costs), file: file, fingerprint: Study.fingerprint(of: bytes),
      rows: reader.rows)
  }
}

/// Reads the lines of a table one after the other: first the names of the columns, then networks.
private struct RowReader {
  let space: SearchSpace
  let images: Int
  private(set) var problems: [Problem] = []
  private(set) var rows: [Architecture: ArchitectureTable.Row] = [:]
  private(set) var costs: [Architecture: Cost] = [:]

  /// The columns, once their names are read.
  private var columns: [Column]?
  private var lines: [Architecture: Int] = [:]

  /// What a column holds.
  private enum Column: Equatable {
    case architecture
    case decision(Int)
    /// A share of 1, or of 100 where it is in per cent.
    case accuracy(of: Double)
    case cost(Cost.Metric)
    /// In milliseconds.
    case latency
    /// What has no meaning here.
    case unknown
  }

  init(space: SearchSpace, images: Int) {
    self.space = space
    self.images = images
  }

  /// Whether the columns are such that no row can be read.
  var isHopeless: Bool { columns?.contains(.unknown) ?? false || (columns?.isEmpty ?? false) }

  /// A value of a line, and where it stands.
  private struct Field {
    var text: String
    var position: Position
  }

  mutating func read(_ text: String, line: Int) {
    var fields: [Field] = []
    var column = 1
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let indent = part.prefix { $0 == " " || $0 == "\t" }.count
      fields.append(
        Field(
          text: part.trimmingCharacters(in: .whitespacesAndNewlines),
          position: Position(line: line, column: column + indent)))
      column += part.unicodeScalars.count + 1
    }
    if let columns {
      readRow(fields, columns, line: line)
    } else {
      columns = readNames(fields)
    }
  }

  private mutating func report(_ position: Position, _ message: String) {
    problems.append(Problem(at: position, message))
  }

  // MARK: Names

  private mutating func readNames(_ fields: [Field]) -> [Column] {
    let names = space.decisions.map(\.name)
    let others = ["architecture", "accuracy", "accuracy-percent", "macs", "params", "latency-ms"]
    var columns: [Column] = []
    for field in fields {
      let column: Column
      switch field.text {
      case "architecture": column = .architecture
      case "accuracy": column = .accuracy(of: 1)
      case "accuracy-percent": column = .accuracy(of: 100)
      case "macs", "flops": column = .cost(.macs)
      case "params": column = .cost(.parameters)
      case "latency-ms": column = .latency
      default:
        if let decision = names.firstIndex(of: field.text) {
          column = .decision(decision)
        } else {
          column = .unknown
          let hint = nearest(field.text, in: names + others).map { "did you mean '\($0)'? " } ?? ""
          report(
            field.position,
            "unknown column \(field.text.quoted); \(hint)known columns: "
              + (others + names).joined(separator: ", "))
        }
      }
      let isMeasurement = if case .accuracy = column { true } else { false }
      if !isMeasurement, column != .unknown, columns.contains(column) {
        report(field.position, "the column '\(field.text)' is there twice; keep one of them")
      }
      columns.append(column)
    }
    guard let first = fields.first, !columns.contains(.unknown) else { return columns }
    let isMeasured = columns.contains { if case .accuracy = $0 { true } else { false } }
    if !isMeasured {
      report(first.position, "there is no column 'accuracy' or 'accuracy-percent'")
    }
    let decisions = columns.contains { if case .decision = $0 { true } else { false } }
    if columns.contains(.architecture), decisions {
      report(first.position, "networks are named by 'architecture' or by decisions, not by both")
    }
    if !columns.contains(.architecture) {
      let missing = names.indices.filter { !columns.contains(.decision($0)) }.map { names[$0] }
      if !missing.isEmpty {
        report(
          first.position,
          "there is no column 'architecture', nor one for \(missing.joined(separator: ", "))")
      }
    }
    return problems.isEmpty ? columns : []
  }

  // MARK: Rows

  private mutating func readRow(_ fields: [Field], _ columns: [Column], line: Int) {
    let before = problems.count
    guard fields.count == columns.count else {
      report(
        Position(line: line, column: 1),
        "the line has \(fields.count) values for \(columns.count) columns")
      return
    }
    var choices = [Int?](repeating: nil, count: space.decisions.count)
    var given = [Position?](repeating: nil, count: space.decisions.count)
    var row = ArchitectureTable.Row(correct: 0, images: 0)
    var costs: [Cost.Metric: Int] = [:]
    for (field, column) in zip(fields, columns) {
      switch column {
      case .architecture: choices = readArchitecture(field)
      case .decision(let decision):
        given[decision] = field.position
        if !field.text.isEmpty { choices[decision] = readSize(field, of: decision) }
      case .accuracy(let whole):
        guard let correct = readAccuracy(field, of: whole) else { continue }
        row.correct += correct
        row.images += images
      case .cost(let metric): costs[metric] = readCost(field)
      case .latency: costs[.latency] = readLatency(field)
      case .unknown: break
      }
    }
    guard problems.count == before else { return }

    let largest = space.largest.choices
    let filled = zip(choices, largest).map { $0 ?? $1 }
    let architecture = space.canonical(Architecture(choices: filled))
    let active = space.activeDecisions(in: architecture)
    for (decision, isActive) in active.enumerated() where isActive && choices[decision] == nil {
      let position = given[decision] ?? Position(line: line, column: 1)
      report(position, "\(space.decisions[decision].name) is left out, but sizes the network")
    }
    if let earlier = lines[architecture] {
      report(Position(line: line, column: 1), "this is the same network as on line \(earlier)")
    }
    lines[architecture] = line
    rows[architecture] = row
    if !costs.isEmpty {
      let counted = space.network(of: architecture).cost
      self.costs[architecture] = Cost(
        macs: costs[.macs] ?? counted.macs, parameters: costs[.parameters] ?? counted.parameters,
        latency: costs[.latency])
    }
  }

  /// Reads `22212220`, the places of all choices, or `8:16:24`, their sizes.
  private mutating func readArchitecture(_ field: Field) -> [Int?] {
    let none = [Int?](repeating: nil, count: space.decisions.count)
    let isSizes = field.text.contains(":")
    let parts =
      isSizes ? field.text.split(separator: ":").map(String.init) : field.text.map(String.init)
    guard parts.count == space.decisions.count else {
      report(
        field.position,
        "\(field.text.quoted) has \(parts.count) \(isSizes ? "sizes" : "digits") for "
          + "\(space.decisions.count) decisions")
      return none
    }
    var column = field.position.column
    return parts.enumerated().map { decision, part in
      let position = Position(line: field.position.line, column: column)
      column += part.unicodeScalars.count + (isSizes ? 1 : 0)
      if isSizes { return readSize(Field(text: part, position: position), of: decision) }
      let choices = space.decisions[decision].choices
      guard let place = Int(part), choices.indices.contains(place) else {
        report(
          position,
          "\(part.quoted) is no place of \(space.decisions[decision].name), which has "
            + "\(choices.count) choices, counted from 0")
        return nil
      }
      return place
    }
  }

  private mutating func readSize(_ field: Field, of decision: Int) -> Int? {
    let decision = space.decisions[decision]
    guard let size = Int(field.text), let choice = decision.choices.firstIndex(of: size) else {
      let choices = decision.choices.map(String.init)
      report(
        field.position,
        "\(decision.name) must be \(oneOf(choices)), but is \(field.text.quoted)")
      return nil
    }
    return choice
  }

  /// Reads how many of the images a network classified rightly.
  private mutating func readAccuracy(_ field: Field, of whole: Double) -> Int? {
    guard let number = try? ScalarRules.decimal(field.text), 0...whole ~= number else {
      let hint =
        whole == 1 ? "; accuracies in per cent belong into a column 'accuracy-percent'" : ""
      report(
        field.position,
        "an accuracy must be a number from 0 to \(Int(whole)), but is \(field.text.quoted)\(hint)")
      return nil
    }
    return Int((number / whole * Double(images)).rounded())
  }

  private mutating func readCost(_ field: Field) -> Int? {
    guard let count: Int = try? ScalarRules.integer(field.text), count >= 0 else {
      report(
        field.position, "a cost must be a whole number from 0 on, but is \(field.text.quoted)")
      return nil
    }
    return count
  }

  /// Reads milliseconds as nanoseconds.
  private mutating func readLatency(_ field: Field) -> Int? {
    guard let time = try? ScalarRules.decimal(field.text), 0...1e6 ~= time else {
      report(
        field.position,
        "a latency must be a number of milliseconds from 0 to 1000000, but is \(field.text.quoted)")
      return nil
    }
    return Int((time * 1e6).rounded())
  }
}
