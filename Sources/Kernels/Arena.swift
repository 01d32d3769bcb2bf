import Glibc

/// Memory for tensors that is mapped once and used again, step after step.
///
/// Tensors are laid one behind the other; releasing to a ``Mark`` drops those made since. Pages
/// that were touched once stay mapped, so after the first step no memory is asked of the system.
///
///     let mark = arena.mark
///     let tensor = arena.tensor(TensorShape(rows: 128, channels: 10))
///     …
///     arena.release(to: mark)
///
@safe
public final class Arena {
  private let start: UnsafeMutableRawPointer
  private let capacity: Int
  private var used = 0

  /// Loops may read a vector that begins with the last element.
  private static let slack = 64

  /// The most bytes that were ever in use at once.
  public private(set) var peakBytes = 0

  /// Reserves address space; memory is taken only as tensors touch it.
  ///
  /// - Parameter capacity: The most bytes that tensors can take together; by default the
  ///   machine's memory.
  /// - Throws: ``KernelError`` if not even a part of the address space can be had.
  public init(capacity: Int = Arena.machineMemory) throws(KernelError) {
    // Where a limit forbids to reserve as much as the machine has, less will often do.
    var size = capacity
    while true {
      let mapped = unsafe mmap(
        nil, size + Self.slack, PROT_READ | PROT_WRITE,
        MAP_PRIVATE | MAP_ANONYMOUS | Int32(MAP_NORESERVE), -1, 0)
      if let mapped = unsafe mapped, unsafe mapped != MAP_FAILED {
        unsafe start = mapped
        self.capacity = size
        // Large pages: activations are walked through end to end, and a page of four kilobytes at a
        // time would cost as much as the data. It is a hint; where it is refused all still works.
        unsafe madvise(mapped, size + Self.slack, MADV_HUGEPAGE)
        return
      }
      size /= 2
      guard size >= 1 << 26 else {
        throw KernelError(call: "mmap", status: Int(errno), subject: "\(capacity) bytes")
      }
    }
  }

  deinit {
    unsafe munmap(start, capacity + Self.slack)
  }

  /// Bytes of memory in the machine.
  public static var machineMemory: Int {
    sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))
  }

  /// A state of the arena to return to.
  public struct Mark {
    fileprivate let used: Int
  }

  /// The present state.
  public var mark: Mark { Mark(used: used) }

  /// Drops every tensor made since `mark`; using one of them afterwards is a mistake.
  public func release(to mark: Mark) {
    precondition(mark.used <= used, "the arena was released further back already")
    used = mark.used
  }

  /// Makes a tensor whose elements are whatever the memory holds.
  ///
  /// - Precondition: The arena has room for it.
  public func tensor(_ shape: TensorShape, _ type: ElementType = .float32) -> Tensor {
    let bytes = (shape.count * type.bytes + 63) / 64 * 64
    precondition(
      used + bytes <= capacity, "\(used + bytes) bytes of tensors where \(capacity) are reserved")
    let tensor = unsafe Tensor(arena: self, address: start + used, shape: shape, type: type)
    used += bytes
    peakBytes = max(peakBytes, used)
    return tensor
  }

  /// Makes a tensor of some numbers in a row.
  func tensor(of numbers: [Float]) -> Tensor {
    let tensor = tensor(TensorShape(rows: 1, channels: numbers.count))
    tensor.copy(numbers)
    return tensor
  }

  /// Makes room for `bytes` bytes.
  func room(_ bytes: Int) -> UnsafeMutableRawPointer {
    unsafe tensor(TensorShape(rows: 1, channels: (bytes + 3) / 4)).address
  }

  /// Makes a tensor of zeros.
  public func zeros(_ shape: TensorShape) -> Tensor {
    let tensor = tensor(shape)
    tensor.fill(with: 0)
    return tensor
  }
}
