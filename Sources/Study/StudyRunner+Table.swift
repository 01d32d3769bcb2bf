import SearchSpace
import Strategies
import TrialStore

extension StudyRunner {
  /// Lets the strategy ask a table until it is content, and picks a network for each budget.
  ///
  /// - Returns: ``Run/Ending/done`` or ``Run/Ending/stopped``.
  /// - Throws: ``TableError`` if the table lacks a network that is asked for; ``StoreError`` if the
  ///   store fails.
  func search(
    _ table: ArchitectureTable, study: Study, in run: ActiveRun
  ) throws -> Run.Ending {
    var (strategy, generator, _) = try strategy(of: study)
    let before = try store.trials(of: study.id)
    var step = (before.last?.step ?? -1) + 1
    var trials = before.count
    report(.began(study: study.name, from: trials > 0 ? .searching(trials: trials) : .new))
    let start = clock.now
    var stopwatch = Stopwatch(clock)
    while study.stage != .finalists,
      let question = strategy.ask(in: material.space, using: &generator)
    {
      if isStopping() { return .stopped }
      guard case .score(let candidates, _) = question else {
        preconditionFailure("a plan lets no strategy that needs weights ask a table")
      }
      let scores = try Self.scores(of: candidates.map(\.architecture), in: table)
      let chosen = try strategy.tell(.scores(scores.map(\.score)), in: material.space)
      try commit(
        scores, of: candidates, chosen: chosen, step: step, strategy, generator,
        seconds: stopwatch.lap(), in: run)
      step += 1
      trials += scores.count
      report(
        .searching(
          trials: trials,
          perSecond: Double(trials - before.count) / (clock.now - start).seconds,
          progress: strategy.progress(in: material.space), secondsLeft: nil))
    }
    try scoreFinalists(of: strategy, in: run) { try Self.scores(of: $0, in: table) }
    return .done
  }

  /// Looks scores up.
  ///
  /// They are those of networks with weights of their own, and are recorded so: of fidelity
  /// `retrained`. The hash of the table stands for weights and images, which it does not tell.
  private static func scores(
    of architectures: [Architecture], in table: ArchitectureTable
  ) throws -> [NewScore] {
    try architectures.map { architecture in
      let score = try table.score(of: architecture)
      return NewScore(
        fidelity: .retrained, correct: score.correct, images: score.images, loss: score.loss,
        calibration: json(["method": "table"]), weightsHash: table.fingerprint,
        imagesHash: table.fingerprint, seconds: 0)
    }
  }
}
