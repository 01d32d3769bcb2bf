import Foundation
import SearchSpace
import Study
import TrialStore

extension FrontierView {
  /// The frontier as a picture: all trials in grey, the frontier as a line of points with their 95 %
  /// intervals as whiskers, hollow if they are level with a cheaper one.
  var svg: String {
    let (width, height) = (720.0, 460.0)
    let (left, right, top, bottom) = (70.0, 20.0, 48.0, 54.0)
    let others = background.filter { $0.accuracy >= lowestShown }
    let costs = points.map { Double(value(of: $0.trial)) } + others.map { Double($0.cost) }
    let ends = points.compactMap(\.score.interval).flatMap { [$0.lowerBound, $0.upperBound] }
    let accuracies = points.map(\.accuracy) + ends + others.map(\.accuracy)
    let xTicks = ticks(from: costs.min() ?? 0, to: costs.max() ?? 1)
    let yTicks = ticks(from: accuracies.min() ?? 0, to: accuracies.max() ?? 1)
    func x(_ cost: Double) -> Double {
      left + (cost - xTicks.first) / (xTicks.last - xTicks.first) * (width - left - right)
    }
    func y(_ accuracy: Double) -> Double {
      height - bottom
        - (accuracy - yTicks.first) / (yTicks.last - yTicks.first) * (height - top - bottom)
    }
    func number(_ value: Double) -> String { String(format: "%.1f", value) }

    var lines = [
      #"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 460" font-family="sans-serif" "#
        + #"font-size="13">"#,
      #"<rect width="720" height="460" fill="white"/>"#,
      #"<text x="70" y="26" font-size="16">\#(escaped(reader.study.name)): accuracy against "#
        + #"\#(cost.rawValue)</text>"#,
    ]
    for tick in xTicks.all {
      lines.append(
        #"<line x1="\#(number(x(tick)))" x2="\#(number(x(tick)))" y1="\#(top)" "#
          + #"y2="\#(height - bottom)" stroke="lightgray"/>"#)
      lines.append(
        #"<text x="\#(number(x(tick)))" y="\#(height - bottom + 20)" text-anchor="middle">"#
          + #"\#(short(Int(tick), of: cost))</text>"#)
    }
    for tick in yTicks.all {
      lines.append(
        #"<line x1="\#(left)" x2="\#(width - right)" y1="\#(number(y(tick)))" "#
          + #"y2="\#(number(y(tick)))" stroke="lightgray"/>"#)
      lines.append(
        #"<text x="\#(left - 8)" y="\#(number(y(tick) + 4))" text-anchor="end">"#
          + #"\#(percent(tick, decimals: 1))</text>"#)
    }
    lines.append(
      #"<text x="395" y="\#(height - 12)" text-anchor="middle">"#
        + #"\#(cost.axis)</text>"#)
    // Of many trials that would lie on one another, one is drawn.
    var taken: Set<SIMD2<Int>> = []
    for other in others {
      let (column, row) = (Int(x(Double(other.cost)).rounded()), Int(y(other.accuracy).rounded()))
      guard taken.insert([column, row]).inserted else { continue }
      lines.append(#"<circle cx="\#(column)" cy="\#(row)" r="2" fill="silver"/>"#)
    }
    let path = points.map { point in
      "\(number(x(Double(value(of: point.trial))))),\(number(y(point.accuracy)))"
    }.joined(separator: " ")
    lines.append(#"<polyline points="\#(path)" fill="none" stroke="steelblue" stroke-width="2"/>"#)
    for point in points {
      let title =
        "trial \(point.trial.number): \(short(point.trial.macs)) MACs, "
        + "\(short(point.trial.parameters)) parameters, "
        + (point.trial.latency.map { "\(short(latency: $0)), " } ?? "")
        + percent(point.accuracy)
        + (point.equal.map { ", level with trial \($0.number)" } ?? "")
      let column = number(x(Double(value(of: point.trial))))
      if let interval = point.score.interval {
        lines.append(
          #"<line x1="\#(column)" x2="\#(column)" y1="\#(number(y(interval.lowerBound)))" "#
            + #"y2="\#(number(y(interval.upperBound)))" stroke="steelblue"/>"#)
      }
      lines.append(
        #"<circle cx="\#(column)" cy="\#(number(y(point.accuracy)))" r="5" stroke="steelblue" "#
          + #"fill="\#(point.equal == nil ? "steelblue" : "white")"><title>\#(title)</title></circle>"#
      )
    }
    lines.append("</svg>")
    return lines.joined(separator: "\n") + "\n"
  }

  /// Round numbers that enclose a range.
  private func ticks(
    from low: Double, to high: Double
  ) -> (first: Double, last: Double, all: [Double]) {
    let span = max(high - low, 1e-6)
    let rough = span / 5
    let power = pow(10, floor(log10(rough)))
    let step = [1, 2, 5, 10].map { $0 * power }.first { $0 >= rough } ?? rough
    let first = (low / step).rounded(.down) * step
    let last = max((high / step).rounded(.up) * step, first + step)
    return (first, last, Array(Swift.stride(from: first, through: last + step / 2, by: step)))
  }

  private func escaped(_ text: String) -> String {
    text.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
      .replacingOccurrences(of: ">", with: "&gt;").escapingControls
  }
}

extension Cost.Metric {
  /// What is written below an axis of it.
  fileprivate var axis: String {
    switch self {
    case .macs: "multiply-adds"
    case .parameters: "parameters"
    case .latency: "latency"
    }
  }
}
