import SearchSpace
import Foundation
import Study
import TrialStore

/// The frontier of a study, ready to be shown as a table, a plot, JSON or SVG.
struct FrontierView {
  let reader: StudyReader
  let cost: Cost.Metric
  let points: [FrontierPoint]
  let finalists: [RecordedFinalist]

  /// Accuracies and costs of all trials that were scored, for the background of a picture.
  let background: [(cost: Int, accuracy: Double)]

  init(_ reader: StudyReader, cost: Cost.Metric, includingAll: Bool) throws {
    self.reader = reader
    self.cost = cost
    points = try reader.store.frontier(
      of: reader.study.id, by: cost, among: includingAll ? .all : .mostTrustworthy)
    guard !points.isEmpty else { throw StudyError.unfinished(study: reader.study.name) }
    finalists = try reader.store.finalists(of: reader.study.id)
    background = try reader.store.accuracies(
      of: reader.study.id, by: cost, fidelity: points[0].score.fidelity)
  }

  func value(of trial: Trial) -> Int { cost == .macs ? trial.macs : trial.parameters }

  /// The budgets that a trial was picked for.
  func budgets(of trial: Trial) -> String {
    finalists.filter { $0.trial == trial.number }.map {
      "\($0.cost.rawValue) ≤ \(short($0.limit))"
    }.joined(separator: ", ")
  }

  // MARK: Table and plot

  var table: String {
    var table = Table([
      .init("trial"), .init("MACs"), .init("params"), .init("accuracy"), .init("95 % interval"),
      .init("images"), .init("weights", isNumeric: false), .init("picked for", isNumeric: false),
    ])
    let isTested = points.contains { $0.testAccuracy != nil }
    if isTested { table.columns.insert(.init("on test"), at: 6) }
    table.rows = points.map { point in
      var row = [
        "\(point.trial.number)", short(point.trial.macs), short(point.trial.parameters),
        percent(point.accuracy), interval(of: point.score), "\(point.score.images)",
        point.score.fidelity.rawValue, budgets(of: point.trial),
      ]
      if isTested { row.insert(point.testAccuracy.map { percent($0) } ?? "", at: 6) }
      return row
    }
    return table.text
  }

  private func interval(of score: RecordedScore) -> String {
    score.interval.map {
      "\(percent($0.lowerBound, decimals: 1)) – \(percent($0.upperBound, decimals: 1))"
    } ?? ""
  }

  var plot: String? {
    let marked = points.map {
      Plot.Point(x: Double(value(of: $0.trial)), y: $0.accuracy, isMarked: true)
    }
    // Only the part of the background that the frontier's own range shows.
    let floor = (points.map(\.accuracy).min() ?? 0) - 0.02
    let others = background.filter { $0.accuracy >= floor }.map {
      Plot.Point(x: Double($0.cost), y: $0.accuracy, isMarked: false)
    }
    return Plot(
      points: marked + others, xLabel: { "\(short(Int($0))) \(cost.rawValue)" },
      yLabel: { percent($0, decimals: 1) }
    ).text
  }

  // MARK: JSON

  struct Document: Encodable {
    var schema = "nas.pareto/1"
    var study: String
    var cost: String
    var points: [Point]

    struct Point: Encodable {
      var trial: Int
      var macs: Int
      var params: Int
      var accuracy: Double
      var low: Double?
      var high: Double?
      var fidelity: String
      var images: Int
      var testAccuracy: Double?
      var strategy: String
      var budgets: [String]
      var architecture: [String: Int]

      enum CodingKeys: String, CodingKey {
        case trial, macs, params, accuracy, low, high, fidelity, images, strategy, budgets
        case architecture
        case testAccuracy = "test_accuracy"
      }
    }
  }

  func document() throws -> Document {
    Document(
      study: reader.study.name, cost: cost.rawValue,
      points: try points.map { point in
        Document.Point(
          trial: point.trial.number, macs: point.trial.macs, params: point.trial.parameters,
          accuracy: point.accuracy, low: point.score.interval?.lowerBound,
          high: point.score.interval?.upperBound, fidelity: point.score.fidelity.rawValue,
          images: point.score.images, testAccuracy: point.testAccuracy,
          strategy: reader.study.strategy,
          budgets: finalists.filter { $0.trial == point.trial.number }.map(\.budget),
          architecture: try reader.sizes(of: point.trial))
      })
  }
}
