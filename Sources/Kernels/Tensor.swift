import CKernels

/// The sizes of a tensor: images, pixels and channels, the channels lying side by side.
public struct TensorShape: Hashable, Sendable {
  public var batch: Int
  public var height: Int
  public var width: Int
  public var channels: Int

  public init(batch: Int, height: Int, width: Int, channels: Int) {
    self.batch = batch
    self.height = height
    self.width = width
    self.channels = channels
  }

  /// A matrix.
  public init(rows: Int, channels: Int) {
    self.init(batch: rows, height: 1, width: 1, channels: channels)
  }

  /// The pixels of all images.
  public var rows: Int { batch * height * width }

  public var count: Int { rows * channels }
}

/// Numbers in an arena, channels last: `[batch, height, width, channels]`.
///
/// A tensor is a view. Copies see the same elements, and they last as long as the arena does not
/// release them.
@safe
public struct Tensor {
  private let arena: Arena
  let address: UnsafeMutableRawPointer

  public let shape: TensorShape

  /// How the elements lie in memory.
  public let type: ElementType

  @unsafe
  init(arena: Arena, address: UnsafeMutableRawPointer, shape: TensorShape, type: ElementType) {
    self.arena = arena
    unsafe self.address = address
    self.shape = shape
    self.type = type
  }

  /// The elements of a tensor of single precision.
  var start: UnsafeMutablePointer<Float> {
    precondition(type == .float32, "\(type) read as single precision")
    return unsafe address.assumingMemoryBound(to: Float.self)
  }

  /// The number of elements.
  public var count: Int { shape.count }

  /// A part of the elements under a shape of its own.
  ///
  /// - Precondition: The part lies inside the tensor.
  public func part(at offset: Int, _ shape: TensorShape) -> Tensor {
    precondition(
      offset >= 0 && offset + shape.count <= count,
      "\(shape.count) elements at \(offset) of a tensor of \(count)")
    return unsafe Tensor(
      arena: arena, address: address + offset * type.bytes, shape: shape, type: type)
  }

  /// Whether another tensor begins at the same place of memory.
  func liesWhere(_ other: Tensor) -> Bool { unsafe address == other.address }

  /// Images `range` of the batch.
  public func images(_ range: Range<Int>) -> Tensor {
    var shape = shape
    shape.batch = range.count
    return part(at: range.lowerBound * (count / self.shape.batch), shape)
  }

  /// Sets every element.
  ///
  /// - Precondition: The tensor is of single precision.
  public func fill(with value: Float) {
    unsafe start.update(repeating: value, count: count)
  }

  /// Gives the elements to a closure that may change them.
  ///
  /// - Precondition: The tensor is of single precision.
  public func withElements<Result>(_ body: (inout MutableSpan<Float>) throws -> Result) rethrows
    -> Result
  {
    var span = unsafe MutableSpan(_unsafeStart: start, count: count)
    return try body(&span)
  }

  /// A copy of the elements.
  public var elements: [Float] {
    switch type {
    case .float32:
      return unsafe Array(UnsafeBufferPointer(start: start, count: count))
    case .bfloat16:
      let halves = unsafe address.assumingMemoryBound(to: UInt16.self)
      return (0..<count).map { unsafe Float(bitPattern: UInt32(halves[$0]) << 16) }
    }
  }

  /// Takes over the elements of an array, rounded to the tensor's type.
  ///
  /// - Precondition: It holds as many.
  public func copy(_ elements: [Float]) {
    precondition(
      elements.count == count, "\(elements.count) elements for a tensor of \(count)")
    unsafe elements.withUnsafeBufferPointer { source in
      guard let base = source.baseAddress else { return }
      switch type {
      case .float32: unsafe start.update(from: base, count: count)
      case .bfloat16: unsafe nas_convert(base, count, address, type.code)
      }
    }
  }
}

/// The weights between the first channels on either side of a convolution or a linear layer.
///
/// Weights lie as `[output, input, kernel, kernel]`. A subnet that uses fewer inputs skips the
/// rest of each output's row; one with fewer outputs stops earlier.
@safe
public struct WeightView {
  let start: UnsafeMutablePointer<Float>
  private let owner: Tensor

  /// Elements from one output channel's weights to the next one's.
  public let rowStride: Int

  /// The same weights as the engine's loops read them; see ``Engine/packed(_:for:reading:in:)``.
  var packed: PackedWeights?

  /// Creates a view of the weights that a tensor holds from its first element on.
  ///
  /// - Parameters:
  ///   - tensor: Weights as `[output, input, kernel, kernel]`.
  ///   - rowStride: The weights of one output channel, all inputs included.
  public init(_ tensor: Tensor, rowStride: Int) {
    owner = tensor
    unsafe start = tensor.start
    self.rowStride = rowStride
  }

  /// The view without its first rows.
  func dropping(rows: Int) -> WeightView {
    let offset = rows * rowStride
    return WeightView(
      owner.part(at: offset, TensorShape(rows: 1, channels: owner.count - offset)),
      rowStride: rowStride)
  }

  /// Checks that the view holds the weights of a layer of this size.
  func require(outputs: Int, used: Int) {
    precondition(
      used <= rowStride && (outputs - 1) * rowStride + used <= owner.count,
      "\(outputs) rows of \(used) weights do not fit a view of \(owner.count)")
  }
}
