public import Networks
public import SearchSpace
import Yams

/// A concrete network as a YAML file: every layer with every size, to read and to rebuild.
///
///     layers:
///       - {name: stem, op: convolution, in: 1, out: 16, kernel: 3, stride: 2, groups: 1, …}
///
/// A layer reads the one before it unless `from` names another. Its arrays are called after it in
/// `weights.safetensors`, `NAME.weight` and `NAME.norm.weight`, unless `weights` and `norm` give the
/// names that PyTorch's module has for these two. The operations:
///
/// | `op` | computes |
/// | --- | --- |
/// | `convolution` | a convolution padded by half its kernel; then batch normalisation with ε = 10⁻⁵ unless `then` says `bias` or `none`; then plus the layer that `add` names; then the activation |
/// | `normalization` | batch normalisation with ε = 10⁻⁵, activation |
/// | `activation` | an activation alone |
/// | `max-pool`, `average-pool` | over windows that begin `padding` before the map and are cut off at its edges; with `round: up` a last window may reach beyond the padding |
/// | `global-average-pool` | the mean of each channel |
/// | `linear` | a matrix product with bias, activation; a map is read channel by channel |
/// | `scale` | each channel times its value in the layer that `by` names |
/// | `concatenate` | the channels, then those of the layer that `with` names |
public struct ArchitectureFile: Hashable, Sendable {
  /// What kind of network it is, such as `mobilenet-v2`.
  public var name: String

  public var network: Network

  /// The sizes chosen in the search space that the network comes from.
  public var sizes: [Size]

  /// A decision and what was decided.
  public struct Size: Hashable, Sendable {
    public var decision: String
    public var size: Int

    public init(decision: String, size: Int) {
      self.decision = decision
      self.size = size
    }
  }

  static let format = "nas.architecture/1"

  /// What the network's arrays are called in a file of weights.
  public var parameterNames: ParameterNames {
    ParameterNames(of: network.layers, family: name)
  }

  public init(name: String, network: Network, sizes: [Size]) {
    self.name = name
    self.network = network
    self.sizes = sizes
  }

  // MARK: Writing

  /// The file's text.
  public var text: String {
    let cost = network.cost
    let names = parameterNames
    var lines = [
      "# A network found by nas. Each layer reads the one before it unless `from` names another;",
      "# `add` names the layer whose output is added before the activation. Convolutions are padded",
      "# by half their kernel and followed by batch normalisation (eps 1e-5) unless `then` says bias",
      "# or none. Pooling looks at what of a window lies on the map. Linear layers have a bias.",
      "# `weights` and `norm` name a layer's arrays in weights.safetensors, else NAME and NAME.norm.",
      "format: \(Self.format)",
      "name: \(name)",
      "input: [\(network.input.channels), \(network.input.height), \(network.input.width)]"
        + "  # channels, height, width",
      "classes: \(network.classes)",
      "macs: \(cost.macs)  # multiply-adds of convolutions and linear layers for one image",
      "params: \(cost.parameters)  # weights, biases, scales and shifts",
      "layers:",
    ]
    for (index, layer) in network.layers.enumerated() {
      var fields = fields(of: layer, at: index)
      if names.areOfPyTorch, layer.cost.parameters > 0 {
        fields.append("weights: \(names.weights(of: layer))")
        if layer.isNormalized { fields.append("norm: \(names.normalization(of: layer))") }
      }
      lines.append("  - {\(fields.joined(separator: ", "))}")
    }
    lines.append(sizes.isEmpty ? "decisions: {}" : "decisions:")
    lines += sizes.map { "  \($0.decision): \($0.size)" }
    return lines.joined(separator: "\n") + "\n"
  }

