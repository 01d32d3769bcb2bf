internal import GRDB
public import SearchSpace

/// Which trials of a study compete for its frontier.
public enum FrontierEntrants: Hashable, Sendable {
  /// Those whose score is of the highest fidelity, and among them of the most images, that the
  /// study has: only like is compared with like.
  case mostTrustworthy

  /// Every trial, by its score with shared weights, on however many images. In a study that has no
  /// such score, by that of its own weights: the two say different things and never mix.
  case all
}

/// A trial that no other beats in both cost and accuracy.
public struct FrontierPoint: Hashable, Sendable {
  /// The trial.
  public let trial: Trial

  /// Its most trustworthy score on the hold-out.
  public let score: RecordedScore

  /// The accuracy of ``score``, which always has one.
  public let accuracy: Double

  /// The accuracy of its most trustworthy score on the test set, if it was ever tested.
  public let testAccuracy: Double?
}

extension TrialStore {
  /// Returns the trials of a study that no other beats in both cost and accuracy.
  ///
  /// A trial stands for its most trustworthy score on the hold-out: retrained before shared, then
  /// more images, then the newer one. One trial beats another if it is no worse in cost and
  /// accuracy and better in one of them; of trials equal in both, the first of the study stays.
  /// Failed trials, trials whose cost is not known and scores on the test set take no part.
  ///
  /// - Parameters:
  ///   - studyID: The study.
  ///   - cost: What to weigh against accuracy.
  ///   - entrants: Which trials to compare.
  /// - Returns: The frontier, from cheap and weak to costly and strong.
  /// - Throws: ``StoreError`` if the database cannot be read.
  /// - Complexity: O(*n* log *n*) in the number of trials, most of it in SQLite.
  public func frontier(
    of studyID: Study.ID, by cost: Cost.Metric, among entrants: FrontierEntrants = .mostTrustworthy
  ) throws(StoreError) -> [FrontierPoint] {
    try survey(of: studyID, by: cost, among: entrants).frontier
  }

  /// Returns the frontier, as ``frontier(of:by:among:)`` does, with what it was chosen from.
  ///
  /// - Returns: The frontier, and cost and accuracy of every trial that has a score of the same
  ///   fidelity, whether or not it was compared; both from cheap to costly.
  public func survey(
    of studyID: Study.ID, by cost: Cost.Metric, among entrants: FrontierEntrants = .mostTrustworthy
  ) throws(StoreError) -> (
    frontier: [FrontierPoint], scored: [(cost: Int, accuracy: Double)]
  ) {
    try read { db in
      var candidates = try fetchCandidates(
        of: studyID, by: cost, fidelity: entrants == .all ? .shared : nil, db)
      if entrants == .all, candidates.isEmpty {
        candidates = try fetchCandidates(of: studyID, by: cost, fidelity: .retrained, db)
      }
      let best = candidates.map(\.evidence).max()
      // Accuracies of one fidelity only can be drawn side by side.
      let scored = candidates.filter { $0.evidence.fidelity == best?.fidelity }
      if entrants == .mostTrustworthy { candidates.removeAll { $0.evidence != best } }
      return (
        try Self.sweep(candidates).map { try fetchPoint($0, db) },
        scored.map { ($0.cost, $0.accuracy) }
      )
    }
  }

  /// A trial as the frontier sees it.
  private struct Candidate {
    let trialID: Trial.ID
    let cost: Int
    var evidence: Evidence
    var scoreID: RecordedScore.ID
    var accuracy: Double
  }

  /// How far a score is to be trusted.
  private struct Evidence: Comparable {
    let fidelity: Fidelity
    let images: Int

    static func < (a: Self, b: Self) -> Bool {
      (a.fidelity, a.images) < (b.fidelity, b.images)
    }
  }

  /// Returns every trial with a score, of one fidelity if that is given, by cost and then by number.
  private func fetchCandidates(
    of studyID: Study.ID, by cost: Cost.Metric, fidelity: Fidelity?, _ db: Database
  ) throws -> [Candidate] {
    let column = cost.rawValue
    // CROSS JOIN keeps SQLite to this order of tables, so that the index hands out the trials
    // sorted and nothing needs to be sorted again.
    let rows = try Row.fetchCursor(
      db,
      sql: """
        SELECT trials.id, trials.\(column), scores.id, fidelity, images, accuracy
        FROM trials CROSS JOIN scores ON scores.trial = trials.id
        WHERE study = ? AND state = 'done' AND test = 0 AND accuracy IS NOT NULL
          AND fidelity = coalesce(?, fidelity) AND trials.\(column) IS NOT NULL
        ORDER BY trials.\(column), trials.number
        """,
      arguments: [studyID, fidelity?.rawValue])
    var candidates: [Candidate] = []
    while let row = try rows.next() {
      let text = try row.decode(String.self, atIndex: 3)
      guard let fidelity = Fidelity(rawValue: text) else {
        throw UnreadableValue(column: "fidelity", value: text)
      }
      let candidate = Candidate(
        trialID: try row.decode(atIndex: 0), cost: try row.decode(atIndex: 1),
        evidence: Evidence(fidelity: fidelity, images: try row.decode(atIndex: 4)),
        scoreID: try row.decode(atIndex: 2), accuracy: try row.decode(atIndex: 5))
      // The scores of one trial follow each other; the most trustworthy stands for it.
      guard let last = candidates.last, last.trialID == candidate.trialID else {
        candidates.append(candidate)
        continue
      }
      if (last.evidence, last.scoreID) < (candidate.evidence, candidate.scoreID) {
        candidates[candidates.count - 1] = candidate
      }
    }
    return candidates
  }

  /// Returns those of `candidates`, sorted by cost and number, that none of the others beats.
  private static func sweep(_ candidates: [Candidate]) -> [Candidate] {
    var frontier: [Candidate] = []
    for candidate in candidates {
      guard let last = frontier.last, last.cost == candidate.cost else {
        if candidate.accuracy > frontier.last?.accuracy ?? -1 { frontier.append(candidate) }
        continue
      }
      if candidate.accuracy > last.accuracy { frontier[frontier.count - 1] = candidate }
    }
    return frontier
  }

  private func fetchPoint(_ candidate: Candidate, _ db: Database) throws -> FrontierPoint {
    guard
      let trial = try Row.fetchOne(
        db, sql: "SELECT * FROM trials WHERE id = ?", arguments: [candidate.trialID]),
      let score = try Row.fetchOne(
        db, sql: "SELECT * FROM scores WHERE id = ?", arguments: [candidate.scoreID])
    else { throw UnreadableValue(column: "scores.id", value: "\(candidate.scoreID)") }
    // 'retrained' sorts before 'shared', as it should.
    let testAccuracy = try Double.fetchOne(
      db,
      sql: """
        SELECT accuracy FROM scores WHERE trial = ? AND test = 1 AND accuracy IS NOT NULL
        ORDER BY fidelity, images DESC, id DESC LIMIT 1
        """,
      arguments: [candidate.trialID])
    return FrontierPoint(
      trial: try Trial(trial), score: try RecordedScore(score), accuracy: candidate.accuracy,
      testAccuracy: testAccuracy)
  }
}
