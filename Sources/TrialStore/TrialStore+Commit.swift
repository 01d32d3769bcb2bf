import Foundation
internal import GRDB
import SearchSpace

extension TrialStore {
  /// Stores what a study learnt, in one transaction.
  ///
  /// - A trial none of whose scores has a finite loss is stored as failed.
  /// - A score made in the same way as one that its trial already has, with the same weights,
  ///   calibration and images, is not stored again.
  ///
  /// - Parameters:
  ///   - update: What it learnt.
  ///   - run: The run that learnt it.
  /// - Returns: The numbers of the new trials, in their order.
  /// - Throws: ``StoreError``, and nothing is stored: if the run does not own its study any more, a
  ///   trial that the update names does not exist, or the disk is full.
  @discardableResult
  public func commit(
    _ update: StudyUpdate, in run: ActiveRun
  ) throws(StoreError) -> Range<Int> {
    try write { db in
      try requireOwnership(of: run, db)
      let first = try lastTrialNumber(of: run.studyID, db) + 1
      for (number, trial) in zip(first..., update.trials) {
        try insert(trial, number: number, of: run.studyID, db)
      }
      for new in update.scores {
        try insert(new.score, of: try trialID(new.trial, of: run.studyID, db), db)
      }
      for number in update.chosen {
        let id = try trialID(number, of: run.studyID, db)
        try db.execute(sql: "UPDATE trials SET chosen = 1 WHERE id = ?", arguments: [id])
      }
      for finalist in update.finalists { try save(finalist, of: run.studyID, db) }
      for checkpoint in update.checkpoints { try save(checkpoint, of: run.studyID, db) }
      for point in update.curve { try save(point, of: run.studyID, db) }
      for belief in update.beliefs { try save(belief, of: run.studyID, db) }
      try db.execute(
        sql: """
          UPDATE studies SET
            stage = coalesce(?, stage),
            strategy_state = coalesce(?, strategy_state),
            random_state = coalesce(?, random_state),
            search_seconds = search_seconds + ?,
            rank_agreement = coalesce(?, rank_agreement)
          WHERE id = ?
          """,
        arguments: [
          update.stage?.rawValue, update.strategyState, update.randomState,
          update.searchSeconds, update.rankAgreement, run.studyID,
        ])
      return first..<first + update.trials.count
    }
  }

  // MARK: - Rows

  private func insert(
    _ trial: NewTrial, number: Int, of studyID: Study.ID, _ db: Database
  ) throws {
    let reason = Self.reasonForFailure(of: trial)
    try db.cachedStatement(
      sql: """
        INSERT INTO trials
          (study, number, architecture, key, step, role, chosen, macs, params, latency, state,
           reason, seconds, created_at)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """
    ).execute(arguments: [
      studyID, number, trial.architecture, trial.key, trial.step, trial.role, trial.chosen,
      trial.macs, trial.parameters, trial.latency, reason == nil ? "done" : "failed", reason,
      trial.seconds, now(),
    ])
    let id = db.lastInsertedRowID
    for score in trial.scores { try insert(score, of: id, db) }
  }

  private static func reasonForFailure(of trial: NewTrial) -> String? {
    if case .failed(let reason) = trial.outcome { return reason }
    guard let score = trial.scores.first, trial.scores.allSatisfy({ $0.accuracy == nil }) else {
      return nil
    }
    return "the loss over \(score.images) images is \(score.loss)"
  }

  private func insert(_ score: NewScore, of trialID: Trial.ID, _ db: Database) throws {
    let accuracy = score.accuracy
    let interval = accuracy.map { _ in wilsonInterval(correct: score.correct, of: score.images) }
    try db.cachedStatement(
      sql: """
        INSERT INTO scores
          (trial, fidelity, correct, images, accuracy, low, high, loss, calibration, weights_hash,
           images_hash, test, seconds, created_at, known, answers)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (trial, fidelity, weights_hash, calibration, images_hash) DO NOTHING
        """
    ).execute(arguments: [
      trialID, score.fidelity.rawValue, score.correct, score.images, accuracy,
      interval?.lowerBound, interval?.upperBound, accuracy == nil ? nil : score.loss,
      score.calibration, score.weightsHash, score.imagesHash, score.isTest, score.seconds,
      now(), score.isKnown, score.answers.map { Data($0.bytes) },
    ])
  }

  private func save(_ finalist: RecordedFinalist, of studyID: Study.ID, _ db: Database) throws {
    try db.execute(
      sql: """
        INSERT OR REPLACE INTO finalists (study, budget, cost, limit_value, trial)
        VALUES (?, ?, ?, ?, ?)
        """,
      arguments: [
        studyID, finalist.budget, finalist.cost.rawValue, finalist.limit,
        try trialID(finalist.trial, of: studyID, db),
      ])
  }

  private func save(_ checkpoint: NewCheckpoint, of studyID: Study.ID, _ db: Database) throws {
    try db.execute(
      sql: """
        INSERT OR REPLACE INTO checkpoints (study, name, step, checksum, content, created_at)
        VALUES (?, ?, ?, ?, ?, ?)
        """,
      arguments: [
        studyID, checkpoint.name, checkpoint.step, checkpoint.checksum, checkpoint.content,
        now(),
      ])
  }

  private func save(_ point: CurvePoint, of studyID: Study.ID, _ db: Database) throws {
    try db.cachedStatement(
      sql: """
        INSERT OR REPLACE INTO curve
          (study, name, step, epoch, loss, accuracy, learning_rate, seconds, waited)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
        """
    ).execute(arguments: [
      studyID, point.name, point.step, point.epoch, point.loss, point.accuracy,
      point.learningRate, point.seconds, point.waited,
    ])
  }

  private func save(_ belief: RecordedBelief, of studyID: Study.ID, _ db: Database) throws {
    try db.execute(
      sql: "INSERT OR REPLACE INTO beliefs (study, step, content) VALUES (?, ?, ?)",
      arguments: [studyID, belief.step, belief.content])
  }

  private func trialID(_ number: Int, of studyID: Study.ID, _ db: Database) throws -> Trial.ID {
    guard
      let id = try Int64.fetchOne(
        db.cachedStatement(sql: "SELECT id FROM trials WHERE study = ? AND number = ?"),
        arguments: [studyID, number])
    else { throw try noSuchTrial(number, of: studyID, db) }
    return id
  }
}