  private func fields(of layer: Layer, at index: Int) -> [String] {
    var fields = ["name: \(layer.name)"]
    switch layer.operation {
    case .convolution(let convolution):
      fields += [
        "op: convolution", "in: \(layer.input.channels)", "out: \(layer.output.channels)",
        "kernel: \(convolution.kernel)", "stride: \(convolution.stride)",
        "groups: \(convolution.grouping.count(channels: layer.input.channels))",
      ]
      if convolution.completion != .normalization {
        fields.append("then: \(convolution.completion.rawValue)")
      }
      fields.append("activation: \(convolution.activation.rawValue)")
    case .normalize(let activation):
      fields += ["op: normalization", "activation: \(activation.rawValue)"]
    case .activate(let activation):
      fields += ["op: activation", "activation: \(activation.rawValue)"]
    case .pool(let pool):
      fields += [
        "op: \(pool.kind.rawValue)-pool", "kernel: \(pool.kernel)", "stride: \(pool.stride)",
        "padding: \(pool.padding)",
      ]
      if pool.roundsUp { fields.append("round: up") }
    case .globalAveragePool:
      fields += ["op: global-average-pool"]
    case .linear(let activation):
      fields += ["op: linear", "in: \(layer.input.count)", "out: \(layer.output.channels)"]
      if activation != .none { fields.append("activation: \(activation.rawValue)") }
    case .scale:
      fields += ["op: scale"]
    case .concatenate:
      fields += ["op: concatenate"]
    }
    let before = index == 0 ? Value.image : .layer(index - 1)
    if layer.source != before { fields.append("from: \(reference(layer.source))") }
    if let operand = layer.operand {
      fields.append("\(layer.operation.operandKey): \(reference(operand))")
    }
    return fields
  }

  private func reference(_ value: Value) -> String {
    switch value {
    case .image: "image"
    case .layer(let index): network.layers[index].name
    }
  }

  // MARK: Reading

  /// Reads a file's text.
  ///
  /// - Throws: ``ExportError/badArchitecture(line:reason:)`` for the first thing that is wrong.
  public init(text: String) throws(ExportError) {
    let root: Node
    do {
      guard let node = try compose(yaml: text) else {
        throw ExportError.badArchitecture(line: 1, reason: "the file is empty")
      }
      root = node
    } catch let error as ExportError {
      throw error
    } catch {
      throw .badArchitecture(line: 1, reason: "it is not YAML")
    }
    guard try root.text("format") == Self.format else {
      throw .badArchitecture(line: 1, reason: "its format is not \(Self.format)")
    }
    let sides = try (root["input"]?.sequence ?? []).map { node throws(ExportError) in
      try node.number()
    }
    guard sides.count == 3 else { throw root.problem("input must list channels, height, width") }
    let input = Shape(channels: sides[0], height: sides[1], width: sides[2])

    var layers: [Layer] = []
    var work = 0.0
    for entry in root["layers"]?.sequence ?? [] {
      let layer = try Self.layer(entry, after: layers, input: input)
      work += layer.work
      guard work < 0x1p60 else { throw entry.problem("the network is too large to be counted") }
      layers.append(layer)
    }
    guard let last = layers.last else { throw root.problem("it has no layers") }
    let classes = try root.number("classes")
    guard last.output == Shape(channels: classes, height: 1, width: 1) else {
      throw root.problem("its last layer does not give \(classes) classes a score each")
    }
    name = try root.text("name")
    network = Network(input: input, layers: layers)
    sizes = try (root["decisions"]?.mapping.map { Array($0) } ?? []).map {
      pair throws(ExportError) in
      Size(decision: pair.key.string ?? "", size: try pair.value.number())
    }
  }

