import SearchSpace
import SwiftProtobuf

/// Follows a graph's nodes and finds out what each computes.
struct ONNXGraphReader {
  let input: Shape
  let takesBytes: Bool

  private let graph: ONNXGraph
  private var constants: [String: ONNXConstant] = [:]
  private var values: [String: Value] = [:]
  private var elements = 0

  /// A value that is there by now.
  private struct Value {
    var index: Int
    var shape: Shape

    /// Whether it has two dimensions in place of four.
    var isFlat: Bool
  }

  init(_ graph: ONNXGraph) throws(ONNXError) {
    self.graph = graph
    guard graph.input.count == 1, graph.output.count == 1 else {
      throw ONNXError(
        .file, "has \(graph.input.count) inputs and \(graph.output.count) outputs, not one of each")
    }
    let info = graph.input[0]
    let dimensions = info.type.tensorType.shape.dim
    let sizes = dimensions.dropFirst().compactMap(\.size)
    guard dimensions.count == 4, sizes.count == 3 else {
      throw ONNXError(.value(info.name), "is not of shape [batch, channels, height, width]")
    }
    input = Shape(channels: sizes[0], height: sizes[1], width: sizes[2])
    switch info.type.tensorType.elemType {
    case .float: takesBytes = false
    case .uint8: takesBytes = true
    default: throw ONNXError(.value(info.name), "is neither of floats nor of bytes")
    }
    for tensor in graph.initializer {
      guard constants.updateValue(try ONNXConstant(tensor), forKey: tensor.name) == nil else {
        throw ONNXError(.tensor(tensor.name), "occurs twice")
      }
    }
    try add(info.name, Value(index: 0, shape: input, isFlat: false), .value(info.name))
  }

  mutating func readNodes() throws(ONNXError) -> [ONNXFile.Step] {
    var steps: [ONNXFile.Step] = []
    for node in graph.node {
      let place = ONNXError.Place.node(node.name.isEmpty ? node.opType : node.name)
      guard node.output.count == 1 else {
        throw ONNXError(place, "has \(node.output.count) outputs, not one")
      }
      guard node.domain.isEmpty || node.domain == "ai.onnx" else {
        throw ONNXError(place, "is of the domain \(ONNXError.quoted(node.domain))")
      }
      let (step, isFlat) = try ONNXNodeReader(node, place, self).step()
      steps.append(step)
      try add(node.output[0], Value(index: steps.count, shape: step.shape, isFlat: isFlat), place)
    }
    return steps
  }

  private mutating func add(
    _ name: String, _ value: Value, _ place: ONNXError.Place
  ) throws(ONNXError) {
    guard
      [value.shape.channels, value.shape.height, value.shape.width].allSatisfy({
        (1...1 << 20).contains($0)
      })
    else { throw ONNXError(place, "has an impossible shape") }
    let pixels = value.shape.height * value.shape.width  // at most 2⁴⁰
    let (count, overflow) = pixels.multipliedReportingOverflow(by: value.shape.channels)
    guard !overflow, count <= ONNXFile.highestElementCount - elements else {
      throw ONNXError(place, "makes the network too large to be computed")
    }
    elements += count
    guard constants[name] == nil, values.updateValue(value, forKey: name) == nil else {
      throw ONNXError(place, "computes \(ONNXError.quoted(name)), which is there already")
    }
  }

  /// The index of the output and the number of its classes.
  func output(after steps: [ONNXFile.Step]) throws(ONNXError) -> (Int, Int) {
    let info = graph.output[0]
    guard let value = values[info.name], value.isFlat, value.index > 0 else {
      throw ONNXError(.value(info.name), "is not computed as [batch, classes]")
    }
    let stated = info.type.tensorType.shape.dim
    guard stated.isEmpty || stated.count == 2 && stated[1].size == value.shape.channels else {
      throw ONNXError(.value(info.name), "has \(value.shape.channels) classes, not those stated")
    }
    return (value.index, value.shape.channels)
  }

  // MARK: What nodes read

  /// The value of a name, its shape and whether it has two dimensions.
  func value(
    _ name: String, _ place: ONNXError.Place
  ) throws(ONNXError) -> (index: Int, shape: Shape, isFlat: Bool) {
    guard let value = values[name] else {
      throw ONNXError(
        place, "reads \(ONNXError.quoted(name)), which nothing before it computes")
    }
    return (value.index, value.shape, value.isFlat)
  }

  func constant(_ name: String) -> ONNXConstant? { constants[name] }
}

/// Numbers that a file holds.
struct ONNXConstant: Sendable {
  let dimensions: [Int]
  let numbers: Numbers

  enum Numbers: Sendable {
    case floats([Float])
    case wholes([Int64])
  }

  /// Reads a tensor.
  ///
  /// - Throws: ``ONNXError`` if its numbers lie elsewhere or are not as many as its dimensions say.
  init(_ tensor: ONNXTensor) throws(ONNXError) {
    let place = ONNXError.Place.tensor(tensor.name)
    guard tensor.externalData.isEmpty, tensor.dataLocation == .default else {
      throw ONNXError(
        place, "lies in another file, which is not opened; save the model as one file")
    }
    var count = 1
    var dimensions: [Int] = []
    guard tensor.dims.count <= 8 else { throw ONNXError(place, "has too many dimensions") }
    for size in tensor.dims {
      let (product, overflow) = count.multipliedReportingOverflow(by: Int(size))
      guard size >= 0, !overflow, product <= ONNXFile.highestSize else {
        throw ONNXError(place, "has an impossible size of \(size)")
      }
      count = product
      dimensions.append(Int(size))
    }
    self.dimensions = dimensions
    let raw = tensor.rawData
    switch tensor.dataType {
    case .float:
      let floats =
        tensor.hasRawData ? try Self.numbers(raw, of: Float.self, place) : tensor.floatData
      guard floats.count == count else {
        throw ONNXError(place, "has \(floats.count) numbers for \(count) places")
      }
      numbers = .floats(floats)
    case .int64:
      let wholes =
        tensor.hasRawData ? try Self.numbers(raw, of: Int64.self, place) : tensor.int64Data
      guard wholes.count == count else {
        throw ONNXError(place, "has \(wholes.count) numbers for \(count) places")
      }
      numbers = .wholes(wholes)
    default:
      throw ONNXError(place, "is neither of 32-bit floats nor of 64-bit integers")
    }
  }

  private static func numbers<Number>(
    _ bytes: some Collection<UInt8>, of type: Number.Type, _ place: ONNXError.Place
  ) throws(ONNXError) -> [Number] {
    let size = MemoryLayout<Number>.size
    guard bytes.count % size == 0 else {
      throw ONNXError(place, "has \(bytes.count) bytes, a part of a number at the end")
    }
    return [Number](unsafeUninitializedCapacity: bytes.count / size) { buffer, count in
      UnsafeMutableRawBufferPointer(buffer).copyBytes(from: bytes)
      count = bytes.count / size
    }
  }
}

extension ONNXShape.Dimension {
  /// The size, if it is one that a value can have.
  fileprivate var size: Int? {
    if case .dimValue(let value) = value, (1...1 << 20).contains(value) { Int(value) } else { nil }
  }
}
