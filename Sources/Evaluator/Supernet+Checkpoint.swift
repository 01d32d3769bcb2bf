import Kernels
public import Networks

extension Supernet {
  private static let velocityPrefix = "optimizer.velocity."
  private static let stepKey = "nas.step"
  private static let precisionKey = "nas.precision"

  /// Everything that training goes on from: weights, momentum, the number of the step, precision.
  ///
  /// Batches, augmentations and random subnets follow from the seed and the step alone.
  public func checkpoint() -> Safetensors {
    var file = Safetensors(
      metadata: [Self.stepKey: "\(step)", Self.precisionKey: precision.rawValue])
    for entry in parameters.entries {
      file.append(
        Safetensors.Tensor(
          name: entry.name, shape: entry.sizes, values: parameters.values(of: entry)))
      file.append(
        Safetensors.Tensor(
          name: Self.velocityPrefix + entry.name, shape: entry.sizes,
          values: parameters.velocity(of: entry)))
    }
    return file
  }

  /// Goes back to a checkpoint.
  ///
  /// - Throws: ``WeightsError`` if it is that of another supernet; then nothing has changed.
  public func restore(_ file: Safetensors) throws(WeightsError) {
    var problems: [String] = []
    func values(_ name: String, _ sizes: [Int]) -> [Float] {
      guard let tensor = file[name], tensor.shape == sizes else {
        problems.append("'\(name)' is missing or not of shape \(sizes)")
        return []
      }
      return tensor.values
    }
    let restored = parameters.entries.map { entry in
      (
        entry, values(entry.name, entry.sizes),
        values(Self.velocityPrefix + entry.name, entry.sizes)
      )
    }
    let step = file.metadata[Self.stepKey].flatMap { Int($0) }
    if step == nil { problems.append("'\(Self.stepKey)' is missing") }
    let precision = file.metadata[Self.precisionKey].flatMap(ElementType.init)
    if precision == nil { problems.append("'\(Self.precisionKey)' is missing") }
    guard problems.isEmpty, let step, let precision else { throw WeightsError(problems: problems) }
    for (entry, weights, velocity) in restored {
      parameters.set(entry, to: weights)
      parameters.setVelocity(of: entry, to: velocity)
    }
    self.step = step
    self.precision = precision
  }
}
