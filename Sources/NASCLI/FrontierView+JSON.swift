import SearchSpace
import Study
import TrialStore

extension FrontierView {
  struct Document: Encodable {
    var schema = "nas.pareto/1"
    var study: String
    var cost: String

    /// How latencies were made; left out where there are none.
    var latencies: LatencyEntry?
    var points: [PointEntry]
    var unscored: [UnscoredEntry]

    /// Left out for strategies that learn none.
    var distributions: [Distributions]?

    struct PointEntry: Encodable {
      var trial: Int
      var macs: Int
      var params: Int
      var latency: Int?
      var accuracy: Double
      var low: Double?
      var high: Double?
      var levelWith: OrNull<Int>
      var fidelity: String
      var images: Int
      var testAccuracy: Double?
      var strategy: String
      var budgets: [String]
      var architecture: [String: Int]

      enum CodingKeys: String, CodingKey {
        case trial, macs, params, accuracy, low, high, fidelity, images, strategy, budgets
        case architecture
        case latency = "latency_ns"
        case levelWith = "level_with"
        case testAccuracy = "test_accuracy"
      }
    }

    struct UnscoredEntry: Encodable {
      var trial: Int
      var macs: Int
      var params: Int
      var latency: Int?
      var accuracy = OrNull<Double>(value: nil)
      var strategy: String
      var budgets: [String]
      var architecture: [String: Int]

      enum CodingKeys: String, CodingKey {
        case trial, macs, params, accuracy, strategy, budgets, architecture
        case latency = "latency_ns"
      }
    }
  }

  func document() throws -> Document {
    Document(
      study: reader.study.name, cost: cost.rawValue,
      latencies: reader.latencies.map(LatencyEntry.init), points: try points.map(entry),
      unscored: try unscored.map(entry),
      distributions: distributions.isEmpty ? nil : distributions)
  }

  private func entry(of point: Point) throws -> Document.PointEntry {
    Document.PointEntry(
      trial: point.trial.number, macs: point.trial.macs, params: point.trial.parameters,
      latency: point.trial.latency,
      accuracy: point.accuracy, low: point.score.interval?.lowerBound,
      high: point.score.interval?.upperBound, levelWith: OrNull(value: point.equal?.number),
      fidelity: point.score.fidelity.rawValue, images: point.score.images,
      testAccuracy: point.testAccuracy, strategy: reader.study.strategy,
      budgets: budgetNames(of: point.trial),
      architecture: try reader.sizes(of: point.trial))
  }

  private func entry(of trial: Trial) throws -> Document.UnscoredEntry {
    Document.UnscoredEntry(
      trial: trial.number, macs: trial.macs, params: trial.parameters, latency: trial.latency,
      strategy: reader.study.strategy, budgets: budgetNames(of: trial),
      architecture: try reader.sizes(of: trial))
  }

  private func budgetNames(of trial: Trial) -> [String] {
    finalists.filter { $0.trial == trial.number }.map(\.budget)
  }
}

/// A value that is written as `null` where there is none, instead of being left out.
struct OrNull<Value: Encodable>: Encodable {
  var value: Value?

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(value)
  }
}
