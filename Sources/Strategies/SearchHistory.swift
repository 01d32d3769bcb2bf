import SearchSpace

/// All that a search was told, in the order in which it asked.
struct SearchHistory: Sendable {
  private(set) var entries: [Entry] = []
  private var places: [Architecture: Int] = [:]

  /// An architecture with its score and its cost.
  struct Entry: Sendable {
    var architecture: Architecture
    var score: Score
    var cost: Cost
  }

  init() {}

  var count: Int { entries.count }

  subscript(place: Int) -> Entry { entries[place] }

  func contains(_ architecture: Architecture) -> Bool { places[architecture] != nil }

  /// Adds what was told of an architecture; told again, the later score counts.
  mutating func add(_ entry: Entry) {
    if let place = places[entry.architecture] {
      entries[place] = entry
    } else {
      places[entry.architecture] = entries.count
      entries.append(entry)
    }
  }

  /// The places of all architectures with a valid score that a condition holds for, best first.
  func ranking(where isWanted: (Entry) -> Bool = { _ in true }) -> [Int] {
    let places = entries.indices.filter { entries[$0].score.isValid && isWanted(entries[$0]) }
    // Of equals the older comes first; the order must not depend on how the sort goes.
    return places.sorted { left, right in
      let (first, second) = (entries[left].score, entries[right].score)
      if first.isBetter(than: second) { return true }
      return second.isBetter(than: first) ? false : left < right
    }
  }

  /// The best architecture within each budget.
  func finalists(within budgets: [Budget]) -> [Finalist] {
    budgets.compactMap { budget in
      var best: Entry?
      for entry in entries where budget.admits(entry.cost) && entry.score.isValid {
        if let incumbent = best, !entry.score.isBetter(than: incumbent.score) { continue }
        best = entry
      }
      return best.map { Finalist(budget: budget, architecture: $0.architecture) }
    }
  }
}

/// Encoded in columns: a long search is written after each of its answers.
extension SearchHistory: Codable {
  private struct Columns: Codable {
    /// The choices of all architectures, one behind the other.
    var choices: [Int] = []
    var correct: [Int] = []
    var images: [Int] = []
    /// `nil` for what was no number.
    var losses: [Double?] = []
    var macs: [Int] = []
    var parameters: [Int] = []
    /// Left out where no latency is known.
    var latencies: [Int?]?
  }

  init(from decoder: any Decoder) throws {
    let columns = try Columns(from: decoder)
    let count = columns.correct.count
    let decisions = columns.choices.count / max(1, count)
    let lengths = [
      columns.images.count, columns.losses.count, columns.macs.count, columns.parameters.count,
      columns.latencies?.count ?? count,
    ]
    guard lengths.allSatisfy({ $0 == count }), columns.choices.count == count * decisions else {
      throw DecodingError.dataCorrupted(
        .init(codingPath: decoder.codingPath, debugDescription: "columns of unequal length"))
    }
    for row in 0..<count {
      let choices = columns.choices[row * decisions..<(row + 1) * decisions]
      add(
        Entry(
          architecture: Architecture(choices: Array(choices)),
          score: Score(
            correct: columns.correct[row], images: columns.images[row],
            loss: columns.losses[row] ?? .nan),
          cost: Cost(
            macs: columns.macs[row], parameters: columns.parameters[row],
            latency: columns.latencies?[row])))
    }
  }

  func encode(to encoder: any Encoder) throws {
    var columns = Columns()
    for entry in entries {
      columns.choices += entry.architecture.choices
      columns.correct.append(entry.score.correct)
      columns.images.append(entry.score.images)
      columns.losses.append(entry.score.loss.isFinite ? entry.score.loss : nil)
      columns.macs.append(entry.cost.macs)
      columns.parameters.append(entry.cost.parameters)
    }
    let latencies = entries.map(\.cost.latency)
    if latencies.contains(where: { $0 != nil }) { columns.latencies = latencies }
    try columns.encode(to: encoder)
  }
}
