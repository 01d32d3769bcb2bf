import SearchSpace
import Foundation
import Study
import TrialStore

/// The frontier of a study, ready to be shown as a table, a plot, JSON or SVG.
struct FrontierView {
  let reader: StudyReader
  let cost: Cost.Metric
  let points: [Point]
  let finalists: [RecordedFinalist]

  /// What the strategy holds probable at its end, if it learns distributions.
  let distributions: [Distributions]

  /// Networks of the study that nobody has scored, the cheapest first.
  let unscored: [Trial]

  /// Accuracies and costs of all trials that were scored, for the background of a picture.
  let background: [(cost: Int, accuracy: Double)]

  /// A point of the frontier and the cheapest one that its score does not tell it from, if any.
  struct Point {
    let trial: Trial
    let score: RecordedScore
    let accuracy: Double
    let testAccuracy: Double?
    let equal: Trial?
  }

  init(_ reader: StudyReader, cost: Cost.Metric, includingAll: Bool) throws {
    self.reader = reader
    self.cost = cost
    let survey = try reader.store.survey(
      of: reader.study.id, by: cost, among: includingAll ? .all : .mostTrustworthy)
    points = zip(survey.frontier, survey.frontier.cheapestEquals).map { point, equal in
      Point(
        trial: point.trial, score: point.score, accuracy: point.accuracy,
        testAccuracy: point.testAccuracy, equal: equal?.trial)
    }
    background = survey.scored
    unscored = try reader.store.unscoredTrials(of: reader.study.id)
    guard !points.isEmpty || !unscored.isEmpty else {
      try reader.requireCosts(in: cost)
      throw StudyError.unfinished(study: reader.study.name)
    }
    finalists = try reader.store.finalists(of: reader.study.id)
    distributions = try reader.distributions()
  }

  /// - Precondition: The trial is one of the frontier, which has none whose cost is not known.
  func value(of trial: Trial) -> Int { trial.cost[cost] }

  /// Whether latencies are known of what is shown.
  private var isTimed: Bool { (points.map(\.trial) + unscored).contains { $0.latency != nil } }

  /// Accuracies below this are left out of pictures: only the part of the background is of use that
  /// the frontier's own range shows.
  var lowestShown: Double { (points.map(\.accuracy).min() ?? 0) - 0.02 }

  /// The budgets that a trial was picked for.
  func budgets(of trial: Trial) -> String {
    finalists.filter { $0.trial == trial.number }.map {
      short(Budget($0.cost, atMost: $0.limit))
    }.joined(separator: ", ")
  }

  // MARK: Table and plot

  var text: String {
    var parts = ["study \(reader.study.name), \(reader.study.strategy)"]
    if !points.isEmpty { parts.append(table) }
    if let plot { parts.append(plot) }
    if let unscoredTable { parts.append(unscoredTable) }
    if !distributions.isEmpty {
      parts.append(
        distributions.map(\.summary).joined(separator: "\n")
          + "\n'nas show \(reader.study.name)' has each decision's distribution")
    }
    if let latencies = reader.latencies { parts.append("latency \(latencies.summary)") }
    return parts.joined(separator: "\n\n")
  }

  private var table: String {
    var table = Table([
      .init("trial"), .init("MACs"), .init("params"), .init("accuracy"), .init("95 % interval"),
      .init("images"), .init("weights", isNumeric: false), .init("level with"),
      .init("picked for", isNumeric: false),
    ])
    let isTested = points.contains { $0.testAccuracy != nil }
    if isTested { table.columns.insert(.init("on test"), at: 6) }
    if isTimed { table.columns.insert(.init("latency"), at: 3) }
    table.rows = points.map { point in
      var row = [
        "\(point.trial.number)", short(point.trial.macs), short(point.trial.parameters),
        percent(point.accuracy), interval(of: point.score), "\(point.score.images)",
        point.score.fidelity.rawValue, point.equal.map { "\($0.number)" } ?? "",
        budgets(of: point.trial),
      ]
      if isTested { row.insert(point.testAccuracy.map { percent($0) } ?? "", at: 6) }
      if isTimed { row.insert(short(latency: point.trial.latency), at: 3) }
      return row
    }
    guard points.contains(where: { $0.equal != nil }) else { return table.text }
    return table.text
      + "\nlevel with: the cheapest network that the images do not tell from this one, at 95 %"
  }

  private func interval(of score: RecordedScore) -> String {
    score.interval.map {
      "\(percent($0.lowerBound, decimals: 1)) – \(percent($0.upperBound, decimals: 1))"
    } ?? ""
  }

  private var plot: String? {
    // One network alone makes no picture.
    guard points.count > 1 || background.count > 1 else { return nil }
    let marked = points.map {
      Plot.Point(
        x: Double(value(of: $0.trial)), y: $0.accuracy, mark: $0.equal == nil ? .disc : .ring)
    }
    let others = background.filter { $0.accuracy >= lowestShown }.map {
      Plot.Point(x: Double($0.cost), y: $0.accuracy, mark: .dot)
    }
    let plot = Plot(
      points: marked + others, xLabel: { "\(short(Int($0), of: cost)) \(cost.rawValue)" },
      yLabel: { percent($0, decimals: 1) })
    guard points.contains(where: { $0.equal != nil }) else { return plot.text }
    return plot.text.map { $0 + "\n● better than all that cost less   ○ level with a cheaper one" }
  }

  private var unscoredTable: String? {
    guard !unscored.isEmpty else { return nil }
    var table = Table([
      .init("trial"), .init("MACs"), .init("params"), .init("accuracy", isNumeric: false),
      .init("picked for", isNumeric: false),
    ])
    if isTimed { table.columns.insert(.init("latency"), at: 3) }
    table.rows = unscored.map { trial in
      [
        "\(trial.number)", short(trial.macs), short(trial.parameters),
      ] + (isTimed ? [short(latency: trial.latency)] : []) + [
        "not scored; 'nas retrain \(trial.number)' trains it", budgets(of: trial),
      ]
    }
    return table.text
  }
}
