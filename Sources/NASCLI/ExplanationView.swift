import Foundation
import SearchSpace
import Study

/// What a search file means, ready to be shown.
struct ExplanationView {
  let explanation: Explanation

  /// Whether the layers of the smallest and the largest network are shown too.
  let isTraced: Bool

  var space: SearchSpace { explanation.space }

  var text: String {
    var parts = [heading]
    if !explanation.decisions.isEmpty { parts.append(decisions) }
    if let ties { parts.append(ties) }
    parts += [sizes, budgets]
    if !explanation.stages.isEmpty { parts.append(stages) }
    if isTraced {
      parts += [("smallest", space.smallest), ("largest", space.largest)].map {
        name, architecture in
        "the \(name) network\n\n"
          + space.network(of: architecture).layerTable(explanation.latencies)
      }
    }
    return parts.joined(separator: "\n\n")
  }

  private var heading: String {
    let count = explanation.architectures
    let exponent = count.description.count - 1
    let magnitude = exponent > 3 ? " (about 10^\(exponent))" : ""
    let images =
      explanation.images.map { images in
        "\n\(images.format): \(grouped(images.training)) images to train on, "
          + "\(grouped(images.holdOut)) held out"
          + (images.skipped > 0 ? ", \(grouped(images.skipped)) left out as unreadable" : "")
      } ?? ""
    return """
      study \(explanation.study): \(space)\(images)
      \(grouped(count)) different networks\(magnitude), \(explanation.decisions.count) decisions
      """
  }

  // MARK: Decisions

  private var decisions: String {
    let largest = explanation.largest.cost
    var table = Table([
      .init("decision", isNumeric: false), .init("choices", isNumeric: false),
      .init("of MACs"), .init("of params"),
    ])
    table.rows = explanation.decisions.map { entry in
      [
        entry.decision.name, Self.summary(of: entry.decision.choices),
        percent(Double(entry.share.macs) / Double(max(1, largest.macs)), decimals: 1),
        percent(Double(entry.share.parameters) / Double(max(1, largest.parameters)), decimals: 1),
      ]
    }
    return table.text
      + "\nshares of the largest network: what lies in layers that the decision sizes; they overlap"
  }

  /// The choices, those at equal distances as in `8, 16 … 144`.
  static func summary(of choices: [Int]) -> String {
    let isEven = Set(zip(choices, choices.dropFirst()).map { $1 - $0 }).count == 1
    guard isEven, choices.count > 4, let last = choices.last else {
      return choices.map(String.init).joined(separator: ", ")
    }
    return "\(choices[0]), \(choices[1]) … \(last)"
  }

  private var ties: String? {
    var table = Table([
      .init("layer", isNumeric: false), .init("has the channels of", isNumeric: false),
      .init("because", isNumeric: false),
    ])
    table.rows = space.groups.flatMap { group in
      group.members.compactMap { member in
        member.reason.map { [member.layer, group.name, $0] }
      }
    }
    return table.rows.isEmpty ? nil : table.text
  }

  // MARK: Sizes and budgets

  private var sizes: String {
    var table = Table([
      .init("", isNumeric: false), .init("smallest"), .init("median"), .init("largest"),
    ])
    let networks = [explanation.smallest, explanation.median, explanation.largest]
    table.rows = [
      ["MACs"] + networks.map { short($0.cost.macs) },
      ["parameters"] + networks.map { short($0.cost.parameters) },
    ]
    if explanation.latencies != nil {
      table.rows.append(["latency"] + networks.map { short(latency: $0.cost.latency) })
    }
    table.rows += [
      ["activations of one image"] + networks.map { memory($0.activationBytes) },
      ["memory of a training step"] + networks.map { memory($0.trainingBytes) },
    ]
    return table.text
      + "\nmedians of \(grouped(Explanation.sampleSize)) networks drawn with equal chances"
      + (explanation.latencies.map { "\nlatencies at a glance: \($0.summary)" } ?? "")
  }

  private var budgets: String {
    var table = Table([
      .init("budget", isNumeric: false), .init("smallest"), .init("", isNumeric: false),
    ])
    table.rows = explanation.budgets.map { outlook in
      [
        short(outlook.budget), short(outlook.nearest, of: outlook.budget.metric),
        outlook.isReachable ? "can be met" : "cannot be met",
      ]
    }
    let obstacles = explanation.budgets.compactMap { outlook in
      outlook.obstacle.map { obstacle in
        let line = outlook.line.map { "line \($0): " } ?? ""
        let remedy =
          obstacle.nearestWithout < outlook.nearest
          ? "\(obstacle.remedy), down to \(short(obstacle.nearestWithout))" : obstacle.remedy
        return "\(line)\(obstacle.place) forbids less; \(remedy)"
      }
    }
    return ([table.text] + obstacles).joined(separator: "\n")
  }

  // MARK: Stages

  private var stages: String {
    var table = Table([
      .init("stage", isNumeric: false), .init("work", isNumeric: false), .init("time"),
      .init("memory"),
    ])
    table.rows = explanation.stages.map { stage in
      [stage.stage.rawValue, stage.work, "\(duration(stage.seconds))", memory(stage.bytes)]
    }
    let seconds = explanation.stages.reduce(0) { $0 + $1.seconds }
    let bytes = explanation.stages.map(\.bytes).max() ?? 0
    table.rows.append(["all", "", duration(seconds), memory(bytes)])
    let busy = String(
      format: "\nit has other work (load %.1f), so the times may be too long", explanation.load)
    return table.text + "\nestimated from a moment's work on this machine"
      + (explanation.load >= 1 ? busy : "")
  }
}
