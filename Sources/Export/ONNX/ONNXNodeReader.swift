import SearchSpace
import SwiftProtobuf

/// Finds out what one node computes.
struct ONNXNodeReader {
  private let node: ONNXNode
  private let place: ONNXError.Place
  private let graph: ONNXGraphReader

  init(_ node: ONNXNode, _ place: ONNXError.Place, _ graph: ONNXGraphReader) {
    self.node = node
    self.place = place
    self.graph = graph
  }

  /// The node as a step, and whether what it computes has two dimensions.
  func step() throws(ONNXError) -> (ONNXFile.Step, isFlat: Bool) {
    switch node.opType {
    case "Conv": return try convolution()
    case "BatchNormalization": return try normalization()
    case "Relu": return try activation(.relu)
    case "Sigmoid": return try activation(.sigmoid)
    case "HardSwish": return try activation(.hardSwish)
    case "Clip":
      try require(inputs: 3...3)
      guard try floats(1, [[]]) == [0], try floats(2, [[]]) == [6] else {
        throw problem("does not clip to 0 … 6")
      }
      return try activation(.relu6, inputs: 3)
    case "MaxPool": return try pool(.max)
    case "AveragePool": return try pool(.average)
    case "GlobalAveragePool":
      try require(inputs: 1...1)
      let x = try map(0)
      let mean = Shape(channels: x.shape.channels, height: 1, width: 1)
      return (.init(operation: .globalPool, inputs: [x.index], shape: mean), false)
    case "Gemm": return try linear()
    case "Add": return try sum()
    case "Mul": return try product()
    case "Concat": return try concatenation()
    case "Flatten":
      try require(inputs: 1...1, attributes: ["axis"])
      let x = try graph.value(node.input[0], place)
      guard number("axis", or: 1) == 1 else { throw problem("keeps more than the batch") }
      let flat = Shape(channels: x.shape.count, height: 1, width: 1)
      return (.init(operation: .flatten, inputs: [x.index], shape: flat), true)
    case "Unsqueeze":
      try require(inputs: 2...2)
      let x = try graph.value(node.input[0], place)
      guard x.isFlat, case .wholes([2, 3])? = graph.constant(node.input[1])?.numbers else {
        throw problem("does not make a map of a vector")
      }
      return (.init(operation: .same, inputs: [x.index], shape: x.shape), false)
    case "Cast":
      try require(inputs: 1...1, attributes: ["to"])
      let x = try graph.value(node.input[0], place)
      guard x.index == 0, number("to", or: 0) == ONNXTensor.DataType.float.rawValue else {
        throw problem("does not make floats of the image")
      }
      return (.init(operation: .same, inputs: [0], shape: x.shape), x.isFlat)
    default:
      throw problem("is an unknown operation, \(ONNXError.quoted(node.opType))")
    }
  }

  // MARK: Operations

  private func convolution() throws(ONNXError) -> (ONNXFile.Step, isFlat: Bool) {
    try require(
      inputs: 2...3,
      attributes: ["kernel_shape", "strides", "pads", "dilations", "group", "auto_pad"])
    let x = try map(0)
    guard let weights = graph.constant(node.input[1]), weights.dimensions.count == 4,
      case .floats(let numbers) = weights.numbers
    else { throw problem("has no weights of four dimensions") }
    let kernel = weights.dimensions[2]
    let stride = list("strides", or: [1, 1])
    let groups = number("group", or: 1)
    let (outputs, inputs) = (weights.dimensions[0], weights.dimensions[1])
    guard weights.dimensions[3] == kernel, stride.count == 2, stride[0] == stride[1],
      list("kernel_shape", or: [kernel, kernel]) == [kernel, kernel],
      list("pads", or: [0, 0, 0, 0]) == [Int](repeating: kernel / 2, count: 4),
      list("dilations", or: [1, 1]) == [1, 1], attribute("auto_pad") == nil,
      (1...1 << 20).contains(groups), (1...1 << 10).contains(stride[0]), kernel < 1 << 10,
      inputs <= x.shape.channels, inputs * groups == x.shape.channels
    else { throw problem("is not of a square window, padded by half of it, over all channels") }
    let convolution = ConvolutionOperation(
      kernel: kernel, stride: stride[0],
      grouping: .init(groups: groups, reading: x.shape.channels, computing: outputs),
      completion: .bias, activation: .none)
    let operation = Operation.convolution(convolution)
    let output = operation.output(of: x.shape, channels: outputs)
    if let misfit = operation.misfit(reading: x.shape, operand: nil, computing: output) {
      throw problem(misfit)
    }
    let bias = node.input.count == 3 ? try floats(2, [[outputs]]) : nil
    return (
      .init(
        operation: .convolution(convolution, weights: numbers, bias: bias), inputs: [x.index],
        shape: output), false
    )
  }

