import TrialStore

extension StrategyComparison {
  /// How alike one supernet's weights and weights of their own rank the networks compared.
  public struct Agreement: Hashable, Sendable {
    /// Spearman's ρ.
    public let value: Double

    /// How many different networks it is over.
    public let networks: Int

    /// How many images of the hold-out the supernet's weights were scored on.
    public let images: Int

    /// The studies that they come from.
    public let studies: [String]
  }

  /// With fewer networks a ρ is mostly chance.
  private static let fewestToRank = 4

  /// What the ranks of each supernet are worth, of which enough networks are compared.
  ///
  /// Retrained networks are ranked on the test set where all have been there, else on the hold-out.
  /// Of scores with shared weights those count that the most networks have got in one way.
  public var agreements: [Agreement] {
    struct Way: Hashable {
      let weights: String
      let images: Int
      let calibration: String
    }
    var known: [Way: [String: (network: TrainedTrial, score: RecordedScore)]] = [:]
    for network in rows.flatMap(\.networks) {
      for score in network.sharedScores {
        let way = Way(
          weights: score.weightsHash, images: score.images, calibration: score.calibration)
        known[way, default: [:]][network.trial.key] = (network, score)
      }
    }
    return Dictionary(grouping: known, by: \.key.weights).values.compactMap { ways in
      let most = ways.max { ($0.value.count, $0.key.images) < ($1.value.count, $1.key.images) }
      guard let (way, networks) = most, networks.count >= Self.fewestToRank else { return nil }
      let entries = networks.values.sorted { $0.network.trial.key < $1.network.trial.key }
      let isTested = entries.allSatisfy { $0.network.testScore?.accuracy != nil }
      let value = rankAgreement(
        entries.map { $0.score.accuracy ?? 0 },
        entries.map {
          ($0.network.testScore.flatMap { isTested ? $0 : nil } ?? $0.network.score)
            .accuracy ?? 0
        })
      return value.map {
        Agreement(
          value: $0, networks: entries.count, images: way.images,
          studies: Set(entries.map(\.network.study)).sorted())
      }
    }
    .sorted { $0.studies.lexicographicallyPrecedes($1.studies) }
  }
}
