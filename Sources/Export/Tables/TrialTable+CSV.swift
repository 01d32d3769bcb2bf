import Foundation
import SearchSpace

extension TrialTable {
  /// The trials as comma-separated values, with a line of headings.
  ///
  /// The columns are those of a trial, of its most trustworthy score, and then one for each decision.
  /// What is not known is empty. Text that a spreadsheet would take for a formula has an apostrophe
  /// before it.
  ///
  /// > Y. Shafranovich. "Common Format and MIME Type for Comma-Separated Values Files." RFC 4180.
  public var csv: String {
    let headings =
      [
        "trial", "step", "role", "chosen", "state", "macs", "params", "latency_ns", "accuracy",
        "low", "high",
        "loss", "images", "weights", "test_accuracy", "seconds", "ended", "reason",
      ] + decisions.map(\.name)
    let lines = rows.map { row -> [String] in
      let score = row.score
      return [
        "\(row.number)", "\(row.step)", Self.cell(row.role ?? ""), "\(row.isChosen)",
        row.failure == nil ? "done" : "failed", "\(row.cost.macs)", "\(row.cost.parameters)",
        row.cost.latency.map { "\($0)" } ?? "",
        Self.number(score?.accuracy), Self.number(score?.interval.lowerBound),
        Self.number(score?.interval.upperBound), Self.number(score?.loss),
        score.map { "\($0.images)" } ?? "", score?.fidelity ?? "", Self.number(row.testAccuracy),
        "\(row.seconds)", row.endedAt.formatted(.iso8601), Self.cell(row.failure ?? ""),
      ] + decisions.map { decision in row.sizes[decision.name].map { "\($0)" } ?? "" }
    }
    return ([headings.map(Self.cell)] + lines).map { $0.joined(separator: ",") + "\r\n" }.joined()
  }

  private static func number(_ value: Double?) -> String { value.map { "\($0)" } ?? "" }

  private static func cell(_ text: String) -> String {
    let isFormula = text.first.map { "=+-@\t\r".contains($0) } ?? false
    let safe = isFormula ? "'" + text : text
    guard safe.unicodeScalars.contains(where: { "\",\r\n".unicodeScalars.contains($0) }) else {
      return safe
    }
    return "\"" + safe.replacing("\"", with: "\"\"") + "\""
  }
}
