import SearchSpace

extension Layers {
  /// Images on which the parts are tried where the file does not say how large they are; what does
  /// not fit these may fit the data's.
  private static let nominal = Shape(channels: 3, height: 32, width: 32)

  /// Reads the keys of a space with `layers`.
  mutating func read(_ keys: [String: Form], _ reader: inout FormReader) {
    let before = reader.problems.count
    input = reader.shape(keys["input"])
    let forms = reader.list(keys["layers"], example: "[{conv: {width: 16}}, {linear: {}}]") ?? []
    elements = forms.compactMap { Self.element($0, &reader) }
    guard reader.problems.count == before, let layers = keys["layers"] else { return }

    // What the parts say of each other is the space's to judge.
    var added = 0
    do {
      _ = try SearchSpace(
        name: Self.name, input: input ?? Self.nominal, classes: nil,
        elements: elements.map(\.withNominalClasses), added: &added)
    } catch {
      guard input != nil || !error.dependsOnSize else { return }
      let place = forms.indices.contains(added) ? forms[added] : forms.last ?? layers
      reader.report(place.position, "\(error)")
    }
  }

  private static let kinds = [
    "conv", "depthwise", "stage", "pool", "normalization", "linear", "one-of",
  ]

  private static func element(_ form: Form, _ reader: inout FormReader) -> (any SpaceElement)? {
    guard let (kind, value) = reader.choice(form, keys: kinds) else { return nil }
    var settings = value
    settings.path = kind
    return switch kind {
    case "conv": convolution(settings, &reader)
    case "depthwise": depthwise(settings, &reader)
    case "stage": stage(settings, &reader)
    case "pool": pool(settings, &reader)
    case "normalization": normalization(settings, &reader)
    case "linear": linear(settings, &reader)
    default: oneOf(settings, &reader)
    }
  }

  // MARK: Parts

  private static func convolution(_ form: Form, _ reader: inout FormReader) -> Convolution {
    var part = Convolution(width: 1, kernel: 3)
    let keys = reader.mapping(
      form, keys: ["name", "width", "kernel", "stride", "groups", "completion", "activation"],
      required: ["width": "width: 16"])
    reader.name(keys["name"], into: &part.name)
    reader.widths(keys["width"], into: &part.width)
    reader.kernels(keys["kernel"], into: &part.kernel)
    reader.integer(keys["stride"], 1...32, into: &part.stride)
    reader.integer(keys["groups"], 1...65536, into: &part.groups)
    reader.word(keys["completion"], into: &part.completion)
    reader.word(keys["activation"], into: &part.activation)
    return part
  }

  private static func depthwise(_ form: Form, _ reader: inout FormReader) -> DepthwiseConvolution {
    var part = DepthwiseConvolution(kernel: 3)
    let keys = reader.mapping(
      form, keys: ["name", "kernel", "stride", "completion", "activation"])
    reader.name(keys["name"], into: &part.name)
    reader.kernels(keys["kernel"], into: &part.kernel)
    reader.integer(keys["stride"], 1...32, into: &part.stride)
    reader.word(keys["completion"], into: &part.completion)
    reader.word(keys["activation"], into: &part.activation)
    return part
  }

  private static func pool(_ form: Form, _ reader: inout FormReader) -> any SpaceElement {
    if form.word == "average" { return GlobalAveragePool() }
    var kind = PoolOperation.Kind.max
    var (name, kernel, rounding): (String?, Int, PoolRounding) = (nil, 2, .down)
    if form.word != nil {
      reader.report(
        form.position,
        "pool must be average, for the mean of the whole map, or a mapping with "
          + "kind, kernel and stride, but \(form.found)")
    }
    let keys =
      form.word == nil
      ? reader.mapping(
        form, keys: ["name", "kind", "kernel", "stride", "padding", "round"],
        required: ["kind": "kind: max", "kernel": "kernel: 2"]) : [:]
    reader.name(keys["name"], into: &name)
    reader.word(keys["kind"], into: &kind)
    reader.integer(keys["kernel"], 1...64, into: &kernel)
    var (stride, padding) = (kernel, (kernel - 1) / 2)
    reader.integer(keys["stride"], 1...64, into: &stride)
    reader.integer(keys["padding"], 0...(kernel / 2), into: &padding)
    reader.word(keys["round"], into: &rounding)
    return Pool(
      kind, name: name, kernel: kernel, stride: stride, padding: padding,
      roundsUp: rounding == .up)
  }

  private static func normalization(
    _ form: Form, _ reader: inout FormReader
  ) -> Normalization {
    var part = Normalization()
    let keys = reader.mapping(form, keys: ["activation"])
    reader.word(keys["activation"], into: &part.activation)
    return part
  }

  private static func linear(_ form: Form, _ reader: inout FormReader) -> Linear {
    let keys = reader.mapping(form, keys: ["name", "width", "activation"])
    guard let width = keys["width"] else {
      for key in ["name", "activation"] {
        guard let form = keys[key] else { continue }
        reader.report(
          form.position, "only a hidden linear layer, which has a width, has \(key.quoted)")
      }
      return Linear()
    }
    var (part, widths) = (Linear(width: 1), Choices([1]))
    reader.name(keys["name"], into: &part.name)
    reader.widths(width, into: &widths)
    reader.word(keys["activation"], into: &part.activation)
    part.width = widths
    return part
  }

