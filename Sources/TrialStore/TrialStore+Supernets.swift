internal import GRDB

extension TrialStore {
  /// Returns the studies whose supernet was trained to its end by a recipe.
  ///
  /// - Parameters:
  ///   - recipeHash: The hash of all that the weights follow from.
  ///   - name: The name of the supernet's checkpoint.
  ///   - step: The step that ends the training.
  /// - Returns: The studies, the newest first.
  /// - Throws: ``StoreError`` if the database cannot be read.
  public func studies(
    trainedBy recipeHash: String, checkpoint name: String, step: Int
  ) throws(StoreError) -> [Study] {
    try read { db in
      try Row.fetchAll(
        db,
        sql: """
          SELECT studies.* FROM studies JOIN checkpoints ON checkpoints.study = studies.id
          WHERE recipe_hash = ? AND stage <> 'supernet' AND checkpoints.name = ? AND step = ?
          ORDER BY studies.id DESC
          """,
        arguments: [recipeHash, name, step]
      ).map(Study.init)
    }
  }

  /// Takes over the supernet that another study trained: its weights and its learning curve.
  ///
  /// They are copied, so that each study stays whole whatever becomes of the other, and the study
  /// notes who trained them, and what is known of how they rank networks. It then goes on to the
  /// search.
  ///
  /// - Parameters:
  ///   - name: The name of the checkpoint and of the curve.
  ///   - donor: The study that has them.
  ///   - run: The run that takes them.
  /// - Throws: ``StoreError``, and nothing is taken: if the run does not own its study any more, or
  ///   the disk is full.
  public func takeSupernet(
    named name: String, of donor: Study, in run: ActiveRun
  ) throws(StoreError) {
    try write { db in
      try copyTraining(named: name, of: donor, in: run, db)
      try db.execute(
        sql: """
          UPDATE studies SET stage = 'search', trained_by = ?, rank_agreement = ? WHERE id = ?
          """,
        arguments: [donor.trainedBy ?? donor.name, donor.rankAgreement, run.studyID])
    }
  }

  /// Takes over weights that another study trained, and their learning curve, as a copy.
  ///
  /// - Parameters:
  ///   - name: The name of the checkpoint and of the curve.
  ///   - donor: The study that has them.
  ///   - run: The run that takes them.
  /// - Throws: ``StoreError``, and nothing is taken: if the run does not own its study any more, or
  ///   the disk is full.
  public func takeTraining(
    named name: String, of donor: Study, in run: ActiveRun
  ) throws(StoreError) {
    try write { db in try copyTraining(named: name, of: donor, in: run, db) }
  }

  private func copyTraining(
    named name: String, of donor: Study, in run: ActiveRun, _ db: Database
  ) throws {
    try requireOwnership(of: run, db)
    let arguments: StatementArguments = [run.studyID, donor.id, name]
    try db.execute(
      sql: """
        INSERT OR REPLACE INTO checkpoints (study, name, step, checksum, content, created_at)
        SELECT ?, name, step, checksum, content, created_at FROM checkpoints
        WHERE study = ? AND name = ?
        """, arguments: arguments)
    try db.execute(
      sql: """
        INSERT OR REPLACE INTO curve
          (study, name, step, epoch, loss, accuracy, learning_rate, seconds, waited)
        SELECT ?, name, step, epoch, loss, accuracy, learning_rate, seconds, waited FROM curve
        WHERE study = ? AND name = ?
        """, arguments: arguments)
  }
}
