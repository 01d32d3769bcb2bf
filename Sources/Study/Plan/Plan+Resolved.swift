import Datasets
import Export
import Networks
public import SearchSpace

extension Plan {
  /// The search file that says the same with every default written out.
  ///
  /// It reads back as an equal plan, and equal plans give the same text. Some keys have no words
  /// for their default and are left out where they have it: `size` of the data and `resized-crop`,
  /// `depth` and `strides` of the space, and `probe` and `pretrained` of the supernet. So are `paths`,
  /// `warm-start`, `latency` and `retrain`, and parts of an optimizer, where nothing comes of them:
  /// they are younger than some studies that go on.
  public var resolved: String {
    var lines = ["study: \(study.yaml)", "seed: \(seed)"]
    lines += table?.lines ?? dataLines
    lines.append("space:")
    lines += space.lines.map { "  \($0)" }
    if table == nil { lines += supernetLines }
    lines.append("strategy:")
    lines.append("  \(strategy.name): {\(strategy.settings)}")
    if warmStart { lines.append("warm-start: true") }
    lines.append("budgets:")
    lines += budgets.map { "  - {\($0.metric.rawValue): \($0.amount.text(of: $0.metric))}" }
    if latency != Latency() {
      lines.append("latency: {batch: \(latency.batch), threads: \(latency.threads)}")
    }
    if let retrain { lines += ["retrain:"] + retrain.lines.map { "  \($0)" } }
    lines.append(Self.checkpointKey + checkpointEvery.yaml)
    return lines.joined(separator: "\n") + "\n"
  }

  private var dataLines: [String] {
    var lines = ["data:", "  format: \(data.format.rawValue)", "  path: \(data.path.yaml)"]
    if let size = data.size { lines.append("  size: \(size)") }
    return lines + ["  hold-out: \(data.holdOut)", "  augment: \(data.augment.yaml)"]
  }

  private var supernetLines: [String] {
    var lines = [
      "supernet:",
      "  epochs: \(supernet.epochs)",
      "  batch: \(supernet.batch)",
    ]
    lines += supernet.paths.lines.map { "  \($0)" }
    lines.append("  optimizer:")
    lines += supernet.optimizer.lines.map { "    \($0)" }
    lines += [
      "  precision: \(supernet.precision.rawValue)",
      "  calibration: \(supernet.calibration)",
    ]
    if supernet.probe != Supernet().probe { lines.append("  probe: \(supernet.probe)") }
    if let pretrained = supernet.pretrained { lines.append("  pretrained: \(pretrained.yaml)") }
    return lines
  }

  private static let checkpointKey = "checkpoint-every: "

  /// Sixteen hexadecimal digits that tell plans with different results apart.
  ///
  /// The hash of ``resolved`` but for ``checkpointEvery``. It guards against mistakes, not
  /// against someone who wants two plans to look alike.
  public var fingerprint: String {
    var fingerprint = Fingerprint()
    for line in resolved.split(separator: "\n") where !line.hasPrefix(Self.checkpointKey) {
      fingerprint.add(bytes: Array(line.utf8).span)
    }
    return fingerprint.hexadecimal
  }

  /// The lines of ``resolved`` that the weights of the trained supernet follow from.
  ///
  /// Not among them are the path of the data, whose content counts, and `calibration` and `probe`,
  /// which concern scores alone.
  var supernetRecipe: String {
    var isPart = false
    return resolved.split(separator: "\n").filter { line in
      if !line.hasPrefix(" ") {
        isPart = ["seed:", "data:", "space:", "supernet:"].contains { line.hasPrefix($0) }
      }
      return isPart
        && !["  path: ", "  calibration: ", "  probe: "].contains { line.hasPrefix($0) }
    }.joined(separator: "\n")
  }
}

extension Plan.Table {
  fileprivate var lines: [String] {
    [
      "evaluator:",
      "  table: \(path.yaml)",
      "  input: [\(input.channels), \(input.height), \(input.width)]",
      "  classes: \(classes)",
      "  images: \(images)",
    ]
  }
}

extension Plan.Space {
  /// The lines below `space`, without indentation.
  fileprivate var lines: [String] {
    switch structure {
    case .layers(let layers): return layers.lines
    case .architecture(let architecture):
      // The text and not the path: what stands there may change.
      return ["architecture: |"]
        + architecture.file.text.split(separator: "\n").map { "  \($0)" }
    case .family(let family):
      return ["network: \(family.name)"]
        + family.settings.compactMap { setting in
          settings.yaml(of: setting).map { "\(setting.rawValue): \($0)" }
        }
    }
  }
}

extension Family.Settings {
  /// The value of a setting; `nil` where it has none.
  fileprivate func yaml(of setting: Family.Setting) -> String? {
    switch setting {
    case .width:
      "{scale: \(width.scale), \(width.steps), divisor: \(width.divisor)}"
    case .depth:
      smallestDepth.map { depthStep == 1 ? "{min: \($0)}" : "{min: \($0), step: \(depthStep)}" }
    case .residual: residual.rawValue
    case .strides: strides.map { "\($0)" }
    }
  }
}

extension WidthRule {
  /// What says how many choices there are.
  fileprivate var steps: String {
    guard let shares else { return "groups: \(groups)" }
    return "shares: [\(shares.map { "\($0)%" }.joined(separator: ", "))]"
  }
}

extension Plan.Limit.Amount {
  /// The amount of a cost as a search file has it.
  public func text(of metric: Cost.Metric) -> String {
    switch self {
    case .count(let count): metric.text(of: count)
    case .share(let partsPerMillion): Self.text(ofShare: partsPerMillion)
    }
  }

  /// A share of so many parts per million as a search file has it: `12.5%`.
  static func text(ofShare partsPerMillion: Int) -> String {
    let fraction = partsPerMillion % 10_000
    guard fraction > 0 else { return "\(partsPerMillion / 10_000)%" }
    // The one in front keeps the zeros behind the point.
    var decimals = String(fraction + 10_000).dropFirst()
    while decimals.last == "0" { decimals.removeLast() }
    return "\(partsPerMillion / 10_000).\(decimals)%"
  }
}

extension Duration {
  /// The time in the largest unit of which it is a whole number, but at least a millisecond.
  fileprivate var yaml: String {
    let milliseconds = components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
    for (unit, size) in [("h", Int64(3_600_000)), ("m", 60_000), ("s", 1000)]
    where milliseconds.isMultiple(of: size) {
      return "\(milliseconds / size)\(unit)"
    }
    return "\(milliseconds)ms"
  }
}

extension String {
  /// The text as a YAML scalar that is read back as it is: plain if that is beyond doubt.
  var yaml: String {
    let isPlain =
      utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "."),
          UInt8(ascii: "_"), UInt8(ascii: "-"):
          true
        default: false
        }
      } && !isEmpty && !hasPrefix("-")
    guard !isPlain else { return self }
    var quoted = "\""
    for scalar in unicodeScalars {
      switch scalar {
      case "\"", "\\":
        quoted += "\\\(scalar)"
      case " "..."~":
        quoted.unicodeScalars.append(scalar)
      default:
        if scalar.properties.isAlphabetic {
          quoted.unicodeScalars.append(scalar)
        } else {
          // Eight digits serve for every character, seen or unseen.
          let code = String(scalar.value, radix: 16)
          quoted += "\\U" + String(repeating: "0", count: 8 - code.count) + code
        }
      }
    }
    return quoted + "\""
  }
}