  private static func oneOf(_ form: Form, _ reader: inout FormReader) -> OneOf {
    let options = reader.list(form, example: "[[], [{conv: {width: 16}}]]") ?? []
    return OneOf(
      alternatives: options.map { option in
        let parts = reader.list(option, example: "[{conv: {width: 16}}]") ?? []
        return Alternative(elements: parts.compactMap { element($0, &reader) })
      })
  }

  // MARK: Stages

  /// The keys of every stage.
  private static let stageKeys = [
    "block", "name", "width", "depth", "stride", "activation", "completion",
  ]
  private static let residualKeys = ["residual", "projection"]

  /// The names of the blocks.
  enum BlockName: String, CaseIterable {
    case plain
    case depthwiseSeparable = "depthwise-separable"
    case invertedResidual = "inverted-residual"
    case basic
    case bottleneck
    case fire

    /// The keys that only this block has.
    var keys: [String] {
      switch self {
      case .plain, .depthwiseSeparable: ["kernel"]
      case .invertedResidual: residualKeys + ["kernel", "expand", "inner", "divisor", "gate"]
      case .basic: residualKeys + ["kernel", "inner", "divisor"]
      case .bottleneck:
        residualKeys + ["kernel", "inner", "divisor", "groups", "group-width", "gate"]
      case .fire: ["squeeze", "divisor"]
      }
    }
  }

  private static func stage(_ form: Form, _ reader: inout FormReader) -> Stage {
    var name = BlockName.plain
    // Which keys there may be depends on the block, which may stand behind them.
    let all = stageKeys + Set(BlockName.allCases.flatMap(\.keys)).sorted()
    var probe = FormReader()
    probe.word(probe.mapping(form, keys: all)["block"], into: &name)
    let isKnown = probe.problems.isEmpty || !name.keys.isEmpty
    let keys = reader.mapping(
      form, keys: isKnown ? stageKeys + name.keys : all,
      required: ["block": "block: basic", "width": "width: 32"])
    reader.word(keys["block"], into: &name)

    var stage = Stage(block(name, keys, &reader), width: 1)
    reader.name(keys["name"], into: &stage.name)
    reader.widths(keys["width"], into: &stage.width)
    reader.choices(
      keys["depth"], 1...1000, example: "2 or {from: 1, to: 3}", into: &stage.depth)
    reader.integer(keys["stride"], 1...32, into: &stage.stride)
    reader.word(keys["activation"], into: &stage.activation)
    reader.word(keys["completion"], into: &stage.completion)
    reader.word(keys["residual"], into: &stage.residual)
    reader.word(keys["projection"], into: &stage.projection)
    return stage
  }

  private static func block(
    _ name: BlockName, _ keys: [String: Form], _ reader: inout FormReader
  ) -> any StageBlock {
    var kernel: Choices = 3
    reader.kernels(keys["kernel"], into: &kernel)
    var divisor = 1
    reader.integer(keys["divisor"], 1...1024, into: &divisor)
    var gate: SqueezeAndExcitation?
    if let form = keys["gate"] { gate = reader.gate(form) }
    func inner(_ key: String, _ standard: Inner) -> Inner {
      var inner = standard
      reader.inner(keys[key], divisor: divisor, into: &inner)
      return inner
    }
    switch name {
    case .plain: return Plain.plain(kernel: kernel)
    case .depthwiseSeparable: return DepthwiseSeparable.depthwiseSeparable(kernel: kernel)
    case .basic:
      return Basic.basic(inner: inner("inner", .percent(100, divisor: divisor)), kernel: kernel)
    case .fire: return Fire.fire(squeeze: inner("squeeze", .percent(12, divisor: divisor)))
    case .bottleneck:
      return Bottleneck.bottleneck(
        inner: inner("inner", .percent(25, divisor: divisor)), kernel: kernel,
        in: cardinality(keys, &reader), gate: gate)
    case .invertedResidual:
      if let both = keys["expand"], keys["inner"] != nil {
        reader.report(both.position, "give either 'expand' or 'inner', not both")
      }
      if keys["inner"] != nil {
        return InvertedResidual.invertedResidual(
          inner: inner("inner", 1), kernel: kernel, gate: gate)
      }
      var expand: Choices = 6
      reader.choices(keys["expand"], 1...64, example: "6 or [3, 6]", into: &expand)
      return InvertedResidual.invertedResidual(
        expand: expand, divisor: divisor, kernel: kernel, gate: gate)
    }
  }

  private static func cardinality(
    _ keys: [String: Form], _ reader: inout FormReader
  ) -> Cardinality {
    var (groups, width) = (1, 1)
    reader.integer(keys["groups"], 1...65536, into: &groups)
    reader.integer(keys["group-width"], 1...65536, into: &width)
    guard let form = keys["group-width"] else { return .groups(groups) }
    if keys["groups"] != nil {
      reader.report(form.position, "give either 'groups' or 'group-width', not both")
    }
    return .width(width)
  }
}

/// Which way the side of a pooled map is rounded.
enum PoolRounding: String, CaseIterable {
  case down
  case up
}

extension SpaceElement {
  /// This part, with some number of classes where it asks for one.
  fileprivate var withNominalClasses: any SpaceElement {
    switch self {
    case let linear as Linear where linear.width == nil:
      return Linear(classes: 10)
    case var choice as OneOf:
      for index in choice.alternatives.indices {
        choice.alternatives[index].elements =
          choice.alternatives[index].elements.map(\.withNominalClasses)
      }
      return choice
    default:
      return self
    }
  }
}
