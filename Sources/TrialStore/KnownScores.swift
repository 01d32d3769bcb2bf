internal import GRDB

/// All that a score of a given architecture depends on.
///
/// Two scores of one architecture that agree in it are equal, to the last bit.
public struct ScoreProvenance: Hashable, Sendable {
  /// The hash of all that the supernet's weights follow from, the space and the data among it.
  public let recipeHash: String

  /// The hash of the weights themselves, in hexadecimal.
  public let weightsHash: String

  /// How BatchNorm statistics were made and what computed, as JSON.
  public let calibration: String

  /// The hash that identifies the fixed set of images, in hexadecimal.
  public let imagesHash: String

  /// Creates the provenance of scores with shared weights.
  public init(recipeHash: String, weightsHash: String, calibration: String, imagesHash: String) {
    self.recipeHash = recipeHash
    self.weightsHash = weightsHash
    self.calibration = calibration
    self.imagesHash = imagesHash
  }
}

/// An architecture with a score that some study of the database gave it.
public struct KnownScore: Hashable, Sendable {
  /// The architecture, as JSON.
  public let architecture: String

  /// The architecture's canonical key.
  public let key: String

  public let score: RecordedScore
}

extension TrialStore {
  /// Returns what is known of some architectures, in whichever study it was found out.
  ///
  /// - Parameters:
  ///   - keys: The architectures' canonical keys.
  ///   - provenance: How the scores must have been made.
  /// - Returns: A score for each key that has one.
  /// - Throws: ``StoreError`` if the database cannot be read.
  public func knownScores(
    of keys: some Sequence<String>, from provenance: ScoreProvenance
  ) throws(StoreError) -> [String: RecordedScore] {
    try read { db in
      let statement = try db.cachedStatement(
        sql: Self.knownScores + " AND trials.key = ? ORDER BY scores.id LIMIT 1")
      var scores: [String: RecordedScore] = [:]
      for key in keys where scores[key] == nil {
        let row = try Row.fetchOne(
          statement, arguments: StatementArguments(provenance.values + [key]))
        scores[key] = try row.map(RecordedScore.init)
      }
      return scores
    }
  }

  /// Returns every architecture of which something is known, in whichever study it was found out.
  ///
  /// - Parameter provenance: How the scores must have been made.
  /// - Returns: Each architecture once, the oldest score first.
  /// - Throws: ``StoreError`` if the database cannot be read.
  public func knownScores(
    from provenance: ScoreProvenance
  ) throws(StoreError) -> [KnownScore] {
    try read { db in
      var keys: Set<String> = []
      return try Row.fetchAll(
        db, sql: Self.knownScores + " ORDER BY scores.id",
        arguments: StatementArguments(provenance.values)
      ).compactMap { row in
        let key: String = try row.value("key")
        guard keys.insert(key).inserted else { return nil }
        return KnownScore(
          architecture: try row.value("architecture"), key: key, score: try RecordedScore(row))
      }
    }
  }

  private static let knownScores = """
    SELECT scores.*, trials.key, trials.architecture
    FROM trials JOIN scores ON scores.trial = trials.id JOIN studies ON studies.id = trials.study
    WHERE recipe_hash = ? AND weights_hash = ? AND calibration = ? AND images_hash = ?
      AND fidelity = 'shared' AND test = 0
    """
}

extension ScoreProvenance {
  fileprivate var values: [String] { [recipeHash, weightsHash, calibration, imagesHash] }
}
