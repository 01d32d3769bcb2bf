import Export
import Foundation
import Kernels
import Networks
import SearchSpace
import TestSupport
import Testing

/// Files that no one writes who means well, made byte by byte.
@Suite(.serialized) struct ONNXHostileTests {
  // MARK: The format, by its field numbers

  private static func number(_ value: UInt64) -> [UInt8] {
    value < 0x80 ? [UInt8(value)] : [UInt8(value & 0x7f | 0x80)] + number(value >> 7)
  }

  /// A whole number.
  private static func field(_ index: UInt64, _ value: Int64) -> [UInt8] {
    number(index << 3) + number(UInt64(bitPattern: value))
  }

  /// Bytes: text, or a message.
  private static func field(_ index: UInt64, _ content: [UInt8]) -> [UInt8] {
    number(index << 3 | 2) + number(UInt64(content.count)) + content
  }

  private static func field(_ index: UInt64, _ text: String) -> [UInt8] {
    field(index, Array(text.utf8))
  }

  private static func value(_ name: String, _ sizes: [Int64]) -> [UInt8] {
    let dimensions = [field(1, field(2, "batch"))] + sizes.map { field(1, field(1, $0)) }
    let tensor = field(1, 1) + field(2, dimensions.flatMap { $0 })
    return field(1, name) + field(2, field(1, tensor))
  }

  private static func node(
    _ type: String, _ inputs: [String], _ output: String, _ attributes: [[UInt8]] = [],
    domain: String = ""
  ) -> [UInt8] {
    inputs.flatMap { field(1, $0) } + field(2, output) + field(4, type)
      + attributes.flatMap { field(5, $0) } + field(7, domain)
  }

  private static func whole(_ name: String, _ value: Int64) -> [UInt8] {
    field(1, name) + field(3, value) + field(20, 2)
  }

  private static func wholes(_ name: String, _ values: [Int64]) -> [UInt8] {
    field(1, name) + values.flatMap { field(8, $0) } + field(20, 7)
  }

  private static func tensor(
    _ name: String, _ sizes: [Int64], _ bytes: [UInt8], and more: [UInt8] = []
  ) -> [UInt8] {
    sizes.flatMap { field(1, $0) } + field(2, 1) + field(8, name) + field(9, bytes) + more
  }

  private static func model(
    _ nodes: [[UInt8]], _ tensors: [[UInt8]] = [], input: [Int64] = [2, 4, 4],
    output: [Int64] = [32], irVersion: Int64 = 8, opset: Int64 = 17, and more: [UInt8] = []
  ) -> [UInt8] {
    let graph =
      nodes.flatMap { field(1, $0) } + tensors.flatMap { field(5, $0) }
      + field(11, value("image", input)) + field(12, value("logits", output))
    return field(1, irVersion) + field(7, graph) + field(8, field(2, opset)) + more
  }

  private static let flatten = node("Flatten", ["image"], "logits", [whole("axis", 1)])

  private func reason(_ bytes: [UInt8]) throws -> String {
    let error = #expect(throws: ONNXError.self) { _ = try ONNXFile(decoding: bytes) }
    let reason = "\(try #require(error))"
    #expect(reason.unicodeScalars.allSatisfy { $0 >= " " })
    return reason
  }

  // MARK: What is wrong

  @Test func `reads the smallest file there is`() throws {
    let file = try ONNXFile(decoding: Self.model([Self.flatten]))
    #expect(file.classes == 32 && file.input == [2, 4, 4])
  }

  @Test func `refuses what is cut off, at every place`() throws {
    let bytes = Self.model([Self.flatten])
    for count in 0..<bytes.count { _ = try reason(Array(bytes.prefix(count))) }
    let whole = try SampleNetworks.network(
      SampleNetworks.space("map-headed"), engine: Engine()
    ).onnx(name: "sample")
    for count in stride(from: 1, to: whole.count, by: 97) {
      _ = try reason(Array(whole.prefix(count)))
    }
  }

  @Test func `refuses lengths beyond the file and depths without end`() throws {
    for length in [UInt64(1) << 31, 1 << 40, .max] {
      #expect(try reason([7 << 3 | 2] + Self.number(length)).contains("cut off"))
    }
    let group = Self.number(99 << 3 | 3)  // begins, and never ends
    _ = try reason(Self.model([Self.flatten]) + (0..<100_000).flatMap { _ in group })
    var nested: [UInt8] = []
    for _ in 0..<2_000 { nested = Self.field(6, Self.field(1, Self.field(5, nested))) }
    // Graphs within attributes are not looked into; that there is one makes the node unknown.
    let node = Self.node("Flatten", ["image"], "logits", [Self.field(1, "body") + nested])
    #expect(try reason(Self.model([node])).contains("unknown attribute, \"body\""))
  }