  private static func layer(
    _ entry: Node, after layers: [Layer], input: Shape
  ) throws(ExportError) -> Layer {
    func value(_ name: String) throws(ExportError) -> Value {
      if name == "image" { return .image }
      guard let index = layers.firstIndex(where: { $0.name == name }) else {
        throw entry.problem("there is no layer '\(name)' before it")
      }
      return .layer(index)
    }
    func shape(_ value: Value) -> Shape {
      switch value {
      case .image: input
      case .layer(let index): layers[index].output
      }
    }
    let name = try entry.text("name")
    guard !layers.contains(where: { $0.name == name }) else {
      throw entry.problem("'\(name)' stands twice")
    }
    let before = layers.isEmpty ? Value.image : .layer(layers.count - 1)
    let source = try entry["from"]?.string.map(value) ?? before
    let operation = try entry.operation(reading: shape(source), name: name)
    let operand = try entry[operation.operandKey]?.string.map(value)
    let read = shape(source)
    if let stated = entry["in"] {
      let actual = if case .linear = operation { read.count } else { read.channels }
      guard try stated.number() == actual else {
        throw entry.problem("'\(name)' reads \(actual) channels, not what `in` says")
      }
    }
    let output = operation.output(
      of: read, operand: operand.map(shape), channels: try entry["out"]?.number() ?? read.channels)
    if let misfit = operation.misfit(
      reading: read, operand: operand.map(shape), computing: output)
    {
      throw entry.problem("'\(name)' \(misfit)")
    }
    return Layer(
      name: name, operation: operation, source: source, operand: operand, input: read,
      output: output)
  }
}

extension Operation {
  /// The key under which a layer names its operand.
  fileprivate var operandKey: String {
    switch self {
    case .scale: "by"
    case .concatenate: "with"
    case .convolution, .normalize, .activate, .pool, .globalAveragePool, .linear: "add"
    }
  }
}

extension Node {
  /// Reads what an entry computes.
  fileprivate func operation(reading input: Shape, name: String) throws(ExportError) -> Operation {
    switch try text("op") {
    case "convolution":
      let groups = try number("groups")
      let channels = try number("out")
      let completion = try option("then", of: name) ?? ConvolutionOperation.Completion.normalization
      guard let activation = try option("activation", of: name) as Activation? else {
        throw problem("'activation' is missing")
      }
      return .convolution(
        ConvolutionOperation(
          kernel: try size("kernel"), stride: try size("stride"),
          grouping: .init(groups: groups, reading: input.channels, computing: channels),
          completion: completion, activation: activation))
    case "normalization":
      return .normalize(activation: try option("activation", of: name) ?? .none)
    case "activation":
      return .activate(try option("activation", of: name) ?? .none)
    case "max-pool", "average-pool":
      return .pool(
        PoolOperation(
          try text("op") == "max-pool" ? .max : .average, kernel: try size("kernel"),
          stride: try size("stride"), padding: try number("padding"),
          roundsUp: self["round"]?.string == "up"))
    case "global-average-pool":
      return .globalAveragePool
    case "linear":
      return .linear(activation: try option("activation", of: name) ?? .none)
    case "scale":
      return .scale
    case "concatenate":
      return .concatenate
    case let other:
      throw problem("'\(name)' is an unknown operation, '\(other)'")
    }
  }

  private func option<Option: RawRepresentable<String>>(
    _ key: String, of name: String
  ) throws(ExportError) -> Option? {
    guard let text = self[key]?.scalar?.string else { return nil }
    guard let option = Option(rawValue: text) else {
      throw problem("'\(name)' has an unknown \(key)")
    }
    return option
  }

  fileprivate func problem(_ reason: String) -> ExportError {
    .badArchitecture(line: mark?.line ?? 1, reason: reason)
  }

  fileprivate func number() throws(ExportError) -> Int {
    guard let text = scalar?.string, let number = Int(text), (0..<1 << 31).contains(number) else {
      throw problem("a number is missing")
    }
    return number
  }

  fileprivate func number(_ key: String) throws(ExportError) -> Int {
    guard let node = self[key] else { throw problem("'\(key)' is missing") }
    return try node.number()
  }

  /// The side or step of a window.
  private func size(_ key: String) throws(ExportError) -> Int {
    let size = try number(key)
    guard (1...1 << 10).contains(size) else { throw problem("'\(key)' cannot be \(size)") }
    return size
  }

  fileprivate func text(_ key: String) throws(ExportError) -> String {
    guard let text = self[key]?.scalar?.string else { throw problem("'\(key)' is missing") }
    return text
  }
}
