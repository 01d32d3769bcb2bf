import CKernels

extension Engine {
  /// Adds `addend` to `target`, element by element.
  public func add(_ addend: Tensor, to target: Tensor) {
    precondition(addend.count == target.count, "\(addend.shape) added to \(target.shape)")
    unsafe nas_add(target.start, addend.start, target.count)
  }

  /// Writes the mean of each channel over an image's pixels into `y`.
  ///
  /// - Parameters:
  ///   - x: Of shape `[batch, height, width, channels]`.
  ///   - y: Of shape `[batch, 1, 1, channels]`. Overwritten.
  public func averagePool(_ x: Tensor, into y: Tensor) {
    precondition(y.count == x.shape.batch * x.shape.channels, "\(y.shape) pooled from \(x.shape)")
    unsafe nas_average_pool(
      x.start, x.shape.batch, x.shape.height * x.shape.width, x.shape.channels, y.start)
  }

  /// Writes the gradient of what a pooling read.
  public func averagePoolBackward(outputGradient: Tensor, into inputGradient: Tensor) {
    let shape = inputGradient.shape
    precondition(outputGradient.count == shape.batch * shape.channels, "a gradient too long")
    unsafe nas_average_pool_backward(
      outputGradient.start, shape.batch, shape.height * shape.width, shape.channels,
      inputGradient.start)
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
