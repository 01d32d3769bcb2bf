import COpenBLAS

extension Engine {
  /// Writes the matrix product of `x` and the transposed weights into `y`: a linear layer.
  ///
  /// - Parameters:
  ///   - x: Of shape `[rows, inputs]`.
  ///   - weights: Of shape `[outputs, inputs]`.
  ///   - y: Of shape `[rows, outputs]`. Overwritten.
  public func multiply(_ x: Tensor, _ weights: WeightView, into y: Tensor) {
    let (rows, inputs, outputs) = matrixSizes(x, weights, y)
    unsafe cblas_sgemm(
      CblasRowMajor, CblasNoTrans, CblasTrans, rows, outputs, inputs, 1, x.start, inputs,
      weights.start, Int32(weights.rowStride), 0, y.start, outputs)
  }

  /// Writes the gradient of a linear layer's input.
  public func multiplyBackwardData(
    outputGradient: Tensor, weights: WeightView, into inputGradient: Tensor
  ) {
    let (rows, inputs, outputs) = matrixSizes(inputGradient, weights, outputGradient)
    unsafe cblas_sgemm(
      CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, inputs, outputs, 1, outputGradient.start,
      outputs, weights.start, Int32(weights.rowStride), 0, inputGradient.start, inputs)
  }

  /// Adds the gradient of a linear layer's weights to `weightGradient`.
  public func multiplyBackwardWeights(
    input: Tensor, outputGradient: Tensor, addingTo weightGradient: WeightView
  ) {
    let (rows, inputs, outputs) = matrixSizes(input, weightGradient, outputGradient)
    unsafe cblas_sgemm(
      CblasRowMajor, CblasTrans, CblasNoTrans, outputs, inputs, rows, 1, outputGradient.start,
      outputs, input.start, inputs, 1, weightGradient.start, Int32(weightGradient.rowStride))
  }

  /// Rows, inputs and outputs of a linear layer, having checked that the operands fit.
  private func matrixSizes(
    _ x: Tensor, _ weights: WeightView, _ y: Tensor
  ) -> (Int32, Int32, Int32) {
    let inputs = x.count / x.shape.batch
    let outputs = y.count / y.shape.batch
    precondition(x.shape.batch == y.shape.batch, "\(x.shape) and \(y.shape) are not one batch")
    weights.require(outputs: outputs, used: inputs)
    return (Int32(x.shape.batch), Int32(inputs), Int32(outputs))
  }
}
