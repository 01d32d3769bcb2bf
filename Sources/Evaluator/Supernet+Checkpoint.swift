public import Networks

extension Supernet {
  /// Everything that training goes on from: weights, momentum, the number of the step, precision.
  public func checkpoint() -> Safetensors {
    TrainingState(step: step, precision: precision).file(of: parameters)
  }

  /// Goes back to a checkpoint.
  ///
  /// - Throws: ``WeightsError`` if it is that of another supernet; then nothing has changed.
  public func restore(_ file: Safetensors) throws(WeightsError) {
    let state = try TrainingState(restoring: parameters, from: file)
    step = state.step
    precision = state.precision
  }
}
