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

  init(_ reader: StudyReader) throws {
    study = reader.study
    trials = try reader.store.trialCount(of: study.id)
    finalists = try reader.store.finalists(of: study.id)
    distributions = try reader.distributions()
    latencies = reader.latencies
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
    if let latencies { parts.append("latency \(latencies.summary)") }
    parts += distributions.map(\.text)
    return parts.joined(separator: "\n\n")
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
      latencies: latencies.map(LatencyEntry.init), distributions: distributions)
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
