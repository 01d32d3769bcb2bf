import Foundation
import SearchSpace
import Study
import TrialStore

/// Strategies side by side, ready to be shown as a table, Markdown, JSON or SVG.
struct ComparisonView {
  let comparison: StrategyComparison

  init(_ comparison: StrategyComparison) throws {
    guard !comparison.rows.isEmpty else { throw StudyError.nothingToCompare }
    self.comparison = comparison
  }

  // MARK: Table

  private static let headings = [
    "strategy", "networks", "MACs", "params", "search", "hold-out", "test", "95 % interval",
    "lowest – highest",
  ]

  /// For each budget, in words, its rows of cells.
  private var tables: [(budget: String, rows: [[String]])] {
    var tables: [(budget: String, rows: [[String]])] = []
    for row in comparison.rows {
      let budget = short(row.budget)
      if tables.last?.budget != budget { tables.append((budget, [])) }
      let (answers, interval) = (row.answers, row.interval)
      let accuracies = row.networks.map { $0.accuracy(isTest: answers.isTest) }
      let range = [accuracies.min() ?? 0, accuracies.max() ?? 0]
      tables[tables.count - 1].rows.append([
        row.strategy, "\(row.networks.count)",
        short(Int(row.mean { Double($0.trial.macs) }.rounded())),
        short(Int(row.mean { Double($0.trial.parameters) }.rounded())),
        duration(row.searchSeconds), percent(row.mean { $0.accuracy(isTest: false) }),
        answers.isTest ? percent(row.accuracy) : "",
        "\(percent(interval.lowerBound, decimals: 1)) – \(percent(interval.upperBound, decimals: 1))",
        range.map { percent($0, decimals: 1) }.joined(separator: " – "),
      ])
    }
    return tables
  }

  private static let note =
    "hold-out and test: means over the networks; the interval counts the answers of all of them"

  /// What the scores of each supernet said of the networks' worth.
  private var ranks: [String] {
    comparison.agreements.map { agreement in
      "\(agreement.networks) networks of \(agreement.studies.joined(separator: ", ")) ranked by shared "
        + "weights on \(agreement.images) images and after retraining: Spearman's ρ "
        + String(format: "%.2f", agreement.value)
    }
  }

  var text: String {
    let parts = tables.map { budget, rows in
      var table = Table(Self.headings.map { .init($0, isNumeric: $0 != "strategy") })
      table.rows = rows
      return "\(budget)\n\(table.text)"
    }
    return (parts + [Self.note] + ranks).joined(separator: "\n\n")
  }

  var markdown: String {
    func line(_ cells: [String]) -> String { "| \(cells.joined(separator: " | ")) |" }
    let headings = ["budget"] + Self.headings
    let rows = tables.flatMap { budget, rows in rows.map { [budget] + $0 } }
    return ([line(headings), line(headings.map { _ in "---" })] + rows.map(line))
      .joined(separator: "\n") + ranks.map { "\n\n\($0)" }.joined()
  }

  // MARK: Picture

  private static let colors = [
    "steelblue", "crimson", "seagreen", "darkorange", "purple", "teal", "saddlebrown", "gray",
  ]

  /// Every network as a small ring, and the mean of each strategy and budget as a disc with its 95 %
  /// interval.
  var svg: String {
    let rows = comparison.rows
    let points = rows.flatMap { row in
      row.networks.map { (Double($0.trial.macs), $0.accuracy(isTest: row.answers.isTest)) }
    }
    let ends = rows.flatMap { [$0.interval.lowerBound, $0.interval.upperBound] }
    let isTest = rows.allSatisfy(\.answers.isTest)
    var chart = Chart(
      title: "retrained networks: accuracy on the \(isTest ? "test set" : "hold-out") against MACs",
      of: points.map(\.0), points.map(\.1) + ends, xLabel: "multiply-adds",
      xTick: { short(Int($0)) }, yTick: { percent($0, decimals: 1) }, margin: 175)
    var strategies: [String] = []
    for row in rows where !strategies.contains(row.strategy) { strategies.append(row.strategy) }
    for (place, strategy) in strategies.enumerated() {
      let color = Self.colors[place % Self.colors.count]
      chart.legend(strategy, place: place, color: color)
      for row in rows where row.strategy == strategy {
        for network in row.networks {
          let accuracy = network.accuracy(isTest: row.answers.isTest)
          chart.disc(
            at: (Double(network.trial.macs), accuracy), color: color, isFilled: false, radius: 2,
            title: "\(network.study), trial \(network.trial.number): \(percent(accuracy))")
        }
        let macs = row.mean { Double($0.trial.macs) }
        chart.whisker(at: macs, over: row.interval, color: color)
        chart.disc(
          at: (macs, row.accuracy), color: color,
          title: "\(strategy), \(short(row.budget)): \(percent(row.accuracy))")
      }
    }
    return chart.svg
  }

  // MARK: JSON

  struct Document: Encodable {
    var schema = "nas.compare/1"
    var rows: [RowEntry]
    var rankAgreements: [AgreementEntry]

    enum CodingKeys: String, CodingKey {
      case schema, rows
      case rankAgreements = "rank_agreements"
    }

    struct AgreementEntry: Encodable {
      var rho: Double
      var networks: Int
      var images: Int
      var studies: [String]
    }

    struct RowEntry: Encodable {
      var strategy: String
      var budget: String
      var limit: Int
      var studies: [String]
      var searchSeconds: Double
      var accuracy: Double
      var low: Double
      var high: Double
      var images: Int
      var isTest: Bool
      var networks: [NetworkEntry]

      enum CodingKeys: String, CodingKey {
        case strategy, budget, limit, studies, accuracy, low, high, images, networks
        case searchSeconds = "search_seconds"
        case isTest = "test"
      }
    }

    struct NetworkEntry: Encodable {
      var study: String
      var trial: Int
      var macs: Int
      var params: Int
      var accuracy: Double
      var testAccuracy: Double?

      enum CodingKeys: String, CodingKey {
        case study, trial, macs, params, accuracy
        case testAccuracy = "test_accuracy"
      }
    }
  }

  var document: Document {
    Document(
      rows: comparison.rows.map { row in
        Document.RowEntry(
          strategy: row.strategy, budget: row.budget.metric.rawValue, limit: row.budget.limit,
          studies: row.studies, searchSeconds: row.searchSeconds, accuracy: row.accuracy,
          low: row.interval.lowerBound, high: row.interval.upperBound,
          images: row.answers.images, isTest: row.answers.isTest,
          networks: row.networks.map { network in
            Document.NetworkEntry(
              study: network.study, trial: network.trial.number, macs: network.trial.macs,
              params: network.trial.parameters, accuracy: network.accuracy(isTest: false),
              testAccuracy: network.testScore.map { _ in network.accuracy(isTest: true) })
          })
      },
      rankAgreements: comparison.agreements.map {
        Document.AgreementEntry(
          rho: $0.value, networks: $0.networks, images: $0.images, studies: $0.studies)
      })
  }
}

extension StrategyComparison.TrainedTrial {
  /// The share of right answers.
  fileprivate func accuracy(isTest: Bool) -> Double {
    let score = isTest ? testScore ?? score : score
    return Double(score.correct) / Double(score.images)
  }
}
