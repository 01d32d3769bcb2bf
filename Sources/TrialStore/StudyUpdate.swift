/// What a study learnt at once: all of it is stored, or none.
///
/// A strategy's state and the trials that led to it belong into one update, so that a study that
/// goes on after a crash neither loses nor repeats a trial.
public struct StudyUpdate: Sendable {
  /// New trials; they are numbered in this order.
  public var trials: [NewTrial]

  /// New scores of trials that are stored already or in this update.
  public var scores: [TrialScore]

  /// The numbers of trials that the strategy went on with.
  public var chosen: [Int]

  /// Finalists, each of which replaces the one of the same budget.
  public var finalists: [RecordedFinalist]

  /// Checkpoints, each of which replaces the one of the same name.
  public var checkpoints: [NewCheckpoint]

  /// Points of learning curves, each of which replaces the one of the same name and step.
  public var curve: [CurvePoint]

  /// What the strategy held probable, each replacing what is stored of the same step.
  public var beliefs: [RecordedBelief]

  /// The stage reached, if it changed.
  public var stage: Stage?

  /// The strategy from now on, as JSON, if it changed.
  public var strategyState: String?

  /// The random number generator from now on, if it changed.
  public var randomState: String?

  /// Seconds of searching since the last update.
  public var searchSeconds: Double

  /// How alike shared weights and own ones rank networks, from -1 to 1, if that was found out.
  public var rankAgreement: Double?

  /// Creates an update of the given parts.
  public init(
    trials: [NewTrial] = [], scores: [TrialScore] = [], chosen: [Int] = [],
    finalists: [RecordedFinalist] = [], checkpoints: [NewCheckpoint] = [], curve: [CurvePoint] = [],
    beliefs: [RecordedBelief] = [], stage: Stage? = nil, strategyState: String? = nil,
    randomState: String? = nil, searchSeconds: Double = 0, rankAgreement: Double? = nil
  ) {
    self.trials = trials
    self.scores = scores
    self.chosen = chosen
    self.finalists = finalists
    self.checkpoints = checkpoints
    self.curve = curve
    self.beliefs = beliefs
    self.stage = stage
    self.strategyState = strategyState
    self.randomState = randomState
    self.searchSeconds = searchSeconds
    self.rankAgreement = rankAgreement
  }
}

/// A score and the trial it belongs to.
public struct TrialScore: Hashable, Sendable {
  /// The trial's number in its study.
  public let trial: Int

  /// The score.
  public let score: NewScore

  /// Creates a score of the given trial.
  public init(trial: Int, score: NewScore) {
    self.trial = trial
    self.score = score
  }
}
