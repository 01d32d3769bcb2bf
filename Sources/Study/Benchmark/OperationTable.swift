public import Kernels
import Networks
import SearchSpace

/// Where the time of a training pass goes, layer by layer, and how near that is to what the machine
/// can do.
public struct OperationTable: Sendable {
  /// Layers of one kind on maps of one size.
  public struct Row: Sendable {
    /// Such as `1×1, 32×32`.
    public let name: String
    public internal(set) var layers = 0

    /// The least seconds that the pass took, all layers together.
    public internal(set) var forward = 0.0
    public internal(set) var backward = 0.0

    /// Bytes that both passes must read and write at least.
    public internal(set) var bytes = 0

    /// Floating-point operations of both passes, a multiply-add being two.
    public internal(set) var operations = 0
  }

  public let rows: [Row]

  /// Bytes a second that a copy reads and writes.
  public let bandwidth: Double

  /// Operations a second of OpenBLAS's matrix product, all threads together.
  public let peak: Double

  /// The least time in which the machine could do a row's work: the longer of its bytes over the
  /// bandwidth and its operations over the peak.
  public func bound(of row: Row) -> Double {
    max(Double(row.bytes) / bandwidth, Double(row.operations) / peak)
  }

  /// Measures the largest network of a family.
  ///
  /// - Parameters:
  ///   - network: The family's network.
  ///   - precision: How activations lie in memory.
  ///   - batch: Images in a pass.
  ///   - passes: How often each is run; the least time of each layer counts.
  /// - Throws: ``KernelError`` if a kernel fails.
  public init(
    of network: EngineBenchmark.Network, precision: ElementType, batch: Int, passes: Int = 7
  ) throws {
    let space = try network.space()
    let largest = space.network(of: space.largest)
    let parameters = try Parameters(of: largest)
    parameters.initialize(seed: EngineBenchmark.seed)
    let engine = try Engine.chosen()
    let runner = try NetworkRunner(engine: engine, parameters: parameters, precision: precision)
    var generator = SeededGenerator(seed: EngineBenchmark.seed)
    let images = runner.arena.tensor(space.input.tensorShape(batch: batch))
    images.copy((0..<images.count).map { _ in Float(generator.normal()) })

    var least: [String: [NetworkRunner.Pass: Double]] = [:]
    runner.observe = { layer, pass, time in
      least[layer.name, default: [:]][pass] = min(
        least[layer.name]?[pass] ?? .infinity, time.seconds)
    }
    for _ in 0..<passes {
      let mark = runner.arena.mark
      let tape = try runner.forward(largest, images: images)
      let gradient = runner.arena.tensor(tape.outputs.shape)
      gradient.copy((0..<gradient.count).map { _ in Float(generator.normal()) })
      try runner.backward(tape, outputGradient: gradient)
      runner.arena.release(to: mark)
    }

    var rows: [Row] = []
    for layer in largest.layers {
      let name = layer.operationName
      let index = rows.firstIndex { $0.name == name } ?? rows.count
      if index == rows.count { rows.append(Row(name: name)) }
      rows[index].layers += 1
      rows[index].forward += least[layer.name]?[.forward] ?? 0
      rows[index].backward += least[layer.name]?[.backward] ?? 0
      // Forward reads the input and writes the output; backward reads both and the output's
      // gradient, and writes the input's. A second operand is read twice more, and its
      // gradient written.
      let inner = 3 * layer.input.count + 3 * layer.output.count
      let sum = layer.operand == nil ? 0 : 3 * layer.output.count
      rows[index].bytes += precision.bytes * batch * (inner + sum)
      let needsInput = layer.source != .image
      rows[index].operations += 2 * (needsInput ? 3 : 2) * batch * layer.cost.macs
    }
    self.rows = rows
    bandwidth = try Self.copySpeed(engine, arena: runner.arena)
    peak = try Self.productSpeed(engine, arena: runner.arena)
  }

  private static func copySpeed(_ engine: Engine, arena: Arena) throws -> Double {
    let mark = arena.mark
    defer { arena.release(to: mark) }
    let shape = TensorShape(rows: 1 << 19, channels: 64)
    let from = NormalizedTensor(arena.zeros(shape))
    let to = arena.zeros(shape)
    let time = fastest(of: 5) { engine.gather(from, into: to) }
    return Double(2 * shape.count * ElementType.float32.bytes) / time
  }

  private static func productSpeed(_ engine: Engine, arena: Arena) throws -> Double {
    let mark = arena.mark
    defer { arena.release(to: mark) }
    let side = 1024
    let shape = TensorShape(rows: side, channels: side)
    let (x, w, y) = (arena.zeros(shape), arena.zeros(shape), arena.zeros(shape))
    let view = WeightView(w, rowStride: side)
    let time = fastest(of: 5) { engine.multiply(x, view, into: y) }
    return Double(Engine.threads * 2 * side * side * side) / time
  }

  private static func fastest(of count: Int, _ body: () -> Void) -> Double {
    (0..<count).map { _ in ContinuousClock().measure(body).seconds }.min() ?? 0
  }
}

extension Layer {
  /// The layer's kind and the size of its map.
  fileprivate var operationName: String {
    let map = "\(output.height)×\(output.width)"
    switch operation {
    case .convolution(let convolution):
      let window = "\(convolution.kernel)×\(convolution.kernel)"
      let kind =
        switch convolution.grouping {
        case .none: window
        case .depthwise: "depthwise \(window)"
        case .groups: "grouped \(window)"
        }
      return (source == .image ? "stem, " : "") + "\(kind), \(map)"
    case .normalize: return "normalization, \(map)"
    case .activate: return "activation, \(map)"
    case .pool(let pool): return "\(pool.kind.rawValue) pool, \(map)"
    case .globalAveragePool: return "average pool"
    case .linear: return "linear"
    case .scale: return "scale, \(map)"
    case .concatenate: return "concatenate, \(map)"
    }
  }
}
