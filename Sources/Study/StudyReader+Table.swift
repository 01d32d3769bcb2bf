public import Export
import Foundation
import SearchSpace
import TrialStore

extension StudyReader {
  /// Everything that the study has found, as one table.
  ///
  /// - Throws: ``StoreError`` if the database cannot be read; ``StudyError/damagedState(study:what:)``
  ///   if a trial's architecture is not one.
  public func table() throws -> TrialTable {
    TrialTable(
      study: study.name, strategy: study.strategy, seed: study.seed, createdAt: study.createdAt,
      plan: study.plan, decisions: space.decisions,
      rows: try store.trials(of: study.id).map(row),
      curves: try store.curves(of: study.id).map { name, points in
        TrialTable.Curve(
          name: name,
          points: points.map {
            .init(
              step: $0.step, seconds: $0.seconds, loss: $0.loss, accuracy: $0.accuracy,
              learningRate: $0.learningRate)
          })
      })
  }

  private func row(of trial: Trial) throws -> TrialTable.Row {
    let scores = try store.scores(of: trial).filter { $0.accuracy != nil }
    func best(_ scores: [RecordedScore]) -> RecordedScore? {
      scores.max { ($0.fidelity, $0.images, $0.id) < ($1.fidelity, $1.images, $1.id) }
    }
    let score = best(scores.filter { !$0.isTest }).flatMap { score -> TrialTable.Score? in
      guard let accuracy = score.accuracy, let interval = score.interval, let loss = score.loss
      else { return nil }
      return .init(
        accuracy: accuracy, interval: interval, loss: loss, images: score.images,
        fidelity: score.fidelity.rawValue)
    }
    var failure: String?
    if case .failed(let reason) = trial.outcome { failure = reason }
    return TrialTable.Row(
      number: trial.number, step: trial.step, role: trial.role, isChosen: trial.chosen,
      cost: trial.cost, sizes: try sizes(of: trial),
      failure: failure, endedAt: trial.createdAt, seconds: trial.seconds, score: score,
      testAccuracy: best(scores.filter(\.isTest))?.accuracy)
  }
}