  private func normalization() throws(ONNXError) -> (ONNXFile.Step, isFlat: Bool) {
    try require(inputs: 5...5, attributes: ["epsilon"])
    let x = try graph.value(node.input[0], place)
    let sizes = [[x.shape.channels]]
    let (scale, shift) = (try floats(1, sizes), try floats(2, sizes))
    let (mean, variance) = (try floats(3, sizes), try floats(4, sizes))
    let epsilon = Double(attribute("epsilon")?.f ?? 1e-5)
    let factors = scale.indices.map {
      Double(scale[$0]) / (Double(variance[$0]) + epsilon).squareRoot()
    }
    let step = ONNXFile.Step(
      operation: .affine(
        scale: factors.map { Float($0) },
        shift: factors.indices.map { Float(Double(shift[$0]) - Double(mean[$0]) * factors[$0]) }),
      inputs: [x.index], shape: x.shape)
    return (step, x.isFlat)
  }

  private func activation(
    _ activation: Activation, inputs: Int = 1
  ) throws(ONNXError) -> (ONNXFile.Step, isFlat: Bool) {
    try require(inputs: inputs...inputs)
    let x = try graph.value(node.input[0], place)
    return (
      .init(operation: .activation(activation), inputs: [x.index], shape: x.shape), x.isFlat
    )
  }

  private func pool(_ kind: PoolOperation.Kind) throws(ONNXError) -> (ONNXFile.Step, isFlat: Bool) {
    try require(
      inputs: 1...1, attributes: ["kernel_shape", "strides", "pads", "count_include_pad"])
    let x = try map(0)
    let kernel = list("kernel_shape", or: [])
    let stride = list("strides", or: [1, 1])
    let pads = list("pads", or: [0, 0, 0, 0])
    guard kernel.count == 2, kernel[0] == kernel[1], (1...1 << 10).contains(kernel[0]),
      stride.count == 2, stride[0] == stride[1], (1...1 << 10).contains(stride[0]),
      pads.count == 4, pads[0] == pads[1], pads.allSatisfy((0..<kernel[0]).contains),
      pads[0] <= kernel[0] / 2, number("count_include_pad", or: 0) == 0
    else { throw problem("is not of a square window over what lies on the map") }
    func side(_ side: Int, _ behind: Int) -> Int {
      (side + pads[0] + behind - kernel[0]) / stride[0] + 1
    }
    let output = Shape(
      channels: x.shape.channels, height: side(x.shape.height, pads[2]),
      width: side(x.shape.width, pads[3]))
    guard x.shape.height + pads[0] + pads[2] >= kernel[0],
      x.shape.width + pads[1] + pads[3] >= kernel[0],
      (output.height - 1) * stride[0] < x.shape.height + pads[0],
      (output.width - 1) * stride[0] < x.shape.width + pads[1]
    else { throw problem("has a window beyond the map") }
    let pool = PoolOperation(kind, kernel: kernel[0], stride: stride[0], padding: pads[0])
    return (.init(operation: .pool(pool), inputs: [x.index], shape: output), false)
  }

  private func linear() throws(ONNXError) -> (ONNXFile.Step, isFlat: Bool) {
    try require(inputs: 2...3, attributes: ["transA", "transB", "alpha", "beta"])
    let x = try graph.value(node.input[0], place)
    guard x.isFlat, let weights = graph.constant(node.input[1]), weights.dimensions.count == 2,
      weights.dimensions[1] == x.shape.count, case .floats(let numbers) = weights.numbers,
      number("transA", or: 0) == 0, number("transB", or: 0) == 1,
      attribute("alpha")?.f ?? 1 == 1, attribute("beta")?.f ?? 1 == 1
    else { throw problem("is not a vector times the transposed weights") }
    let bias = node.input.count == 3 ? try floats(2, [[weights.dimensions[0]]]) : nil
    let output = Shape(channels: weights.dimensions[0], height: 1, width: 1)
    return (
      .init(
        operation: .linear(weights: numbers, bias: bias), inputs: [x.index], shape: output), true
    )
  }

