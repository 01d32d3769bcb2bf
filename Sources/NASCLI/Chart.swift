import Foundation
import Study

/// A picture of points over two axes with round numbers, drawn as SVG.
///
///     var chart = Chart(title: "…", of: costs, accuracies, xLabel: "multiply-adds", …)
///     chart.disc(at: (cost, accuracy), color: "steelblue", title: "trial 12")
///     chart.svg
struct Chart {
  private let left = 70.0
  private let right: Double
  private let top = 48.0
  private let bottom: Double
  private let width = 720.0
  private let height = 460.0
  private let horizontal: Axis
  private let vertical: Axis
  private var lines: [String]

  /// Creates a chart with nothing but its axes.
  ///
  /// - Parameters:
  ///   - title: What stands above it.
  ///   - xs: Numbers that the horizontal axis has to reach.
  ///   - ys: Numbers that the vertical axis has to reach.
  ///   - xLabel: What stands below the horizontal axis.
  ///   - xTick: How its numbers are written.
  ///   - yTick: How those of the vertical axis are.
  ///   - margin: The room to be left on the right, for a legend.
  init(
    title: String, of xs: [Double], _ ys: [Double], xLabel: String,
    xTick: (Double) -> String, yTick: (Double) -> String, margin: Double = 20
  ) {
    right = width - margin
    bottom = height - 54
    horizontal = Axis(over: xs)
    vertical = Axis(over: ys)
    lines = [
      #"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 460" font-family="sans-serif" "#
        + #"font-size="13">"#,
      #"<rect width="720" height="460" fill="white"/>"#,
      #"<text x="70" y="26" font-size="16">\#(Self.escaped(title))</text>"#,
    ]
    for tick in horizontal.ticks {
      lines.append(
        #"<line x1="\#(x(tick))" x2="\#(x(tick))" y1="\#(top)" y2="\#(bottom)" "#
          + #"stroke="lightgray"/>"#)
      text(xTick(tick), at: x(tick), number(bottom + 20), anchor: "middle")
    }
    for tick in vertical.ticks {
      lines.append(
        #"<line x1="\#(left)" x2="\#(right)" y1="\#(y(tick))" y2="\#(y(tick))" "#
          + #"stroke="lightgray"/>"#)
      text(yTick(tick), at: number(left - 8), number(row(of: tick) + 4), anchor: "end")
    }
    text(xLabel, at: number((left + right) / 2), number(height - 12), anchor: "middle")
  }

  var svg: String { (lines + ["</svg>"]).joined(separator: "\n") + "\n" }

  // MARK: Marks

  /// A dot in the background.
  mutating func dot(atPixel pixel: SIMD2<Int>, color: String) {
    lines.append(#"<circle cx="\#(pixel.x)" cy="\#(pixel.y)" r="2" fill="\#(color)"/>"#)
  }

  /// A mark with a word about it; hollow or filled.
  mutating func disc(
    at point: (x: Double, y: Double), color: String, isFilled: Bool = true, radius: Int = 5,
    title: String
  ) {
    lines.append(
      #"<circle cx="\#(x(point.x))" cy="\#(y(point.y))" r="\#(radius)" stroke="\#(color)" "#
        + #"fill="\#(isFilled ? color : "white")"><title>\#(Self.escaped(title))</title></circle>"#)
  }

  /// An interval as an upright line.
  mutating func whisker(at position: Double, over range: ClosedRange<Double>, color: String) {
    lines.append(
      #"<line x1="\#(x(position))" x2="\#(x(position))" y1="\#(y(range.lowerBound))" "#
        + #"y2="\#(y(range.upperBound))" stroke="\#(color)"/>"#)
  }

  /// Lines from point to point.
  mutating func path(through points: [(x: Double, y: Double)], color: String) {
    let path = points.map { "\(x($0.x)),\(y($0.y))" }.joined(separator: " ")
    lines.append(
      #"<polyline points="\#(path)" fill="none" stroke="\#(color)" stroke-width="2"/>"#)
  }

  /// A name in the room on the right.
  mutating func legend(_ name: String, place: Int, color: String) {
    lines.append(
      #"<text x="\#(number(right + 14))" y="\#(number(top + 12 + 20 * Double(place)))" "#
        + #"fill="\#(color)">\#(Self.escaped(name))</text>"#)
  }

  // MARK: Places

  /// Where a point lies, in pixels.
  func pixel(of point: (x: Double, y: Double)) -> SIMD2<Int> {
    [Int(column(of: point.x).rounded()), Int(row(of: point.y).rounded())]
  }

  private func column(of x: Double) -> Double { left + horizontal.share(of: x) * (right - left) }

  private func row(of y: Double) -> Double { bottom - vertical.share(of: y) * (bottom - top) }

  private func x(_ value: Double) -> String { number(column(of: value)) }

  private func y(_ value: Double) -> String { number(row(of: value)) }

  private func number(_ value: Double) -> String { String(format: "%.1f", value) }

  private mutating func text(_ text: String, at x: String, _ y: String, anchor: String) {
    lines.append(
      #"<text x="\#(x)" y="\#(y)" text-anchor="\#(anchor)">\#(Self.escaped(text))</text>"#)
  }

  private static func escaped(_ text: String) -> String {
    text.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
      .replacingOccurrences(of: ">", with: "&gt;").escapingControls
  }

  /// Round numbers that enclose a range.
  private struct Axis {
    let ticks: [Double]

    init(over values: [Double]) {
      let (low, high) = (values.min() ?? 0, values.max() ?? 1)
      let rough = max(high - low, 1e-6) / 5
      let power = pow(10, floor(log10(rough)))
      let step = [1, 2, 5, 10].map { $0 * power }.first { $0 >= rough } ?? rough
      let first = (low / step).rounded(.down) * step
      let last = max((high / step).rounded(.up) * step, first + step)
      ticks = Array(stride(from: first, through: last + step / 2, by: step))
    }

    func share(of value: Double) -> Double {
      (value - ticks[0]) / (ticks[ticks.count - 1] - ticks[0])
    }
  }
}
