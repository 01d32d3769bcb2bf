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

/// Floats in an arena, channels last: `[batch, height, width, channels]`.
///
/// A tensor is a view. Copies see the same elements, and they last as long as the arena does not
/// release them.
@safe
public struct Tensor {
  private let arena: Arena
  let start: UnsafeMutablePointer<Float>

  public let shape: TensorShape

  @unsafe
  init(arena: Arena, start: UnsafeMutablePointer<Float>, shape: TensorShape) {
    self.arena = arena
    unsafe self.start = start
    self.shape = shape
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
    return unsafe Tensor(arena: arena, start: start + offset, shape: shape)
  }

  /// Images `range` of the batch.
  public func images(_ range: Range<Int>) -> Tensor {
    var shape = shape
    shape.batch = range.count
    return part(at: range.lowerBound * (count / self.shape.batch), shape)
  }

  /// Sets every element.
  public func fill(with value: Float) {
    unsafe start.update(repeating: value, count: count)
  }

  /// Gives the elements to a closure that may change them.
  public func withElements<Result>(_ body: (inout MutableSpan<Float>) throws -> Result) rethrows
    -> Result
  {
    var span = unsafe MutableSpan(_unsafeStart: start, count: count)
    return try body(&span)
  }

  /// A copy of the elements.
  public var elements: [Float] {
    unsafe Array(UnsafeBufferPointer(start: start, count: count))
  }

  /// Takes over the elements of an array.
  ///
  /// - Precondition: It holds as many.
  public func copy(_ elements: [Float]) {
    precondition(
      elements.count == count, "\(elements.count) elements for a tensor of \(count)")
    unsafe elements.withUnsafeBufferPointer { source in
      guard let base = source.baseAddress else { return }
      unsafe start.update(from: base, count: count)
    }
  }

  /// Takes over the elements of another tensor.
  ///
  /// - Precondition: It holds as many.
  public func copy(_ other: Tensor) {
    precondition(other.count == count, "\(other.count) elements for a tensor of \(count)")
    unsafe start.update(from: other.start, count: count)
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

  /// Checks that the view holds the weights of a layer of this size.
  func require(outputs: Int, used: Int) {
    precondition(
      used <= rowStride && (outputs - 1) * rowStride + used <= owner.count,
      "\(outputs) rows of \(used) weights do not fit a view of \(owner.count)")
  }
}
