/// Tensors that are handed back one by one, in any order, and used again.
///
/// Releasing an ``Arena`` to a mark would keep a value for as long as those made after it. Here the next
/// value takes the place of one that nobody reads any more, most likely still in a cache.
///
///     let tensor = pool.take(shape, .float32)
///     …
///     pool.giveBack(tensor)
public final class TensorPool {
  private let arena: Arena
  private let start: Arena.Mark

  /// The places that nobody has, those given back last at the end.
  private var free: [Tensor] = []

  /// The places that somebody has.
  private var taken: [Tensor] = []

  /// Creates a pool.
  ///
  /// - Parameter capacity: The most bytes that tensors can take together.
  /// - Throws: ``KernelError`` if no memory can be reserved.
  public init(capacity: Int = Arena.machineMemory) throws(KernelError) {
    arena = try Arena(capacity: capacity)
    start = arena.mark
  }

  /// The most bytes that ever were in use at once.
  public var peakBytes: Int { arena.peakBytes }

  /// Takes a tensor whose elements are whatever the memory holds.
  public func take(_ shape: TensorShape, _ type: ElementType) -> Tensor {
    let fitting = free.indices.filter { free[$0].type == type && free[$0].count >= shape.count }
    // Of equally small ones the last given back.
    let best = fitting.reversed().min { free[$0].count < free[$1].count }
    let place = best.map { free.remove(at: $0) } ?? arena.tensor(shape, type)
    taken.append(place)
    return place.part(at: 0, shape)
  }

  /// Takes a tensor back; using it afterwards is a mistake.
  ///
  /// - Precondition: It was taken from this pool.
  public func giveBack(_ tensor: Tensor) {
    guard let index = taken.lastIndex(where: { $0.liesWhere(tensor) }) else {
      preconditionFailure("a tensor of \(tensor.shape) that was never taken")
    }
    free.append(taken.remove(at: index))
  }

  /// Takes all tensors back and forgets where they lay; the memory stays for those to come.
  public func reset() {
    arena.release(to: start)
    free = []
    taken = []
  }
}
