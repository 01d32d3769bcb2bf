public import SearchSpace
import Yams

/// A concrete network as a YAML file: every layer with every size, to read and to rebuild.
///
///     layers:
///       - {name: stem, op: convolution, in: 1, out: 16, kernel: 3, stride: 2, groups: 1, …}
///
/// A layer reads the one before it unless `from` names another; `add` names the layer whose output
/// is added before the activation. A convolution has no bias, is padded by half its kernel and is
/// followed by batch normalisation with ε = 10⁻⁵.
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

  public init(name: String, network: Network, sizes: [Size]) {
    self.name = name
    self.network = network
    self.sizes = sizes
  }

  // MARK: Writing

  /// The file's text.
  public var text: String {
    let cost = network.cost
    var lines = [
      "# A network found by nas. Each layer reads the one before it unless `from` names another;",
      "# `add` names the layer whose output is added before the activation. Convolutions have no",
      "# bias, are padded by half their kernel and are followed by batch normalisation (eps 1e-5).",
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
      lines.append("  - {\(fields(of: layer, at: index).joined(separator: ", "))}")
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
        "groups: \(convolution.isDepthwise ? layer.input.channels : 1)",
        "activation: \(convolution.activation.rawValue)",
      ]
    case .globalAveragePool:
      fields += ["op: global-average-pool"]
    case .linear:
      fields += ["op: linear", "in: \(layer.input.count)", "out: \(layer.output.channels)"]
    }
    let before = index == 0 ? Value.image : .layer(index - 1)
    if layer.source != before { fields.append("from: \(reference(layer.source))") }
    if let addend = layer.addend { fields.append("add: \(reference(addend))") }
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
    for entry in root["layers"]?.sequence ?? [] {
      layers.append(try Self.layer(entry, after: layers, input: input))
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
    let addend = try entry["add"]?.string.map(value)
    let read = shape(source)

    let operation: Operation
    var channels = read.channels
    switch try entry.text("op") {
    case "convolution":
      let groups = try entry.number("groups")
      let kernel = try entry.number("kernel")
      let stride = try entry.number("stride")
      channels = try entry.number("out")
      guard let activation = Activation(rawValue: try entry.text("activation")) else {
        throw entry.problem("'\(name)' has an unknown activation")
      }
      guard groups == 1 || (groups == read.channels && channels == groups) else {
        throw entry.problem("'\(name)' has \(groups) groups of \(read.channels) channels")
      }
      guard kernel % 2 == 1, kernel > 0, (1...kernel + 1).contains(stride), channels > 0 else {
        throw entry.problem("'\(name)' has impossible sizes")
      }
      operation = .convolution(
        ConvolutionOperation(
          kernel: kernel, stride: stride, isDepthwise: groups > 1, activation: activation))
    case "global-average-pool":
      operation = .globalAveragePool
    case "linear":
      channels = try entry.number("out")
      operation = .linear
    case let other:
      throw entry.problem("'\(name)' is an unknown operation, '\(other)'")
    }
    if let stated = entry["in"] {
      let actual = operation == .linear ? read.count : read.channels
      guard try stated.number() == actual else {
        throw entry.problem("'\(name)' reads \(actual) channels, not what `in` says")
      }
    }
    let output = operation.output(of: read, channels: channels)
    if let addend, shape(addend) != output {
      throw entry.problem("'\(name)' adds a value of another shape")
    }
    return Layer(
      name: name, operation: operation, source: source, addend: addend, input: read,
      output: output)
  }
}

extension Node {
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

  fileprivate func text(_ key: String) throws(ExportError) -> String {
    guard let text = self[key]?.scalar?.string else { throw problem("'\(key)' is missing") }
    return text
  }
}
