import Foundation
import SearchSpace

/// A count as people read it: `3.98M`, `174k`, `812`.
func short(_ count: Int) -> String {
  switch count {
  case 1_000_000_000...: String(format: "%.2fG", Double(count) / 1e9)
  case 1_000_000...: String(format: "%.2fM", Double(count) / 1e6)
  case 10_000...: String(format: "%.0fk", Double(count) / 1e3)
  default: "\(count)"
  }
}

/// A cost as people read it: a count as above, a latency as `1.83 ms`, `312 us`.
func short(_ cost: Int, of metric: Cost.Metric) -> String {
  guard metric == .latency else { return short(cost) }
  return switch cost {
  case 100_000_000...: String(format: "%.0f ms", Double(cost) / 1e6)
  case 1_000_000...: String(format: "%.2f ms", Double(cost) / 1e6)
  case 1000...: String(format: "%.0f us", Double(cost) / 1e3)
  default: "\(cost) ns"
  }
}

/// A latency as people read it, and nothing where it is not known.
func short(latency: Int?) -> String { latency.map { short($0, of: .latency) } ?? "" }

/// A budget as people read it: `macs ≤ 3.98M`.
func short(_ budget: Budget) -> String {
  "\(budget.metric.rawValue) ≤ \(short(budget.limit, of: budget.metric))"
}

/// A whole number in full, its digits in groups of three: `13,238,717`.
func grouped(_ number: some CustomStringConvertible) -> String {
  var text = ""
  let digits = number.description
  for (index, digit) in digits.enumerated() {
    if index > 0, (digits.count - index).isMultiple(of: 3) { text.append(",") }
    text.append(digit)
  }
  return text
}

/// An amount of memory: `12 KiB`, `3.4 MiB`, `1.2 GiB`.
func memory(_ bytes: Int) -> String {
  let kibibytes = Double(bytes) / 1024
  return switch kibibytes {
  case 1_048_576...: String(format: "%.1f GiB", kibibytes / 1_048_576)
  case 10_240...: String(format: "%.0f MiB", kibibytes / 1024)
  case 1024...: String(format: "%.1f MiB", kibibytes / 1024)
  default: String(format: "%.0f KiB", kibibytes)
  }
}

/// A share as a percentage with a decimal or two.
func percent(_ share: Double, decimals: Int = 2) -> String {
  String(format: "%.\(decimals)f %%", share * 100)
}

/// A span of time: `2 min 05 s`, `14 s`.
func duration(_ seconds: Double) -> String {
  guard seconds.isFinite, abs(seconds) < 1e9 else { return "?" }
  let whole = Int(seconds.rounded())
  return switch whole {
  case 3600...: String(format: "%d h %02d min", whole / 3600, whole / 60 % 60)
  case 60...: String(format: "%d min %02d s", whole / 60, whole % 60)
  default: "\(whole) s"
  }
}

/// An instant in UTC: `2026-11-21T12:30:45Z`.
func instant(_ date: Date) -> String { date.formatted(.iso8601) }
