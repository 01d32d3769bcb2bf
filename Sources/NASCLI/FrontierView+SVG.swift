import SearchSpace
import Study
import TrialStore

extension FrontierView {
  /// The frontier as a picture: all trials in grey, the frontier as a line of points with their 95 %
  /// intervals as whiskers, hollow if they are level with a cheaper one.
  var svg: String {
    let others = background.filter { $0.accuracy >= lowestShown }
    let ends = points.compactMap(\.score.interval).flatMap { [$0.lowerBound, $0.upperBound] }
    var chart = Chart(
      title: "\(reader.study.name): accuracy against \(cost.rawValue)",
      of: points.map { Double(value(of: $0.trial)) } + others.map { Double($0.cost) },
      points.map(\.accuracy) + ends + others.map(\.accuracy),
      xLabel: cost.axis,
      xTick: { short(Int($0), of: cost) }, yTick: { percent($0, decimals: 1) })
    // Of many trials that would lie on one another, one is drawn.
    var taken: Set<SIMD2<Int>> = []
    for other in others {
      let pixel = chart.pixel(of: (Double(other.cost), other.accuracy))
      if taken.insert(pixel).inserted { chart.dot(atPixel: pixel, color: "silver") }
    }
    chart.path(
      through: points.map { (Double(value(of: $0.trial)), $0.accuracy) }, color: "steelblue")
    for point in points {
      let cost = Double(value(of: point.trial))
      if let interval = point.score.interval {
        chart.whisker(at: cost, over: interval, color: "steelblue")
      }
      chart.disc(
        at: (cost, point.accuracy), color: "steelblue", isFilled: point.equal == nil,
        title: "trial \(point.trial.number): \(short(point.trial.macs)) MACs, "
          + "\(short(point.trial.parameters)) parameters, "
          + (point.trial.latency.map { "\(short(latency: $0)), " } ?? "")
          + percent(point.accuracy)
          + (point.equal.map { ", level with trial \($0.number)" } ?? ""))
    }
    return chart.svg
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
