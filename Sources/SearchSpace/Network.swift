/// One concrete network: every layer with every size in it.
///
/// A ``SearchSpace`` and an ``Architecture`` make a network; from then on this value is what is
/// counted (``cost``), run, retrained and exported, so that none of them can disagree.
///
/// Layers are listed in the order in which they are computed. Each names the values it reads.
public struct Network: Hashable, Codable, Sendable {
  /// The shape of one input image.
  public let input: Shape

  /// The layers, first to last; the last one's output is the network's.
  public let layers: [Layer]

  /// Creates a network from layers that read only values computed before them.
  ///
  /// - Precondition: Every layer's shapes are those of the values it reads, and what its operation
  ///   makes of them (``Operation/misfit(reading:operand:computing:)``).
  public init(input: Shape, layers: [Layer]) {
    self.input = input
    self.layers = layers
    for (index, layer) in layers.enumerated() {
      let values = [layer.source] + (layer.operand.map { [$0] } ?? [])
      precondition(
        values.allSatisfy { $0.precedes(layer: index) }, "\(layer.name) reads a value ahead of it")
      precondition(
        shape(of: layer.source) == layer.input, "\(layer.name) does not fit the value it reads")
      let misfit = layer.operation.misfit(
        reading: layer.input, operand: layer.operand.map(shape), computing: layer.output)
      precondition(misfit == nil, "\(layer.name) \(misfit ?? "")")
    }
  }

  /// The number of outputs of the network, which are its classes.
  public var classes: Int { layers.last?.output.channels ?? input.channels }

  /// The shape of a value in this network.
  public func shape(of value: Value) -> Shape {
    switch value {
    case .image: input
    case .layer(let index): layers[index].output
    }
  }
}

/// The shape of one image's activation.
///
///     let image: Shape = [3, 32, 32]  // channels, height, width
public struct Shape: Hashable, Codable, Sendable, CustomStringConvertible,
  ExpressibleByArrayLiteral
{
  public var channels: Int
  public var height: Int
  public var width: Int

  public init(channels: Int, height: Int, width: Int) {
    self.channels = channels
    self.height = height
    self.width = width
  }

  /// Creates a shape from a literal of channels, height and width.
  ///
  /// - Precondition: There are three numbers.
  public init(arrayLiteral elements: Int...) {
    precondition(elements.count == 3, "a shape has three sizes, not \(elements.count)")
    self.init(channels: elements[0], height: elements[1], width: elements[2])
  }

  /// The number of elements of one image's activation.
  public var count: Int { channels * height * width }

  public var description: String { "\(channels)×\(height)×\(width)" }
}

/// A value in a network: the image or what a layer computes.
public enum Value: Hashable, Codable, Sendable {
  case image
  case layer(Int)

  func precedes(layer index: Int) -> Bool {
    switch self {
    case .image: true
    case .layer(let other): (0..<index).contains(other)
    }
  }
}

/// One layer: what it computes, from which values, and the shapes of both.
public struct Layer: Hashable, Codable, Sendable {
  /// A name such as `stage2.block1.expand`, unique in its network.
  ///
  /// Subnets of one supernet share parameters by this name.
  public let name: String

  public let operation: Operation

  /// The value the layer reads.
  public let source: Value

  /// The second value that the operation takes: what a convolution adds before its activation,
  /// the gates of a ``Operation/scale``, the channels that a ``Operation/concatenate`` appends.
  public let operand: Value?

  /// The shape read, for one image.
  public let input: Shape

  /// The shape computed, for one image.
  public let output: Shape

  public init(
    name: String, operation: Operation, source: Value, operand: Value? = nil, input: Shape,
    output: Shape
  ) {
    self.name = name
    self.operation = operation
    self.source = source
    self.operand = operand
    self.input = input
    self.output = output
  }

  /// Whether the layer normalises what it computes, and so has a mean and a variance.
  public var isNormalized: Bool {
    switch operation {
    case .convolution(let convolution): convolution.completion == .normalization
    case .normalize: true
    case .activate, .pool, .globalAveragePool, .linear, .scale, .concatenate: false
    }
  }
}
