/// What layers have in common whose times differ only because of their channels.
public struct LayerKind: Hashable, Codable, Sendable {
  public let operation: Operation

  /// The sides of the map that is read.
  public let height: Int
  public let width: Int

  /// Whether a second value is taken, as by a residual sum.
  public let hasOperand: Bool

  /// The kind of a layer.
  public init(of layer: Layer) {
    operation = layer.operation
    height = layer.input.height
    width = layer.input.width
    hasOperand = layer.operand != nil
  }

  /// The channels that the time of such a layer depends on.
  public struct Channels: Hashable, Comparable, Codable, Sendable {
    /// How many are read; of those that two maps are put together to, how many there are.
    public let input: Int

    /// How many are computed; `nil` where ``input`` settles it.
    public let output: Int?

    public init(input: Int, output: Int?) {
      self.input = input
      self.output = output
    }

    public static func < (left: Channels, right: Channels) -> Bool {
      (left.input, left.output ?? 0) < (right.input, right.output ?? 0)
    }
  }

  /// The channels that the time of a layer of this kind depends on.
  func channels(of layer: Layer) -> Channels {
    switch operation {
    case .convolution(let convolution) where convolution.isDepthwise:
      Channels(input: layer.input.channels, output: nil)
    case .convolution, .linear:
      Channels(input: layer.input.channels, output: layer.output.channels)
    case .normalize, .activate, .pool, .globalAveragePool, .scale:
      Channels(input: layer.input.channels, output: nil)
    case .concatenate:
      Channels(input: layer.output.channels, output: nil)
    }
  }

  /// A layer of this kind, on its own: it reads the image.
  public func layer(of channels: Channels) -> Layer {
    var input = Shape(channels: channels.input, height: height, width: width)
    let whole = input
    if case .concatenate = operation { input.channels = max(1, channels.input / 2) }
    var output = operation.output(
      of: input, operand: hasOperand ? input : nil, channels: channels.output ?? channels.input)
    if case .concatenate = operation { output = whole }
    return Layer(
      name: "layer", operation: operation, source: .image, operand: hasOperand ? .image : nil,
      input: input, output: output)
  }

  /// The shape of the second value that a layer of this kind takes.
  public func operand(of layer: Layer) -> Shape? {
    guard hasOperand else { return nil }
    switch operation {
    case .scale: return Shape(channels: layer.input.channels, height: 1, width: 1)
    case .concatenate:
      return Shape(
        channels: layer.output.channels - layer.input.channels, height: height, width: width)
    default: return layer.output
    }
  }
}

extension SearchSpace {
  /// What the layers of the space's networks can be like, as far as their time depends on it.
  public var layerKinds: [(kind: LayerKind, channels: Set<LayerKind.Channels>)] {
    var places: [LayerKind: Int] = [:]
    var kinds: [(kind: LayerKind, channels: Set<LayerKind.Channels>)] = []
    forEachLayer { _, layers in
      for case let layer? in layers {
        let kind = LayerKind(of: layer)
        let place = places[kind] ?? kinds.count
        if place == kinds.count {
          kinds.append((kind, []))
          places[kind] = place
        }
        kinds[place].channels.insert(kind.channels(of: layer))
      }
    }
    return kinds
  }
}
