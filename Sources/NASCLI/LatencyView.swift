import Foundation
import SearchSpace

extension LatencyTable {
  /// A line that tells how the table came about and how far its predictions are off.
  var summary: String {
    let points = grids.reduce(0) { $0 + $1.points.count }
    return "predicted from \(points) layers timed on \(conditions.processor), \(place); \(trust)"
  }

  /// What a time is of.
  private var place: String {
    "\(conditions.batch == 1 ? "one image" : "\(conditions.batch) images") at a time on "
      + (conditions.threads == 1 ? "one thread" : "\(conditions.threads) threads")
  }

  /// From such an error on, predictions are hardly worth to search by.
  private static let doubtful = 0.2

  /// How far predictions are off.
  var trust: String {
    guard let error else {
      return "there are too few networks to find out how far the predictions are off"
    }
    return "off by \(percent(error.median, decimals: 1)) usually and "
      + "\(percent(error.worst, decimals: 1)) at worst for \(checks.count) networks timed whole"
      + (error.median > Self.doubtful
        ? "; did the machine have other work? 'nas run --fresh' measures again" : "")
  }
}

/// What a latency table is like, for JSON.
struct LatencyEntry: Encodable {
  var batch: Int
  var threads: Int
  var library: String
  var processor: String

  /// How many layers were timed, and how far apart repeated measurements lay, as a share.
  var layers: Int
  var spread: Double

  /// A network's latency is overhead and factor times the sum of its layers'.
  var overheadNanoseconds: Double
  var factor: Double

  /// How many networks overhead and factor were fitted to.
  var fitted: Int

  /// Networks timed whole beside what was predicted of them.
  var checks: [CheckEntry]
  var medianError: OrNull<Double>
  var worstError: OrNull<Double>

  struct CheckEntry: Encodable {
    var predicted: Int
    var measured: Int

    enum CodingKeys: String, CodingKey {
      case predicted = "predicted_ns"
      case measured = "measured_ns"
    }
  }

  enum CodingKeys: String, CodingKey {
    case batch, threads, library, processor, layers, spread, factor, fitted, checks
    case overheadNanoseconds = "overhead_ns"
    case medianError = "median_error"
    case worstError = "worst_error"
  }

  init(_ table: LatencyTable) {
    batch = table.conditions.batch
    threads = table.conditions.threads
    library = table.conditions.library
    processor = table.conditions.processor
    layers = table.grids.reduce(0) { $0 + $1.points.count }
    spread = table.medianSpread
    overheadNanoseconds = table.overhead
    factor = table.factor
    fitted = table.calibrationCount
    checks = table.checks.map { CheckEntry(predicted: $0.predicted, measured: $0.measured) }
    medianError = OrNull(value: table.error?.median)
    worstError = OrNull(value: table.error?.worst)
  }
}
