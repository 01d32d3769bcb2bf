import Foundation
import Kernels
public import Networks
import SearchSpace
import SwiftProtobuf

/// How a network becomes an ONNX file.
public struct ONNXOptions: Hashable, Sendable {
  /// Whether the batch normalisations behind convolutions stay nodes of their own, as training goes
  /// on with them, instead of becoming part of the weights.
  public var keepsNormalization: Bool

  /// If given, the graph takes the bytes of images and normalises them itself.
  public var preprocessing: ExportReport.Preprocessing?

  public init(
    keepsNormalization: Bool = false, preprocessing: ExportReport.Preprocessing? = nil
  ) {
    self.keepsNormalization = keepsNormalization
    self.preprocessing = preprocessing
  }
}

extension TrainedNetwork {
  /// The network as a file of the Open Neural Network Exchange format: opset 17, IR version 8.
  ///
  /// The graph reads `image`, of shape `[batch, channels, height, width]`, and gives `logits`, of
  /// shape `[batch, classes]`; the batch is open. Its image is normalised, unless the options give
  /// the graph a ``ONNXOptions/preprocessing``. Every value between has its shape noted.
  ///
  /// - Parameters:
  ///   - name: What the graph is called.
  ///   - options: What goes into it.
  ///   - metadata: Words about it, in the order that they shall have.
  /// - Returns: The bytes of the file: the same for the same network.
  public func onnx(
    name: String, options: ONNXOptions = .init(), metadata: KeyValuePairs<String, String> = [:]
  ) -> [UInt8] {
    var writer = ONNXWriter(self, options)
    writer.writeLayers()
    var model = ONNXModel()
    model.irVersion = ONNXFormat.irVersion
    model.producerName = "nas"
    model.modelVersion = 1
    var operators = ONNXOperatorSet()
    operators.domain = ""
    operators.version = ONNXFormat.opset
    model.opsetImport = [operators]
    model.metadataProps = metadata.map { key, value in
      var property = ONNXProperty()
      property.key = key
      property.value = value
      return property
    }
    model.graph = writer.graph
    model.graph.name = name
    do {
      return [UInt8](try model.serializedData() as Data)
    } catch {
      // Only required fields and extensions can be missing, and there are none.
      preconditionFailure("\(name) cannot be written: \(error)")
    }
  }
}

/// Writes a network's layers as nodes.
private struct ONNXWriter {
  private typealias Wire = ONNXGraphWriter.Wire
  private typealias Attribute = ONNXGraphWriter.Attribute

  var graph: ONNXGraph { nodes.graph }

  private var nodes = ONNXGraphWriter()
  private let trained: TrainedNetwork
  private let options: ONNXOptions

  /// What each layer computes.
  private var values: [Wire] = []
  private var image: Wire

  init(_ trained: TrainedNetwork, _ options: ONNXOptions) {
    self.trained = trained
    self.options = options
    image = Wire(name: ONNXFormat.input, shape: trained.network.input)
    nodes.takeInput(
      image, options.preprocessing == nil ? .float : .uint8,
      meaning: options.preprocessing == nil
        ? "(pixel / 255 - mean) / deviation, by channel" : "pixels from 0 to 255")
    if let preprocessing = options.preprocessing { normalizeImage(by: preprocessing) }
  }

  private mutating func normalizeImage(by preprocessing: ExportReport.Preprocessing) {
    let figures = zip(preprocessing.mean, preprocessing.deviation)
    let channels = [1, image.shape.channels, 1, 1]
    let bytes = image
    image = nodes.add(
      "Cast", "image/float", [bytes], [.number("to", ONNXTensor.DataType.float.rawValue)])
    let scale = nodes.constant(
      "image.scale", channels, figures.map { Float(1 / (255 * $1)) })
    image = nodes.add("Mul", "image/scaled", [image], reading: [scale])
    let shift = nodes.constant("image.shift", channels, figures.map { Float(-$0 / $1) })
    image = nodes.add("Add", "image/normalized", [image], reading: [shift])
  }

  // MARK: Layers

