import CKernels

// Layers that a fused convolution cannot take in. All are of single precision.

/// A function of one number that is a pass of its own.
///
/// The smooth ones are no ``Nonlinearity``: their gradient needs what they were applied to, not what
/// they gave.
public enum PointwiseFunction: Int32, Sendable, CaseIterable {
  /// max(x, 0)
  case relu = 0
  /// min(max(x, 0), 6)
  case relu6 = 1
  /// x / (1 + exp(−x))
  case swish = 2
  /// x · min(max(x + 3, 0), 6) / 6
  case hardSwish = 3
  /// 1 / (1 + exp(−x))
  case sigmoid = 4
}

/// The sizes of a pooling over windows.
///
/// Windows that reach beyond the map are cut off: a mean is over the elements inside.
public struct PoolingSizes: Hashable, Sendable {
  /// The shape read.
  public let input: TensorShape

  /// The shape computed.
  public let output: TensorShape

  /// The side of the square window.
  public let kernel: Int

  /// The step of the window in both directions.
  public let stride: Int

  /// How far the first window begins before the map.
  public let padding: Int

  /// Whether the maximum is taken; else it is the mean.
  public let takesMaximum: Bool

  /// Creates the sizes of a pooling.
  ///
  /// - Precondition: Every window meets the map.
  public init(
    input: TensorShape, output: TensorShape, kernel: Int, stride: Int, padding: Int,
    takesMaximum: Bool
  ) {
    precondition(
      input.batch == output.batch && input.channels == output.channels,
      "\(output) is not pooled from \(input)")
    precondition(kernel > padding && padding >= 0 && stride > 0, "an impossible window")
    precondition(
      (output.height - 1) * stride < input.height + padding
        && (output.width - 1) * stride < input.width + padding, "a window beyond the map")
    self.input = input
    self.output = output
    self.kernel = kernel
    self.stride = stride
    self.padding = padding
    self.takesMaximum = takesMaximum
  }

  fileprivate var description: nas_pooling {
    nas_pooling(
      batch: input.batch, height: input.height, width: input.width, channels: input.channels,
      output_height: output.height, output_width: output.width, kernel: kernel, stride: stride,
      padding: padding, takes_most: takesMaximum ? 1 : 0)
  }
}

extension Engine {
  /// Writes function(x) into `y`, which may be `x` itself.
  public func apply(_ function: PointwiseFunction, to x: Tensor, into y: Tensor) {
    precondition(x.count == y.count, "\(y.shape) computed from \(x.shape)")
    unsafe nas_activate(x.start, x.count, function.rawValue, y.start)
  }

  /// Takes a gradient in place through a function that was applied to `x`.
  public func applyBackward(_ function: PointwiseFunction, to x: Tensor, gradient: Tensor) {
    precondition(x.count == gradient.count, "\(gradient.shape) is no gradient of \(x.shape)")
    unsafe nas_activate_backward(
      x.start, gradient.start, x.count, function.rawValue, gradient.start)
  }

  /// Writes the maximum or the mean of each window of `x` into `y`.
  public func pool(_ sizes: PoolingSizes, _ x: Tensor, into y: Tensor) {
    precondition(x.shape == sizes.input && y.shape == sizes.output, "tensors of other shapes")
    var description = sizes.description
    unsafe nas_pool(&description, x.start, y.start)
  }

  /// Writes the gradient of what a pooling read.
  ///
  /// That of a maximum goes to the first element that has it.
  public func poolBackward(
    _ sizes: PoolingSizes, input: Tensor, outputGradient: Tensor, into inputGradient: Tensor
  ) {
    precondition(
      input.shape == sizes.input && inputGradient.shape == sizes.input
        && outputGradient.shape == sizes.output, "tensors of other shapes")
    var description = sizes.description
    unsafe nas_pool_backward(
      &description, input.start, outputGradient.start, inputGradient.start)
  }

  /// Writes x · gate into `y`.
  ///
  /// - Parameters:
  ///   - x: Of shape `[batch, height, width, channels]`.
  ///   - gates: Of shape `[batch, 1, 1, channels]`.
  ///   - y: Of the shape of `x`. Overwritten.
  public func scale(_ x: Tensor, by gates: Tensor, into y: Tensor) {
    requireGates(gates, of: x)
    precondition(y.shape == x.shape, "\(y.shape) computed from \(x.shape)")
    unsafe nas_scale(
      x.start, gates.start, x.shape.batch, x.shape.height * x.shape.width, x.shape.channels,
      y.start)
  }

  /// Writes the gradients of both factors of ``scale(_:by:into:)``.
  public func scaleBackward(
    _ x: Tensor, gates: Tensor, outputGradient: Tensor, into inputGradient: Tensor,
    gateGradient: Tensor
  ) {
    requireGates(gates, of: x)
    requireGates(gateGradient, of: x)
    precondition(
      outputGradient.shape == x.shape && inputGradient.shape == x.shape,
      "gradients of another shape")
    unsafe nas_scale_backward(
      x.start, gates.start, outputGradient.start, x.shape.batch,
      x.shape.height * x.shape.width, x.shape.channels, inputGradient.start, gateGradient.start)
  }

  /// Copies channels of each pixel of one tensor to channels of another's.
  ///
  /// - Parameters:
  ///   - channels: How many.
  ///   - x: Where they are taken from.
  ///   - first: The first of them in `x`.
  ///   - y: Where they go, of the same type and as many pixels.
  ///   - place: The first of them in `y`.
  public func moveChannels(
    _ channels: Int, of x: Tensor, from first: Int, to y: Tensor, at place: Int
  ) {
    precondition(x.type == y.type && x.shape.rows == y.shape.rows, "tensors of other shapes")
    precondition(
      first >= 0 && first + channels <= x.shape.channels && place >= 0
        && place + channels <= y.shape.channels, "channels that there are not")
    unsafe nas_move_channels(
      x.address, x.shape.channels, first, y.address, y.shape.channels, place, channels,
      x.shape.rows, x.type.code)
  }

  /// Writes each image's elements channel by channel, each row by row.
  public func flatten(_ x: Tensor, into y: Tensor) {
    precondition(x.count == y.count, "\(y.shape) flattened from \(x.shape)")
    unsafe nas_transpose(
      x.start, x.shape.batch, x.shape.height * x.shape.width, x.shape.channels, y.start)
  }

  /// The reverse of ``flatten(_:into:)``.
  public func unflatten(_ y: Tensor, into x: Tensor) {
    precondition(x.count == y.count, "\(y.shape) flattened from \(x.shape)")
    unsafe nas_transpose(
      y.start, x.shape.batch, x.shape.channels, x.shape.height * x.shape.width, x.start)
  }

  /// Writes a tensor in another's type.
  public func convert(_ x: Tensor, into y: Tensor) {
    precondition(x.count == y.count, "\(y.shape) converted from \(x.shape)")
    switch (x.type, y.type) {
    case (.float32, _): unsafe nas_convert(x.start, x.count, y.address, y.type.code)
    case (.bfloat16, .float32): gather(NormalizedTensor(x), into: y)
    case (.bfloat16, .bfloat16):
      moveChannels(x.shape.channels, of: x, from: 0, to: y, at: 0)
    }
  }

  private func requireGates(_ gates: Tensor, of x: Tensor) {
    precondition(
      gates.shape.rows == x.shape.batch && gates.shape.channels == x.shape.channels,
      "\(gates.shape) are no gates of \(x.shape)")
  }
}
