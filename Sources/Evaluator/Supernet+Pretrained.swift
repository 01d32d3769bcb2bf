public import Networks

extension Supernet {
  /// Begins the training from weights found elsewhere.
  ///
  /// - Precondition: It has not begun, and the weights are for the space's supernet.
  public func begin(with weights: PretrainedWeights) {
    precondition(step == 0, "the supernet has been trained for \(step) steps already")
    parameters.set(weights)
  }
}