  mutating func writeLayers() {
    for (layer, statistics) in zip(trained.network.layers, trained.statistics) {
      let value = write(layer, statistics)
      values.append(value)
    }
    guard let last = values.last else { return }
    nodes.giveOutput(last.isFlat ? last : flattened(last, for: ONNXFormat.output))
  }

  private func value(_ value: Value) -> Wire {
    switch value {
    case .image: image
    case .layer(let index): values[index]
    }
  }

  private mutating func write(_ layer: Layer, _ statistics: ChannelStatistics?) -> Wire {
    let source = value(layer.source)
    let operand = layer.operand.map(value)
    switch layer.operation {
    case .convolution(let convolution):
      let sums = write(layer, convolution, statistics, of: map(source))
      let total =
        if let operand { nodes.add("Add", "\(layer.name)/sum", [sums, map(operand)]) } else { sums }
      return activated(total, by: convolution.activation, of: layer)
    case .normalize(let activation):
      let normalized = normalized(source, by: layer, statistics)
      return activated(normalized, by: activation, of: layer)
    case .activate(let activation):
      return activated(source, by: activation, of: layer)
    case .pool(let pool):
      return write(layer, pool, of: map(source))
    case .globalAveragePool:
      return nodes.add(
        "GlobalAveragePool", "\(layer.name)/mean", [map(source)], computing: layer.output)
    case .linear(let activation):
      let product = writeLinear(layer, of: source)
      return activated(product, by: activation, of: layer)
    case .scale:
      guard let operand else { return source }
      return nodes.add("Mul", "\(layer.name)/scaled", alike(source, operand))
    case .concatenate:
      guard let operand else { return source }
      return nodes.add(
        "Concat", "\(layer.name)/joined", alike(source, operand), [.number("axis", 1)],
        computing: layer.output)
    }
  }

  private mutating func write(
    _ layer: Layer, _ convolution: ConvolutionOperation, _ statistics: ChannelStatistics?,
    of source: Wire
  ) -> Wire {
    let arrays = trained.arrays(of: layer)
    var weights = arrays["weight"] ?? []
    var bias = arrays["bias"]
    let folds = !options.keepsNormalization && convolution.completion == .normalization
    if folds, let statistics {
      (weights, bias) = folded(weights, arrays, statistics)
    }
    let groups = convolution.grouping.count(channels: layer.input.channels)
    let window = [convolution.kernel, convolution.kernel]
    let sizes = [layer.output.channels, layer.input.channels / groups] + window
    var constants = [nodes.constant("\(layer.name).weight", sizes, weights)]
    if let bias { constants.append(nodes.constant("\(layer.name).bias", [bias.count], bias)) }
    let sums = nodes.add(
      "Conv", "\(layer.name)/convolution", [source], reading: constants,
      [
        .numbers("kernel_shape", window),
        .numbers("strides", [convolution.stride, convolution.stride]),
        .numbers("pads", [Int](repeating: convolution.kernel / 2, count: 4)),
        .numbers("dilations", [1, 1]), .number("group", groups),
      ], computing: layer.output)
    guard convolution.completion == .normalization, options.keepsNormalization else { return sums }
    return normalized(sums, by: layer, statistics)
  }

  /// The weights and bias of a convolution that gives at once what its normalisation would make of
  /// it: with factor = γ / √(variance + ε), the weights times the factor and β - mean · factor.
  private func folded(
    _ weights: [Float], _ arrays: [String: [Float]], _ statistics: ChannelStatistics
  ) -> ([Float], [Float]) {
    let scale = arrays["norm.weight"] ?? []
    let shift = arrays["norm.bias"] ?? []
    let factors = scale.indices.map { channel in
      Double(scale[channel])
        / (Double(statistics.variance[channel]) + Double(normalizationEpsilon)).squareRoot()
    }
    let size = weights.count / max(1, factors.count)
    return (
      weights.indices.map { Float(Double(weights[$0]) * factors[$0 / size]) },
      factors.indices.map { Float(Double(shift[$0]) - Double(statistics.mean[$0]) * factors[$0]) }
    )
  }

