package import SearchSpace

/// Networks of a space whose accuracy somebody has measured already.
///
/// Documentation/tables.md tells how a file lists them; `ArchitectureTable+Reading` reads it.
package struct ArchitectureTable: Sendable {
  /// The space that it tells of; networks cost what the table says, if it says so.
  package let space: SearchSpace

  /// The file, for messages.
  let file: String

  /// The hash of what the file holds, sixteen hexadecimal digits.
  let fingerprint: String

  /// What is known, by canonical architectures.
  package let rows: [Architecture: Row]

  /// Why latencies cannot be had from the table; `nil` if it tells that of every network.
  var flawOfLatencies: String? {
    guard rows.keys.contains(where: { space.cost(of: $0).latency != nil }) else {
      return "it has no column 'latency-ms'"
    }
    let count = ArchitectureCensus(of: space).count
    guard WholeNumber(rows.count) == count else {
      return "it has \(rows.count) of the \(count) networks of the space, and a search looks at all"
    }
    return nil
  }

  /// What is known of one network.
  package struct Row: Hashable, Sendable {
    /// Images classified rightly, all measurements together.
    package var correct: Int

    /// Images looked at, all measurements together.
    package var images: Int

    package var accuracy: Double { Double(correct) / Double(images) }
  }

  /// What is known of a network.
  ///
  /// - Throws: ``TableError`` if the table does not have it.
  package func row(of architecture: Architecture) throws(TableError) -> Row {
    guard let row = rows[space.canonical(architecture)] else {
      throw TableError(
        file: file, reason: "there is no row for the network \(space.key(of: architecture))")
    }
    return row
  }

  /// The score of a network as strategies are told of it; the table knows of no loss.
  package func score(of architecture: Architecture) throws(TableError) -> Score {
    let row = try row(of: architecture)
    return Score(correct: row.correct, images: row.images, loss: 0)
  }
}

/// What is wrong with a table of networks.
public struct TableError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The file as it was given.
  public let file: String

  public let description: String

  /// Creates an error about the file as a whole.
  init(file: String, reason: String) {
    self.file = file
    description = "\(file.escapingControls): error: \(reason.escapingControls)"
  }

  /// Creates an error from everything that is wrong.
  init(file: String, problems: [Problem]) {
    self.file = file
    description = PlanError(file: file, problems: problems).description
  }
}
