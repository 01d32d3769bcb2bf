import Kernels
import SearchSpace

/// The gradients that a backward pass has begun and not yet used.
struct PendingGradients {
  struct Gradient {
    /// The place in the pool; `nil` if the values lie elsewhere.
    let room: Tensor?
    let values: Tensor

    /// Set once the gradient is complete and taken through the activation.
    var sums: GradientSums?
  }

  private let tape: NetworkRunner.Tape
  private let pool: GradientPool
  private var gradients: [Gradient?]

  /// For each layer's value, the first layer that reads it to compute on, if that one's visit can
  /// finish the gradient and no earlier one adds to it.
  private var finishers: [Int?]

  init(of tape: NetworkRunner.Tape, in arena: Arena) {
    self.tape = tape
    pool = GradientPool(arena: arena, tape: tape)
    let layers = tape.network.layers
    gradients = Array(repeating: nil, count: layers.count)
    finishers = Array(repeating: nil, count: layers.count)
    for (index, layer) in layers.enumerated().reversed() {
      if case .layer(let source) = layer.source {
        finishers[source] = layer.operation.finishesGradients ? index : nil
      }
      if case .layer(let operand) = layer.operand { finishers[operand] = nil }
    }
    for (index, layer) in tape.layers.enumerated() where layer.argument != nil {
      finishers[index] = nil
    }
  }

  /// What the gradient of a normalised or biased value goes through.
  func finish(of index: Int) -> GradientSink.Finish? {
    guard let (x, statistics) = tape.layers[index].computed else { return nil }
    return GradientSink.Finish(
      nonlinearity: tape.network.layers[index].activation.nonlinearity ?? .none, x: x,
      mean: statistics.mean)
  }

  /// The place for a contribution to a value's gradient; `nil` if nobody needs it.
  mutating func sink(for value: Value, visiting layer: Int) -> GradientSink? {
    guard case .layer(let index) = value else { return nil }
    let finish = finishers[index] == layer ? finish(of: index) : nil
    if let begun = gradients[index] {
      return GradientSink(begun.values, adds: true, finish: finish)
    }
    let gradient = pool.take(tape.layers[index].value.x)
    gradients[index] = gradient
    return GradientSink(gradient.values, adds: false, finish: finish)
  }

  /// Keeps the sums of a gradient that is complete.
  mutating func note(_ sums: GradientSums?, for value: Value) {
    guard case .layer(let index) = value, let sums else { return }
    gradients[index]?.sums = sums
  }

  /// Room for a gradient of single precision.
  func room(_ shape: TensorShape) -> Gradient {
    // A vector is too small to take the room of a map.
    guard shape.height * shape.width > 1 else {
      return Gradient(room: nil, values: pool.lasting(shape))
    }
    return pool.take(shape, .float32)
  }

  /// A gradient in another type, in room of its own; itself if it is of that type.
  func converted(_ gradient: Gradient, to type: ElementType, _ engine: Engine) -> Gradient {
    guard gradient.values.type != type else { return gradient }
    let converted = pool.take(gradient.values.shape, type)
    engine.convert(gradient.values, into: converted.values)
    drop(gradient)
    return converted
  }

  mutating func take(_ index: Int) -> Gradient? {
    defer { gradients[index] = nil }
    return gradients[index]
  }

  /// Makes a tensor outside the pool a contribution to a value's gradient.
  mutating func give(_ values: Tensor, to value: Value, _ engine: Engine) {
    hand(Gradient(room: nil, values: values), to: value, engine)
  }

  /// Makes a gradient a contribution to a value's.
  mutating func hand(_ gradient: Gradient, to value: Value, _ engine: Engine) {
    guard case .layer(let index) = value else {
      drop(gradient)
      return
    }
    var given = converted(gradient, to: tape.layers[index].value.x.type, engine)
    given.sums = nil
    guard let begun = gradients[index] else {
      gradients[index] = given
      return
    }
    engine.add(given.values, to: begun.values)
    drop(given)
  }

  func drop(_ gradient: Gradient) {
    if let room = gradient.room { pool.giveBack(room) }
  }
}

extension Operation {
  /// Whether the visit of such a layer can take its input's gradient through the activation and sum
  /// it, while it is in the cache.
  fileprivate var finishesGradients: Bool {
    switch self {
    case .convolution, .globalAveragePool: true
    case .normalize, .activate, .pool, .linear, .scale, .concatenate: false
    }
  }
}

/// Room for the few gradients that are alive at one time in a backward pass.
private final class GradientPool {
  private let arena: Arena
  private let largest: Int
  private var free: [ElementType: [Tensor]] = [:]

  init(arena: Arena, tape: NetworkRunner.Tape) {
    self.arena = arena
    largest = tape.layers.reduce(tape.images.count) { max($0, $1.value.shape.count) }
  }

  func take(_ shape: TensorShape, _ type: ElementType) -> PendingGradients.Gradient {
    let room =
      free[type]?.popLast() ?? arena.tensor(TensorShape(rows: 1, channels: largest), type)
    return PendingGradients.Gradient(room: room, values: room.part(at: 0, shape))
  }

  func take(_ like: Tensor) -> PendingGradients.Gradient { take(like.shape, like.type) }

  /// A tensor that lasts as long as the backward pass.
  func lasting(_ shape: TensorShape) -> Tensor { arena.tensor(shape) }

  func giveBack(_ room: Tensor) { free[room.type, default: []].append(room) }
}