  private mutating func normalized(
    _ source: Wire, by layer: Layer, _ statistics: ChannelStatistics?
  ) -> Wire {
    let arrays = trained.arrays(of: layer)
    let constants = [
      ("norm.weight", arrays["norm.weight"]), ("norm.bias", arrays["norm.bias"]),
      ("norm.running_mean", statistics?.mean), ("norm.running_var", statistics?.variance),
    ].map { suffix, values in
      nodes.constant("\(layer.name).\(suffix)", [source.shape.channels], values ?? [])
    }
    return nodes.add(
      "BatchNormalization", "\(layer.name)/normalized", [source], reading: constants,
      [.decimal("epsilon", normalizationEpsilon)])
  }

  private mutating func writeLinear(_ layer: Layer, of source: Wire) -> Wire {
    let arrays = trained.arrays(of: layer)
    let input = source.isFlat ? source : flattened(source, for: layer.name)
    let sizes = [layer.output.channels, layer.input.count]
    let constants = [
      nodes.constant("\(layer.name).weight", sizes, arrays["weight"] ?? []),
      nodes.constant("\(layer.name).bias", [layer.output.channels], arrays["bias"] ?? []),
    ]
    var product = Wire(name: "\(layer.name)/product", shape: layer.output)
    product.isFlat = true
    return nodes.add(
      "Gemm", [input.name] + constants, computing: product, [.number("transB", 1)])
  }

  /// Writes a pooling, padded behind by just what its last window needs.
  ///
  /// That says the same as rounding up, in which runtimes of different age disagree.
  private mutating func write(_ layer: Layer, _ pool: PoolOperation, of source: Wire) -> Wire {
    func behind(_ side: Int, _ computed: Int) -> Int {
      max(0, (computed - 1) * pool.stride + pool.kernel - side - pool.padding)
    }
    let pads = [
      pool.padding, pool.padding, behind(layer.input.height, layer.output.height),
      behind(layer.input.width, layer.output.width),
    ]
    var attributes: [Attribute] = [
      .numbers("kernel_shape", [pool.kernel, pool.kernel]),
      .numbers("strides", [pool.stride, pool.stride]), .numbers("pads", pads),
    ]
    if pool.kind == .average { attributes.append(.number("count_include_pad", 0)) }
    return nodes.add(
      pool.kind == .max ? "MaxPool" : "AveragePool", "\(layer.name)/pooled", [source], attributes,
      computing: layer.output)
  }

  private mutating func activated(
    _ source: Wire, by activation: Activation, of layer: Layer
  ) -> Wire {
    let name = "\(layer.name)/\(activation.rawValue)"
    switch activation {
    case .none: return source
    case .relu: return nodes.add("Relu", name, [source])
    case .relu6:
      let limits = [
        nodes.constant("\(layer.name).least", [], [0]),
        nodes.constant("\(layer.name).most", [], [6]),
      ]
      return nodes.add("Clip", name, [source], reading: limits)
    case .hardSwish: return nodes.add("HardSwish", name, [source])
    case .sigmoid: return nodes.add("Sigmoid", name, [source])
    case .swish:
      let gate = nodes.add("Sigmoid", "\(layer.name)/sigmoid", [source])
      return nodes.add("Mul", name, [source, gate])
    }
  }

  // MARK: Dimensions

  private mutating func flattened(_ source: Wire, for reader: String) -> Wire {
    var flat = Wire(name: "\(reader)/flat", shape: source.shape)
    flat.isFlat = true
    flat.shape = Shape(channels: source.shape.count, height: 1, width: 1)
    return nodes.add("Flatten", [source.name], computing: flat, [.number("axis", 1)])
  }

  /// A value with four dimensions.
  private mutating func map(_ source: Wire) -> Wire {
    guard source.isFlat else { return source }
    var map = source
    map.name = "\(source.name)/map"
    map.isFlat = false
    if nodes.hasValue(map.name) { return map }
    let axes = nodes.constant("\(source.name)/axes", [2, 3])
    return nodes.add("Unsqueeze", [source.name, axes], computing: map, [])
  }

  /// Two values with the same number of dimensions.
  private mutating func alike(_ first: Wire, _ second: Wire) -> [Wire] {
    first.isFlat && second.isFlat ? [first, second] : [map(first), map(second)]
  }
}
