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
  /// - Precondition: Every layer's ``Layer/input`` is the shape of the value it reads, and an
  ///   addend has the shape of the sum.
  public init(input: Shape, layers: [Layer]) {
    self.input = input
    self.layers = layers
    for (index, layer) in layers.enumerated() {
      precondition(
        shape(of: layer.source) == layer.input, "\(layer.name) does not fit the value it reads")
      precondition(layer.source.precedes(layer: index), "\(layer.name) reads a value ahead of it")
      if case .convolution(let convolution) = layer.operation, convolution.isDepthwise {
        precondition(
          layer.input.channels == layer.output.channels, "\(layer.name) changes the channels")
      }
      if let addend = layer.addend {
        precondition(addend.precedes(layer: index), "\(layer.name) adds a value ahead of it")
        precondition(shape(of: addend) == layer.output, "\(layer.name) adds another shape")
      }
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
public struct Shape: Hashable, Codable, Sendable, CustomStringConvertible {
  public var channels: Int
  public var height: Int
  public var width: Int

  public init(channels: Int, height: Int, width: Int) {
    self.channels = channels
    self.height = height
    self.width = width
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

  /// A value added before the activation: the other branch of a residual sum.
  public let addend: Value?

  /// The shape read, for one image.
  public let input: Shape

  /// The shape computed, for one image.
  public let output: Shape

  public init(
    name: String, operation: Operation, source: Value, addend: Value? = nil, input: Shape,
    output: Shape
  ) {
    self.name = name
    self.operation = operation
    self.source = source
    self.addend = addend
    self.input = input
    self.output = output
  }
}

/// What a layer computes.
public enum Operation: Hashable, Codable, Sendable {
  /// Convolution without bias, batch normalisation, an optional residual sum, activation.
  case convolution(ConvolutionOperation)

  /// The mean over height and width of each channel.
  case globalAveragePool

  /// A matrix product with bias.
  case linear
}

/// The settings of a convolution layer; its sizes are the layer's shapes.
public struct ConvolutionOperation: Hashable, Codable, Sendable {
  /// The side of the square window; padding is half of it, rounded down.
  public var kernel: Int

  /// The step of the window in both directions.
  public var stride: Int

  /// Whether each channel is convolved on its own.
  public var isDepthwise: Bool

  public var activation: Activation

  public init(kernel: Int, stride: Int = 1, isDepthwise: Bool = false, activation: Activation) {
    self.kernel = kernel
    self.stride = stride
    self.isDepthwise = isDepthwise
    self.activation = activation
  }
}

/// The function applied to each element of a layer's output.
public enum Activation: String, Hashable, Codable, Sendable, CaseIterable {
  /// The identity.
  case none
  /// max(x, 0)
  case relu
  /// min(max(x, 0), 6)
  case relu6
}
