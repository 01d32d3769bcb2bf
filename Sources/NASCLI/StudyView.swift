import Datasets
import Foundation
import SearchSpace
import Study
import TrialStore

/// A study as a whole, ready to be shown: what it is, how far it has come, and, where its strategy
/// learns distributions, how certain each decision is.
struct StudyView {
  let study: Study
  let trials: Int
  let finalists: [RecordedFinalist]
  let distributions: [Distributions]

  /// How long the layers of the study's networks take, if it asks.
  let latencies: LatencyTable?

  /// The scale on which its networks see pixels, if it has images.
  let normalization: Datasets.Normalization?

  /// What each training of the study has come to.
  let trainings: [CurvePoint]

  init(_ reader: StudyReader) throws {
    study = reader.study
    trials = try reader.store.trialCount(of: study.id)
    finalists = try reader.store.finalists(of: study.id)
    distributions = try reader.distributions()
    latencies = reader.latencies
    normalization = reader.normalization
    trainings = try reader.store.curves(of: study.id).compactMap(\.points.last)
  }

  var text: String {
    var parts = [
      "study \(study.name), \(study.strategy), seed \(study.seed): \(progress), "
        + "\(grouped(trials)) \(trials == 1 ? "trial" : "trials")"
    ]
    if !finalists.isEmpty {
      parts.append(
        finalists.map { "\($0.budget): trial \($0.trial)" }.joined(separator: "\n"))
    }
    if !trainings.isEmpty { parts.append(trainingTable) }
    if let agreement = study.rankAgreement { parts.append(rankSentence(agreement)) }
    if let normalization { parts.append(normalization.sentence) }
    if let latencies { parts.append("latency \(latencies.summary)") }
    parts += distributions.map(\.text)
    return parts.joined(separator: "\n\n")
  }

  /// A line for each training: how long it took, and which share of that it waited for images.
  private var trainingTable: String {
    var table = Table([
      .init("training", isNumeric: false), .init("steps"), .init("epochs"), .init("loss"),
      .init("time"), .init("waiting for images"),
    ])
    table.rows = trainings.map { point in
      [
        point.name, "\(point.step)", String(format: "%.1f", point.epoch),
        String(format: "%.3f", point.loss), duration(point.seconds),
        point.waitingShare.map { percent($0) } ?? "",
      ]
    }
    return table.text
  }

  private var progress: String {
    switch study.stage {
    case .supernet: "its supernet is being trained"
    case .search: "searching"
    case .finalists: "its finalists are being judged"
    case .done: "done"
    }
  }

  struct Document: Encodable {
    var schema = "nas.show-study/1"
    var study: String
    var strategy: String
    var seed: UInt64
    var stage: String
    var trials: Int
    var finalists: [FinalistEntry]

    /// How latencies were made; left out where there are none.
    var latencies: LatencyEntry?
    var distributions: [Distributions]
    var trainings: [TrainingEntry]

    /// Spearman's ρ of the probe; left out where there was none.
    var rankAgreement: Double?

    /// Left out where there are no images.
    var normalization: Datasets.Normalization?

    enum CodingKeys: String, CodingKey {
      case schema, study, strategy, seed, stage, trials, finalists, latencies, distributions
      case trainings, normalization
      case rankAgreement = "rank_agreement"
    }

    struct TrainingEntry: Encodable {
      var name: String
      var steps: Int
      var epochs: Double

      /// The mean of the last steps in nats; left out where it is no number.
      var loss: Double?
      var seconds: Double

      /// The share of these spent waiting for images; left out where nobody took the time.
      var waiting: Double?
    }

    struct FinalistEntry: Encodable {
      var budget: String
      var trial: Int
    }
  }

  var document: Document {
    Document(
      study: study.name, strategy: study.strategy, seed: study.seed, stage: study.stage.rawValue,
      trials: trials,
      finalists: finalists.map { Document.FinalistEntry(budget: $0.budget, trial: $0.trial) },
      latencies: latencies.map(LatencyEntry.init), distributions: distributions,
      trainings: trainings.map { point in
        Document.TrainingEntry(
          name: point.name, steps: point.step, epochs: point.epoch,
          loss: point.loss.isFinite ? point.loss : nil, seconds: point.seconds,
          waiting: point.waitingShare)
      }, rankAgreement: study.rankAgreement, normalization: normalization)
  }
}

/// What a supernet's ranks are worth, as its probe found out.
func rankSentence(_ agreement: Double) -> String {
  let figure =
    "ranks     with shared weights and with weights of their own: "
    + "Spearman's ρ \(String(format: "%.2f", agreement))"
  guard agreement < RankProbe.poor else { return figure }
  return "warning   the supernet hardly ranks networks as training on their own does (Spearman's ρ "
    + "\(String(format: "%.2f", agreement))), so what is found may be no better than chance; raise "
    + "supernet.epochs, or see that supernet.optimizer.lr is not too high"
}

extension CurvePoint {
  /// Which share of the training so far was spent waiting for images.
  fileprivate var waitingShare: Double? {
    waited.map { seconds > 0 ? $0 / seconds : 0 }
  }
}

extension Datasets.Normalization {
  fileprivate var sentence: String {
    func list(_ figures: [Double]) -> String {
      figures.map { String(format: "%.4f", $0) }.joined(separator: ", ")
    }
    return "images normalised to mean 0 and deviation 1 from mean \(list(mean)), "
      + "deviation \(list(deviation))"
  }
}

extension Distributions {
  /// A line that tells what is most probable and how certain that is.
  var summary: String {
    let certainties = decisions.map(\.certainty)
    let certain =
      "\(percent(certainties.min() ?? 1, decimals: 0)) to "
      + "\(percent(certainties.max() ?? 1, decimals: 0)) certain"
    return "the distributions\(budget.map { " for \(short($0))" } ?? "") derive a network of "
      + "\(short(derived.macs)) MACs and \(short(derived.parameters)) parameters, \(certain)"
      + (isWithinBudget
        ? ""
        : "\nthat is beyond the budget: what was picked is the most probable network within it")
  }

  /// The summary and a line for each decision.
  fileprivate var text: String {
    var table = Table([
      .init("decision", isNumeric: false), .init("choice"), .init("certain"), .init("next"),
      .init("certain"), .init("all choices", isNumeric: false),
    ])
    table.rows = decisions.map { entry in
      let order = entry.probabilities.indices.sorted {
        (entry.probabilities[$0], $0) > (entry.probabilities[$1], $1)
      }
      let next = order.dropFirst().first
      return [
        entry.name, "\(entry.choices[entry.mostProbable])",
        percent(entry.certainty, decimals: 1), next.map { "\(entry.choices[$0])" } ?? "",
        next.map { percent(entry.probabilities[$0], decimals: 1) } ?? "", entry.bars,
      ]
    }
    var lines = [summary]
    if let expectedCost, let budget {
      lines.append(
        "expected of a network drawn from them: \(short(Int(expectedCost), of: budget.metric)) "
          + budget.metric.rawValue)
    }
    return (lines + ["", table.text]).joined(separator: "\n")
  }
}

extension Distributions.Entry {
  /// A bar for each choice, as high as its probability.
  fileprivate var bars: String {
    let heights = Array("▁▂▃▄▅▆▇█")
    return String(
      probabilities.map { heights[min(heights.count - 1, Int($0 * Double(heights.count)))] })
  }
}