  @Test func `never follows external data`() throws {
    let location = Self.field(1, "location") + Self.field(2, "/etc/passwd")
    for more in [
      Self.field(13, location), Self.field(14, 1), Self.field(13, location) + Self.field(14, 1),
    ] {
      let tensor = Self.tensor("w", [1], [0, 0, 0, 0], and: more)
      #expect(try reason(Self.model([Self.flatten], [tensor])).contains("not opened"))
    }
  }

  @Test func `refuses graphs that are none`() throws {
    let circle = [Self.node("Relu", ["b"], "a"), Self.node("Relu", ["a"], "b"), Self.flatten]
    #expect(
      try reason(Self.model(circle)).contains("reads \"b\", which nothing before it computes"))
    let itself = [Self.node("Relu", ["a"], "a"), Self.flatten]
    #expect(try reason(Self.model(itself)).contains("nothing before it computes"))
    let twice = [
      Self.node("Relu", ["image"], "a"), Self.node("Relu", ["image"], "a"), Self.flatten,
    ]
    #expect(try reason(Self.model(twice)).contains("which is there already"))
    #expect(
      try reason(Self.model([Self.node("Relu", ["image"], "image"), Self.flatten]))
        .contains("which is there already"))
    let constant = Self.tensor("w", [1], [0, 0, 0, 0])
    #expect(try reason(Self.model([Self.flatten], [constant, constant])).contains("occurs twice"))
    #expect(try reason(Self.model([])).contains("is not computed"))
    #expect(try reason(Self.model([Self.flatten], output: [31])).contains("32 classes"))
    #expect(try reason(Self.model([Self.flatten], input: [2, 0, 4])).contains("not of shape"))
    #expect(try reason(Self.model([Self.flatten], input: [2, -1, 4])).contains("not of shape"))
    #expect(
      try reason(Self.model([Self.flatten], input: [1 << 62, 4, 4])).contains("not of shape"))
    #expect(
      try reason(Self.model([Self.flatten], input: [1 << 20, 1 << 20, 1 << 20]))
        .contains("too large"))
  }

  @Test func `refuses operations, domains and versions that it does not know`() throws {
    for type in ["Loop", "If", "PythonOp", "", "Flatten\u{1b}[2J"] {
      #expect(
        try reason(Self.model([Self.node(type, ["image"], "logits")])).contains("unknown operation")
      )
    }
    let foreign = Self.node("Flatten", ["image"], "logits", domain: "evil.example")
    #expect(try reason(Self.model([foreign])).contains("domain \"evil.example\""))
    for version in [Int64.min, -1, 0, 2, 9, .max] {
      #expect(try reason(Self.model([Self.flatten], irVersion: version)).contains("IR version"))
    }
    for opset in [Int64.min, 0, 13, 18, .max] {
      #expect(try reason(Self.model([Self.flatten], opset: opset)).contains("opset"))
    }
    let function = Self.field(25, Self.field(1, "f"))
    #expect(try reason(Self.model([Self.flatten], and: function)).contains("functions"))
  }

  @Test func `refuses tensors whose bytes are not those of their shape`() throws {
    let shapes: [[Int64]] = [
      [-1], [2], [0], [1 << 62], [1 << 31, 1 << 31, 4], [.max, .max], [.min],
      [Int64](repeating: 1, count: 9),
    ]
    for shape in shapes {
      _ = try reason(Self.model([Self.flatten], [Self.tensor("w", shape, [0, 0, 0, 0])]))
    }
    for count in [0, 3, 5, 8] {
      let tensor = Self.tensor("w", [1], [UInt8](repeating: 0, count: count))
      _ = try reason(Self.model([Self.flatten], [tensor]))
    }
    let strings = Self.field(1, 1) + Self.field(2, 8) + Self.field(8, "w")
    #expect(try reason(Self.model([Self.flatten], [strings])).contains("neither of 32-bit floats"))
  }

  @Test func `refuses windows that do not fit`() throws {
    let weights = Self.tensor("w", [2, 2, 3, 3], [UInt8](repeating: 0, count: 144))
    func convolution(_ attributes: [[UInt8]]) -> [UInt8] {
      Self.model([Self.node("Conv", ["image", "w"], "a", attributes), Self.flatten], [weights])
    }
    let pads = Self.wholes("pads", [1, 1, 1, 1])
    _ = try ONNXFile(decoding: convolution([pads]))
    let wrong: [[[UInt8]]] = [
      [], [pads, pads], [Self.wholes("pads", [1, 1, 1])], [Self.wholes("pads", [-1, -1, -1, -1])],
      [pads, Self.whole("group", 0)], [pads, Self.whole("group", -2)],
      [pads, Self.whole("group", .max)], [pads, Self.wholes("strides", [0, 0])],
      [pads, Self.wholes("strides", [1, 2])], [pads, Self.wholes("strides", [.max, .max])],
      [pads, Self.wholes("dilations", [2, 2])], [pads, Self.wholes("kernel_shape", [5, 5])],
      [pads, Self.field(1, "auto_pad") + Self.field(4, "SAME_UPPER")],
    ]
    for attributes in wrong { _ = try reason(convolution(attributes)) }

    func pool(_ kernel: Int64, _ stride: Int64, _ pads: [Int64]) -> [UInt8] {
      let attributes = [
        Self.wholes("kernel_shape", [kernel, kernel]), Self.wholes("strides", [stride, stride]),
        Self.wholes("pads", pads),
      ]
      return Self.model([Self.node("MaxPool", ["image"], "a", attributes), Self.flatten])
    }
    _ = try ONNXFile(decoding: pool(3, 2, [1, 1, 1, 1]))
    for (kernel, stride, pads) in [
      (0, 1, [0, 0, 0, 0]), (3, 0, [0, 0, 0, 0]), (3, 1, [-1, -1, 0, 0]), (3, 1, [2, 2, 2, 2]),
      (9, 1, [0, 0, 0, 0]), (3, 1, [1, 0, 1, 1]), (.max, .max, [.max, .max, .max, .max]),
    ] as [(Int64, Int64, [Int64])] {
      _ = try reason(pool(kernel, stride, pads))
    }
  }

  @Test func `counts what grows with every node`() throws {
    let doublings = (0..<64).map { level in
      Self.node(
        "Concat", [level == 0 ? "image" : "a\(level - 1)", level == 0 ? "image" : "a\(level - 1)"],
        "a\(level)", [Self.whole("axis", 1)])
    }
    #expect(try reason(Self.model(doublings + [Self.flatten])).contains("impossible shape"))
    let many = (0...ONNXFile.highestNodeCount).map { Self.node("Relu", ["image"], "a\($0)") }
    #expect(try reason(Self.model(many)).contains("nodes, more than"))
  }

  // MARK: Anything

  /// Turns good files into others by a few changes a time, and computes what is still a network.
  @Test func `makes a network or an error of anything`() throws {
    let seed: UInt64 = 20_261_121
    print("mutating ONNX files with seed \(seed)")
    var generator = SeededGenerator(seed: seed)
    let engine = try Engine()
    let samples = try ["gated", "joined", "map-headed"].map { name in
      try SampleNetworks.network(SampleNetworks.space(name), engine: engine)
    }
    let starts = samples.flatMap { trained in
      ONNXTests.options.keys.sorted().map { way in
        // Half of a file's bytes would be weights; which ones they are does not matter.
        trained.onnx(name: "sample", options: ONNXTests.options[way] ?? .init())
      }
    }
    let clock = ContinuousClock()
    let seconds = ProcessInfo.processInfo.environment["NAS_FUZZ_SECONDS"].flatMap { Int($0) }
    let end = clock.now + .seconds(seconds ?? 2)
    var (networks, errors) = (0, 0)
    while clock.now < end {
      var bytes = starts[Int.random(in: 0..<starts.count, using: &generator)]
      for _ in 0..<Int.random(in: 1...3, using: &generator) {
        let place = Int.random(in: 0..<bytes.count, using: &generator)
        let length = Int.random(in: 0...min(12, bytes.count - place), using: &generator)
        switch Int.random(in: 0..<5, using: &generator) {
        case 0: bytes[place] = UInt8.random(in: 0...255, using: &generator)
        case 1: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
        case 2: bytes.removeSubrange(place..<place + length)
        case 3:
          let other = Int.random(in: 0..<bytes.count, using: &generator)
          bytes.insert(contentsOf: bytes[place..<place + length], at: other)
        default:
          let small = UInt8.random(in: 0...8, using: &generator)
          bytes[place] = small
        }
        if bytes.isEmpty { bytes = [0] }
      }
      do {
        let file = try ONNXFile(decoding: bytes)
        let runner = try ONNXRunner(file, engine: engine)
        if file.input.count < 100_000 {
          let image = runner.arena.zeros(file.input.tensorShape(batch: 1))
          #expect(try runner.outputs(of: image).count == file.classes)
        }
        networks += 1
      } catch let error as ONNXError {
        #expect("\(error)".unicodeScalars.allSatisfy { $0 >= " " })
        errors += 1
      }
    }
    print("of which \(networks) were networks and \(errors) were not")
    #expect(networks > 10 && errors > 10)
  }
}