  private func sum() throws(ONNXError) -> (ONNXFile.Step, isFlat: Bool) {
    if let (x, shift) = try channelConstant() {
      let ones = [Float](repeating: 1, count: shift.count)
      return (
        .init(operation: .affine(scale: ones, shift: shift), inputs: [x.index], shape: x.shape),
        false
      )
    }
    let (x, y) = try pair()
    guard x.shape == y.shape, x.isFlat == y.isFlat else { throw problem("adds unlike shapes") }
    return (.init(operation: .add, inputs: [x.index, y.index], shape: x.shape), x.isFlat)
  }

  private func product() throws(ONNXError) -> (ONNXFile.Step, isFlat: Bool) {
    if let (x, scale) = try channelConstant() {
      let zeros = [Float](repeating: 0, count: scale.count)
      return (
        .init(operation: .affine(scale: scale, shift: zeros), inputs: [x.index], shape: x.shape),
        false
      )
    }
    let (x, y) = try pair()
    guard x.isFlat == y.isFlat else { throw problem("multiplies unlike shapes") }
    if x.shape == y.shape {
      return (.init(operation: .multiply, inputs: [x.index, y.index], shape: x.shape), x.isFlat)
    }
    guard y.shape == Shape(channels: x.shape.channels, height: 1, width: 1) else {
      throw problem("multiplies unlike shapes")
    }
    return (.init(operation: .gate, inputs: [x.index, y.index], shape: x.shape), x.isFlat)
  }

  private func concatenation() throws(ONNXError) -> (ONNXFile.Step, isFlat: Bool) {
    let (x, y) = try pair(attributes: ["axis"])
    guard x.isFlat == y.isFlat, number("axis", or: 0) == 1,
      (x.shape.height, x.shape.width) == (y.shape.height, y.shape.width)
    else { throw problem("does not join the channels of two maps") }
    var output = x.shape
    output.channels += y.shape.channels
    return (.init(operation: .concatenate, inputs: [x.index, y.index], shape: output), x.isFlat)
  }

  // MARK: Inputs and attributes

  private func problem(_ reason: String) -> ONNXError { ONNXError(place, reason) }

  /// Checks that a node has so many inputs and no attributes but these, each once.
  private func require(
    inputs: ClosedRange<Int>, attributes known: Set<String> = []
  ) throws(ONNXError) {
    guard inputs.contains(node.input.count) else {
      throw problem("has \(node.input.count) inputs")
    }
    var seen: Set<String> = []
    for attribute in node.attribute {
      guard known.contains(attribute.name) else {
        throw problem("has an unknown attribute, \(ONNXError.quoted(attribute.name))")
      }
      guard seen.insert(attribute.name).inserted else {
        throw problem("has \(ONNXError.quoted(attribute.name)) twice")
      }
    }
  }

  private typealias Read = (index: Int, shape: Shape, isFlat: Bool)

  private func map(_ place: Int) throws(ONNXError) -> Read {
    let x = try graph.value(node.input[place], self.place)
    guard !x.isFlat else { throw problem("reads a vector as a map") }
    return x
  }

  private func pair(attributes: Set<String> = []) throws(ONNXError) -> (Read, Read) {
    try require(inputs: 2...2, attributes: attributes)
    return (try graph.value(node.input[0], place), try graph.value(node.input[1], place))
  }

  /// A map and a constant number for each of its channels, if those are the inputs.
  private func channelConstant() throws(ONNXError) -> (Read, [Float])? {
    try require(inputs: 2...2)
    guard graph.constant(node.input[1]) != nil else { return nil }
    let x = try map(0)
    return (x, try floats(1, [[1, x.shape.channels, 1, 1], [x.shape.channels, 1, 1]]))
  }

  /// The floats of a constant of one of these shapes.
  private func floats(_ input: Int, _ shapes: [[Int]]) throws(ONNXError) -> [Float] {
    guard let constant = graph.constant(node.input[input]), shapes.contains(constant.dimensions),
      case .floats(let numbers) = constant.numbers
    else {
      throw problem(
        "reads \(ONNXError.quoted(node.input[input])), which is no constant of its shape")
    }
    return numbers
  }

  private func attribute(_ name: String) -> ONNXAttribute? {
    node.attribute.first { $0.name == name }
  }

  private func number(_ name: String, or standard: Int) -> Int {
    guard let attribute = attribute(name) else { return standard }
    return Int(attribute.i)
  }

  private func list(_ name: String, or standard: [Int]) -> [Int] {
    guard let attribute = attribute(name) else { return standard }
    return attribute.ints.map { Int($0) }
  }
}
