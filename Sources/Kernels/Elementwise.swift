import CKernels

extension Engine {
  /// Adds `addend` to `target`, element by element; both are of one type.
  public func add(_ addend: Tensor, to target: Tensor) {
    precondition(addend.count == target.count, "\(addend.shape) added to \(target.shape)")
    precondition(addend.type == target.type, "\(addend.type) added to \(target.type)")
    let mark = scratch.mark
    defer { scratch.release(to: mark) }
    unsafe nas_add(
      target.address, addend.address, target.type.code, target.count,
      scratch.room(nas_stream_scratch(1)))
  }

  /// Writes a normalised tensor in single precision.
  public func gather(_ x: NormalizedTensor, into y: Tensor) {
    precondition(y.count == x.shape.count, "\(y.shape) read from \(x.shape)")
    unsafe withSource(x) { source in
      unsafe nas_gather(source, x.shape.rows, x.shape.channels, y.start)
    }
  }

  /// Writes the mean of each channel over an image's pixels into `y`.
  ///
  /// - Parameters:
  ///   - x: Of shape `[batch, height, width, channels]`.
  ///   - y: Of shape `[batch, 1, 1, channels]`. Overwritten.
  public func averagePool(_ x: NormalizedTensor, into y: Tensor) {
    let shape = x.shape
    precondition(y.count == shape.batch * shape.channels, "\(y.shape) pooled from \(shape)")
    let mark = scratch.mark
    defer { scratch.release(to: mark) }
    let room = unsafe scratch.room(nas_stream_scratch(shape.channels))
    unsafe withSource(x) { source in
      unsafe nas_average_pool(
        source, shape.batch, shape.height * shape.width, shape.channels, y.start, room)
    }
  }

  /// Gives the gradient of what a pooling read to a sink.
  ///
  /// - Returns: The sums of the input's gradient, if the sink finishes it.
  public func averagePoolBackward(
    outputGradient: Tensor, input: NormalizedTensor, sink: GradientSink
  ) -> GradientSums? {
    let shape = input.shape
    precondition(outputGradient.count == shape.batch * shape.channels, "a gradient too long")
    precondition(sink.gradient.shape == shape, "a gradient of another shape")
    let mark = scratch.mark
    defer { scratch.release(to: mark) }
    let room = unsafe scratch.room(nas_stream_scratch(shape.channels))
    return unsafe withSource(input) { source in
      unsafe withSink(sink, of: input) { sink in
        unsafe nas_average_pool_backward(
          outputGradient.start, source, sink, shape.batch, shape.height * shape.width,
          shape.channels, room)
      }
    }
  }

  /// Takes one step of gradient descent with momentum, in place.
  ///
  /// With g = gradient + decay · weight and v = momentum · v + g, the weight falls by rate · v, or
  /// by rate · (g + momentum · v) if the momentum is Nesterov's.
  public func momentumStep(
    weight: Tensor, gradient: Tensor, velocity: Tensor, rate: Float, momentum: Float,
    decay: Float, isNesterov: Bool
  ) {
    precondition(
      gradient.count == weight.count && velocity.count == weight.count, "one gradient a weight")
    unsafe nas_momentum_step(
      weight.start, gradient.start, velocity.start, weight.count, rate, momentum, decay,
      isNesterov ? 1 : 0)
  }
}
