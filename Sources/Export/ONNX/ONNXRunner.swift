public import Kernels
import Networks
import SearchSpace

/// Computes a network from its ONNX file, node by node.
///
/// Nothing here knows how the file came about: the nodes, their order and their constants are all
/// there is. So an answer that agrees with the network's own says that the file is right.
public final class ONNXRunner {
  public let file: ONNXFile

  /// Holds the values that are computed.
  public let arena: Arena

  private let engine: Engine

  /// The constants of each step, in the order of the file.
  private let weights: [Tensor?]

  /// - Throws: ``KernelError`` if no memory can be reserved.
  public init(_ file: ONNXFile, engine: Engine) throws(KernelError) {
    self.file = file
    self.engine = engine
    arena = try Arena()
    let arrays = file.steps.map(\.weights)
    // Each begins at a cache line.
    let bytes = arrays.reduce(1 << 16) { $0 + ($1?.count ?? 0) * MemoryLayout<Float>.stride + 64 }
    let store = try Arena(capacity: bytes)
    weights = arrays.map { numbers in
      guard let numbers else { return nil }
      let tensor = store.tensor(TensorShape(rows: 1, channels: numbers.count))
      tensor.copy(numbers)
      return tensor
    }
  }

  /// Computes the output.
  ///
  /// - Parameter images: Of shape `[batch, height, width, channels]`: normalised, or whole numbers
  ///   from 0 to 255 if the file ``ONNXFile/takesBytes``.
  /// - Returns: The logits, of shape `[batch, classes]`, in this runner's arena, which the caller
  ///   releases.
  /// - Throws: ``KernelError`` if a kernel fails.
  /// - Precondition: The images are of the file's shape.
  public func outputs(of images: Tensor) throws(KernelError) -> Tensor {
    precondition(
      images.shape == file.input.tensorShape(batch: images.shape.batch),
      "\(images.shape) given to a file for \(file.input)")
    var values = [images]
    for (index, step) in file.steps.enumerated() {
      values.append(try compute(step, step.inputs.map { values[$0] }, weights: weights[index]))
    }
    return values[file.output]
  }

  private func compute(
    _ step: ONNXFile.Step, _ inputs: [Tensor], weights: Tensor?
  ) throws(KernelError) -> Tensor {
    let x = inputs[0]
    let y = arena.tensor(step.shape.tensorShape(batch: x.shape.batch))
    switch step.operation {
    case .convolution(let convolution, let numbers, let bias):
      guard let weights else { break }
      let groups = if case .groups(let count) = convolution.grouping { count } else { 1 }
      let sizes = ConvolutionSizes(
        input: x.shape, channels: y.shape.channels, kernel: convolution.kernel,
        stride: convolution.stride, isDepthwise: convolution.isDepthwise, groups: groups)
      let view = WeightView(weights, rowStride: numbers.count / y.shape.channels)
      _ = try engine.convolve(sizes, input: NormalizedTensor(x), weights: view, into: y)
      if let bias { transform(y, shift: bias, into: y) }
    case .linear(let numbers, let bias):
      guard let weights else { break }
      engine.multiply(
        x, WeightView(weights, rowStride: numbers.count / y.shape.channels), into: y)
      if let bias { transform(y, shift: bias, into: y) }
    case .affine(let scale, let shift):
      transform(x, scale: scale, shift: shift, into: y)
    case .activation(.relu): engine.apply(.relu, to: x, into: y)
    case .activation(.relu6): engine.apply(.relu6, to: x, into: y)
    case .activation(.swish): engine.apply(.swish, to: x, into: y)
    case .activation(.hardSwish): engine.apply(.hardSwish, to: x, into: y)
    case .activation(.sigmoid): engine.apply(.sigmoid, to: x, into: y)
    case .pool(let pool):
      let sizes = PoolingSizes(
        input: x.shape, output: y.shape, kernel: pool.kernel, stride: pool.stride,
        padding: pool.padding, takesMaximum: pool.kind == .max)
      engine.pool(sizes, x, into: y)
    case .globalPool: engine.averagePool(NormalizedTensor(x), into: y)
    case .add:
      engine.convert(x, into: y)
      engine.add(inputs[1], to: y)
    case .multiply:
      x.withElements { x in
        inputs[1].withElements { other in
          y.withElements { y in
            for index in 0..<y.count { y[index] = x[index] * other[index] }
          }
        }
      }
    case .gate: engine.scale(x, by: inputs[1], into: y)
    case .concatenate:
      var place = 0
      for part in inputs {
        engine.moveChannels(part.shape.channels, of: part, from: 0, to: y, at: place)
        place += part.shape.channels
      }
    case .flatten: engine.flatten(x, into: y)
    case .same, .activation(.none): engine.convert(x, into: y)
    }
    return y
  }

  /// Writes x · scale + shift, by channel.
  private func transform(_ x: Tensor, scale: [Float]? = nil, shift: [Float], into y: Tensor) {
    let ones = [Float](repeating: 1, count: shift.count)
    engine.gather(
      NormalizedTensor(x, ChannelTransform(scale: scale ?? ones, shift: shift), .none), into: y)
  }
}

extension ONNXFile.Step {
  /// The matrix or the windows that the step multiplies with.
  fileprivate var weights: [Float]? {
    switch operation {
    case .convolution(_, let weights, _), .linear(let weights, _): weights
    default: nil
    }
  }
}
