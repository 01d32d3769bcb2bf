import Foundation
import SearchSpace

/// What files of ours say about their format.
enum ONNXFormat {
  static let irVersion: Int64 = 8
  static let opset: Int64 = 17
  static let input = "image"
  static let output = "logits"
  static let batch = "batch"
}

/// Puts a graph together, node by node, and notes the shape of every value.
struct ONNXGraphWriter {
  private(set) var graph = ONNXGraph()

  /// A value of the graph.
  struct Wire {
    var name: String
    var shape: Shape

    /// Whether it has two dimensions, `[batch, channels]`, in place of four.
    var isFlat = false

    var dimensions: [Int] {
      isFlat ? [shape.count] : [shape.channels, shape.height, shape.width]
    }
  }

  /// Adds the image that the graph reads.
  mutating func takeInput(
    _ wire: Wire, _ type: ONNXTensor.DataType, meaning: String
  ) {
    var input = info(of: wire, type)
    input.docString = meaning
    graph.input = [input]
  }

  /// Makes a value the output of the graph, under the output's name.
  mutating func giveOutput(_ wire: Wire) {
    func renamed(_ names: [String]) -> [String] {
      names.map { $0 == wire.name ? ONNXFormat.output : $0 }
    }
    for index in graph.node.indices {
      graph.node[index].input = renamed(graph.node[index].input)
      graph.node[index].output = renamed(graph.node[index].output)
    }
    graph.valueInfo.removeAll { $0.name == wire.name }
    var output = wire
    output.name = ONNXFormat.output
    graph.output = [info(of: output)]
  }

  /// Whether a node computes a value of this name.
  func hasValue(_ name: String) -> Bool { graph.valueInfo.contains { $0.name == name } }

  enum Attribute {
    case number(String, Int)
    case numbers(String, [Int])
    case decimal(String, Float)

    var message: ONNXAttribute {
      var attribute = ONNXAttribute()
      switch self {
      case .number(let name, let value):
        attribute.name = name
        attribute.type = .int
        attribute.i = Int64(value)
      case .numbers(let name, let values):
        attribute.name = name
        attribute.type = .ints
        attribute.ints = values.map(Int64.init)
      case .decimal(let name, let value):
        attribute.name = name
        attribute.type = .float
        attribute.f = value
      }
      return attribute
    }
  }

  /// Adds a node that reads values and constants, and computes a value of the given shape, by
  /// default that of the first value that it reads.
  mutating func add(
    _ type: String, _ name: String, _ inputs: [Wire], reading constants: [String] = [],
    _ attributes: [Attribute] = [], computing shape: Shape? = nil
  ) -> Wire {
    var output = inputs[0]
    output.name = name
    if let shape { output.shape = shape }
    return add(type, inputs.map(\.name) + constants, computing: output, attributes)
  }

  mutating func add(
    _ type: String, _ inputs: [String], computing output: Wire, _ attributes: [Attribute]
  ) -> Wire {
    var node = ONNXNode()
    node.opType = type
    node.name = output.name
    node.input = inputs
    node.output = [output.name]
    node.attribute = attributes.map(\.message)
    graph.node.append(node)
    graph.valueInfo.append(info(of: output))
    return output
  }

  private func info(of wire: Wire, _ type: ONNXTensor.DataType = .float) -> ONNXValueInfo {
    var batch = ONNXShape.Dimension()
    batch.dimParam = ONNXFormat.batch
    var info = ONNXValueInfo()
    info.name = wire.name
    info.type.tensorType.elemType = type
    info.type.tensorType.shape.dim =
      [batch]
      + wire.dimensions.map { size in
        var dimension = ONNXShape.Dimension()
        dimension.dimValue = Int64(size)
        return dimension
      }
    return info
  }

  mutating func constant(_ name: String, _ sizes: [Int], _ values: [Float]) -> String {
    precondition(
      values.count == sizes.reduce(1, *), "'\(name)' has \(values.count) values for \(sizes)")
    // Little-endian, as every processor is that this engine has loops for.
    add(name, sizes, .float, values.withUnsafeBytes { Data($0) })
    return name
  }

  mutating func constant(_ name: String, _ values: [Int64]) -> String {
    add(name, [values.count], .int64, values.withUnsafeBytes { Data($0) })
    return name
  }

  private mutating func add(
    _ name: String, _ sizes: [Int], _ type: ONNXTensor.DataType, _ bytes: Data
  ) {
    var tensor = ONNXTensor()
    tensor.name = name
    tensor.dims = sizes.map(Int64.init)
    tensor.dataType = type
    tensor.rawData = bytes
    graph.initializer.append(tensor)
  }
}
