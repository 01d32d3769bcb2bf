import Foundation
import Study

/// How strategies did on a table, ready to be shown.
struct StrategiesView {
  let benchmark: StrategyBenchmark
  let figures: [StrategyFigures]

  /// For each strategy, the seconds that a thousand proposals take.
  let seconds: [Double]
  let seeds: Int

  /// A table in Markdown.
  var text: String {
    let checkpoints = StrategyBenchmark.checkpoints
    let names =
      ["strategy"] + checkpoints.map { "regret after \($0)" }
      + ["hypervolume after \(checkpoints[checkpoints.count - 1])", "1,000 proposals"]
    var rows = [names, names.map { _ in "---" }]
    for (figures, seconds) in zip(figures, seconds) {
      rows.append(
        [figures.strategy]
          + checkpoints.map { checkpoint in
            let regret = figures.mean(\.regret, after: checkpoint)
            return String(format: "%.3f ± %.3f", 100 * regret.value, 100 * regret.error)
          } + [
            String(
              format: "%.4f ± %.4f",
              figures.mean(\.hypervolume, after: checkpoints[checkpoints.count - 1]).value,
              figures.mean(\.hypervolume, after: checkpoints[checkpoints.count - 1]).error),
            String(format: "%.2f s", seconds),
          ])
    }
    return """
      \(benchmark.space), \(benchmark.networks) networks, \(seeds) seeds

      \(rows.map { "| \($0.joined(separator: " | ")) |" }.joined(separator: "\n"))

      Regret in points of per cent, mean ± standard error.
      """
  }

  /// The regret over the scores, the vertical axis logarithmic.
  var regretChart: String {
    chart(
      title: "points of per cent below the best of \(benchmark.space)",
      ticks: [(10, "10"), (1, "1"), (0.1, "0.1"), (0.01, "0.01"), (0.001, "0")].map {
        (log10($0.0), $0.1)
      }
    ) { log10(min(10, max(0.001, 100 * $0.mean(\.regret, at: $1).value))) }
  }

  /// The hypervolume over the scores.
  var hypervolumeChart: String {
    chart(
      title: "hypervolume of the frontier found on \(benchmark.space), as a share of the whole",
      ticks: [(1, "1"), (0.95, "0.95"), (0.9, "0.9"), (0.85, "0.85"), (0.8, "0.8")]
    ) { max(0.8, $0.mean(\.hypervolume, at: $1).value) }
  }

  private static let colors = ["gray", "darkorange", "seagreen", "steelblue", "crimson", "purple"]

  /// Draws a curve for each strategy.
  ///
  /// - Parameters:
  ///   - title: What is drawn.
  ///   - ticks: Heights with what is written beside them, from top to bottom.
  ///   - height: The height of a curve at a point.
  /// - Returns: The picture as SVG.
  private func chart(
    title: String, ticks: [(height: Double, label: String)],
    height: (StrategyFigures, Int) -> Double
  ) -> String {
    let (left, right, top, bottom) = (60.0, 700.0, 46.0, 380.0)
    let points = figures[0].count
    func x(_ point: Int) -> Double { left + Double(point + 1) / Double(points) * (right - left) }
    let (high, low) = (ticks[0].height, ticks[ticks.count - 1].height)
    func y(_ value: Double) -> Double { top + (high - value) / (high - low) * (bottom - top) }
    func number(_ value: Double) -> String { String(format: "%.1f", value) }
    var lines = [
      #"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 470" font-family="sans-serif" "#
        + #"font-size="13">"#,
      #"<rect width="720" height="470" fill="white"/>"#,
      #"<text x="60" y="26" font-size="16">\#(title)</text>"#,
    ]
    for tick in ticks {
      lines.append(
        #"<line x1="\#(left)" x2="\#(right)" y1="\#(number(y(tick.height)))" "#
          + #"y2="\#(number(y(tick.height)))" stroke="lightgray"/>"#)
      lines.append(
        #"<text x="\#(left - 8)" y="\#(number(y(tick.height) + 4))" text-anchor="end">"#
          + #"\#(tick.label)</text>"#)
    }
    for mark in stride(from: points / 5, through: points, by: max(1, points / 5)) {
      lines.append(
        #"<text x="\#(number(x(mark - 1)))" y="\#(bottom + 20)" text-anchor="middle">"#
          + #"\#(mark * StrategyBenchmark.spacing)</text>"#)
    }
    lines.append(#"<text x="380" y="\#(bottom + 42)" text-anchor="middle">networks scored</text>"#)
    for (index, figures) in figures.enumerated() {
      let color = Self.colors[index % Self.colors.count]
      let path = (0..<points).map { "\(number(x($0))),\(number(y(height(figures, $0))))" }
      lines.append(
        #"<polyline points="\#(path.joined(separator: " "))" fill="none" stroke="\#(color)" "#
          + #"stroke-width="2"/>"#)
      let place = 60 + 130 * Double(index)
      lines.append(
        #"<text x="\#(number(place))" y="\#(bottom + 68)" fill="\#(color)" font-size="12">"#
          + #"\#(figures.strategy)</text>"#)
    }
    return (lines + ["</svg>"]).joined(separator: "\n") + "\n"
  }
}
