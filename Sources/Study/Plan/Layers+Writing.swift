import SearchSpace

extension Layers {
  /// The lines of a search file that say the same, without indentation.
  var lines: [String] {
    var lines: [String] = []
    if let input { lines.append("input: [\(input.channels), \(input.height), \(input.width)]") }
    lines.append("layers:")
    lines += elements.map { "  - {\(Self.entry($0))}" }
    return lines
  }

  private static func entry(_ element: any SpaceElement) -> String {
    func entry(_ kind: String, _ settings: [(String, String?)]) -> String {
      let given = settings.compactMap { key, value in value.map { "\(key): \($0)" } }
      return "\(kind): {\(given.joined(separator: ", "))}"
    }
    switch element {
    case let part as Convolution:
      return entry(
        "conv",
        [
          ("name", part.name), ("width", part.width.yaml), ("kernel", part.kernel.yaml),
          ("stride", "\(part.stride)"), ("groups", "\(part.groups)"),
          ("completion", part.completion.rawValue), ("activation", part.activation.rawValue),
        ])
    case let part as DepthwiseConvolution:
      return entry(
        "depthwise",
        [
          ("name", part.name), ("kernel", part.kernel.yaml), ("stride", "\(part.stride)"),
          ("completion", part.completion.rawValue), ("activation", part.activation.rawValue),
        ])
    case let part as Pool:
      return entry(
        "pool",
        [
          ("name", part.name), ("kind", part.operation.kind.rawValue),
          ("kernel", "\(part.operation.kernel)"), ("stride", "\(part.operation.stride)"),
          ("padding", "\(part.operation.padding)"),
          ("round", part.operation.roundsUp ? "up" : "down"),
        ])
    case is GlobalAveragePool:
      return "pool: average"
    case let part as Normalization:
      return entry("normalization", [("activation", part.activation.rawValue)])
    case let part as Linear:
      guard let width = part.width else { return "linear: {}" }
      return entry(
        "linear",
        [
          ("name", part.name ?? (part.isClassifier ? "classifier" : nil)), ("width", width.yaml),
          ("activation", part.activation.rawValue),
        ])
    case let part as OneOf:
      let options = part.alternatives.map { option in
        "[\(option.elements.map { "{\(Self.entry($0))}" }.joined(separator: ", "))]"
      }
      return "one-of: [\(options.joined(separator: ", "))]"
    case let part as Stage:
      let (block, own) = settings(of: part.block)
      let isResidual = part.block.isResidual
      return entry(
        "stage",
        [
          ("block", block.rawValue), ("name", part.name), ("width", part.width.yaml),
          ("depth", part.depth.yaml), ("stride", "\(part.stride)"),
        ] + own + [
          ("activation", part.activation.rawValue), ("completion", part.completion.rawValue),
          ("residual", isResidual ? part.residual.rawValue : nil),
          ("projection", isResidual ? part.projection.rawValue : nil),
        ])
    default:
      preconditionFailure("a search file has no words for \(element)")
    }
  }

  /// A block's name and the keys that only it has.
  private static func settings(
    of block: any StageBlock
  ) -> (BlockName, [(String, String?)]) {
    switch block {
    case let block as Plain:
      return (.plain, [("kernel", block.kernel.yaml)])
    case let block as DepthwiseSeparable:
      return (.depthwiseSeparable, [("kernel", block.kernel.yaml)])
    case let block as InvertedResidual:
      let (key, inner) = block.inner?.expansion ?? ("expand", "1")
      return (
        .invertedResidual,
        [
          ("kernel", block.kernel.yaml), (key, inner), ("divisor", block.inner?.divisor),
          ("gate", block.gate?.yaml),
        ]
      )
    case let block as Basic:
      return (
        .basic,
        [
          ("kernel", block.kernel.yaml), ("inner", block.inner.yaml),
          ("divisor", block.inner.divisor),
        ]
      )
    case let block as Bottleneck:
      let (key, cardinality) =
        switch block.cardinality {
        case .groups(let count): ("groups", count)
        case .width(let width): ("group-width", width)
        }
      return (
        .bottleneck,
        [
          ("kernel", block.kernel.yaml), ("inner", block.inner.yaml),
          ("divisor", block.inner.divisor), (key, "\(cardinality)"), ("gate", block.gate?.yaml),
        ]
      )
    case let block as Fire:
      return (.fire, [("squeeze", block.squeeze.yaml), ("divisor", block.squeeze.divisor)])
    default:
      preconditionFailure("a search file has no words for \(block)")
    }
  }
}

extension Choices {
  /// The shortest of the three ways to write them.
  fileprivate var yaml: String {
    guard values.count > 1 else { return "\(largest)" }
    let step = values[1] - values[0]
    guard values.count > 2, zip(values, values.dropFirst()).allSatisfy({ $1 - $0 == step }) else {
      return "[\(values.map(String.init).joined(separator: ", "))]"
    }
    return "{from: \(values[0]), to: \(largest), step: \(step)}"
  }
}

extension Inner {
  fileprivate var yaml: String {
    switch size {
    case .widths(let first, _): return first.yaml
    case .multiple(let factor):
      let shares = factor.choices.values.map { "\($0)%" }
      return shares.count == 1 ? shares[0] : "[\(shares.joined(separator: ", "))]"
    }
  }

  /// The key and value by which an inverted residual names them.
  fileprivate var expansion: (String, String) {
    if case .multiple(let factor) = size, factor.denominator == 1 {
      return ("expand", factor.choices.yaml)
    }
    return ("inner", yaml)
  }

  /// What multiples are rounded to.
  fileprivate var divisor: String? {
    if case .multiple(let factor) = size { "\(factor.divisor)" } else { nil }
  }
}

extension SqueezeAndExcitation {
  fileprivate var yaml: String {
    "{share: \(share)%, of: \(reference.rawValue), divisor: \(divisor), "
      + "activation: \(activation.rawValue)}"
  }
}
