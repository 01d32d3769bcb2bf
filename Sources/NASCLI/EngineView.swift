import Foundation
import Study

/// The figures of a benchmark, ready to be shown.
struct EngineView {
  let results: [EngineFigures]

  var text: String {
    var table = Table([
      .init("network", isNumeric: false), .init("precision", isNumeric: false), .init("MACs"),
      .init("groups"), .init("supernet step"), .init("candidate"), .init("greedy step"),
      .init("peak memory"),
    ])
    table.rows = results.map { result in
      [
        result.net, result.precision, short(result.macs), "\(result.groups)",
        seconds(result.supernetStep), seconds(result.candidate), seconds(result.greedyStep),
        (result.peakTrainingBytes ?? result.peakScoringBytes).map { "\($0 >> 20) MiB" } ?? "",
      ]
    }
    let machine = results.first.map { "\n\n\($0.threads) threads, \($0.processor)" } ?? ""
    return table.text + machine
  }

  private func seconds(_ time: Double?) -> String {
    time.map { String(format: "%.3f s", $0) } ?? ""
  }
}
