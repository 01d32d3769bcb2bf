import Kernels
public import SearchSpace

/// What a run tells while it works.
public enum StudyEvent: Sendable {
  /// It has found out where it begins.
  case began(study: String, from: Beginning)

  /// So many layers on their own and networks as a whole are being timed, which has come to
  /// `progress` of its way.
  case measuringLatency(layers: Int, networks: Int, progress: Double, secondsLeft: Double)

  /// The space tells latencies from now on.
  case measuredLatency(LatencyTable)

  /// The supernet is not trained: it is the one that the named study trained by the same recipe.
  case tookSupernet(study: String)

  /// The teacher of retraining is not trained: it is the one that the named study trained by the same
  /// recipe.
  case tookTeacher(study: String)

  /// The strategy begins with so many scores that other studies got.
  case warmStarted(scores: Int)

  /// The supernet has been trained for `step` of `count` steps; `loss` is what it learnt
  /// from the labels over the last steps: the largest network's, or that of single paths.
  case training(step: Int, count: Int, loss: Double, secondsLeft: Double?)

  /// Of the images at `path` so many are decoded; they are kept, so that it need not be done again.
  case decoding(path: String, done: Int, count: Int)

  /// So many images of the data at `path` are left out because they cannot be read; `example` is one
  /// of them, with the reason.
  case skipped(count: Int, example: String, path: String)

  /// Weights such as those of the `supernet` have come to the end of their training, which took
  /// `seconds`, a share of them, `waiting`, spent waiting for images.
  case trained(name: String, seconds: Double, waiting: Double)

  /// One of `of` networks is trained a little on its own, to see whether the supernet ranks them alike.
  case probingRanks(network: Int, of: Int)

  /// How alike shared weights and own ones rank a few networks: Spearman's ρ.
  case rankAgreement(Double)

  /// The strategy has had `trials` candidates scored and has come to `progress` of its way.
  case searching(trials: Int, perSecond: Double, progress: Double, secondsLeft: Double?)

  /// Gates have come to `progress` of their way; `loss` is that of the gated network over the last
  /// batch.
  case learningGates(loss: Double, progress: Double, secondsLeft: Double?)

  /// A network was found for a budget, without a score, of which it uses `cost`.
  case found(trial: Int, budget: Budget, cost: Int)

  /// The best networks are scored again, on the whole hold-out.
  case scoringFinalists(count: Int)

  /// One of `of` networks, such as `teacher` or `trial 12`, has been trained on its own for `step` of
  /// `count` steps; `secondsLeft` counts for all of them.
  case retraining(
    network: String, index: Int, of: Int, step: Int, count: Int, loss: Double,
    secondsLeft: Double)

  /// A network has been trained on its own. Without accuracies it has diverged; without one on the
  /// test set there is none.
  case retrained(network: String, accuracy: Double?, testAccuracy: Double?)

  /// Where a run begins.
  public enum Beginning: Sendable {
    /// A new study.
    case new
    /// A study that an earlier run left at a step of the supernet's training.
    case training(step: Int)
    /// A study that an earlier run left after some trials.
    case searching(trials: Int)
    /// A study that is finished; nothing is left to do.
    case done
  }
}

/// Why a study cannot go on.
public enum StudyError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The search file is not the one that the study of this name began with.
  case planChanged(study: String)

  /// The data or the space is not what the study of this name began with.
  case materialChanged(study: String)

  /// The loss of the supernet, or of the network of this name, is no number any more.
  case diverged(name: String, step: Int)

  /// What is stored to go on from cannot be read.
  case damagedState(study: String, what: String)

  /// The study has not come far enough.
  case unfinished(study: String)

  /// The study is done, and its strategy picks networks without scoring any.
  case unscored(study: String)

  /// No network of the study was trained on its own.
  case notRetrained(study: String)

  /// No study of a database has a network that was trained on its own.
  case nothingToCompare

  /// Training or scoring needs more memory than there is.
  case tooLarge(needed: Int, available: Int)

  /// Weights and momentum are more than the database can hold in one piece.
  case checkpointTooLarge(bytes: Int, limit: Int)

  /// The file of weights to begin with is not one of the supernet.
  case badWeights(path: String, reason: String)

  /// `NAS_BACKEND` names no library.
  case unknownBackend(String)

  /// No trained supernet has weights to begin with.
  case nothingToInherit(study: String)

  /// Known networks are wanted, and the plan names none.
  case noTable(study: String)

  /// The study's scores are those of a table.
  case noWeights(study: String)

  /// The study knows no latencies.
  case noLatencies(study: String)

  /// No trial fits the wish.
  case noSuchNetwork(study: String, wish: String)

  public var description: String {
    switch self {
    case .badWeights(let path, let reason):
      "\(path): \(reason)"
    case .planChanged(let study):
      "the search file has changed since study '\(study)' began; undo the change, name the study "
        + "otherwise, or start again with --fresh (the old trials stay)"
    case .materialChanged(let study):
      "the data is not what study '\(study)' began with; bring it back, or start again with "
        + "--fresh (the old trials stay)"
    case .diverged(let name, let step):
      "the loss of the \(name) is no number at step \(step); lower "
        + (name == TrainingCheckpoint.supernet ? "supernet" : "retrain")
        + ".optimizer.lr and start again with --fresh"
    case .damagedState(let study, let what):
      "\(what) of study '\(study)' cannot be read; start again with --fresh (the old trials stay)"
    case .unfinished(let study):
      "study '\(study)' has no scored network yet; let nas run finish first"
    case .nothingToCompare:
      "no study has a network that was trained on its own yet; 'retrain:' in a search file asks for it"
    case .notRetrained(let study):
      "no network of study '\(study)' was trained on its own yet; 'nas retrain TRIAL' does that, or "
        + "'retrain:' in its search file"
    case .unscored(let study):
      "study '\(study)' has picked networks and scored none; 'nas retrain' scores one"
    case .tooLarge(let needed, let available):
      "training and scoring need some \(needed >> 20) MiB of memory, and there are "
        + "\(available >> 20); lower supernet.batch or space.width.scale"
    case .checkpointTooLarge(let bytes, let limit):
      "a checkpoint would have \(bytes) bytes, and the database holds \(limit) at most; lower "
        + "space.width.scale"
    case .unknownBackend(let name):
      "NAS_BACKEND is '\(name)'; it can be "
        + Engine.Backend.allCases.map(\.rawValue).joined(separator: " or ")
    case .nothingToInherit(let study):
      "study '\(study)' has no trained supernet to inherit weights from; retrain from scratch"
    case .noTable(let study):
      "the search file of '\(study)' has no table to try strategies on; give it an evaluator such as "
        + "{table: networks.csv}"
    case .noWeights(let study):
      "study '\(study)' took its scores from a table, so there are no weights to export; 'nas show' "
        + "tells its networks"
    case .noLatencies(let study):
      "study '\(study)' knows no latencies; they are measured for a search file with a budget such as "
        + "{latency: 60%}, or with latency among the objectives of nsga2"
    case .noSuchNetwork(let study, let wish):
      "study '\(study)' has no network \(wish)"
    }
  }
}
