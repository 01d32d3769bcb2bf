import Kernels
import Networks

/// Everything that training goes on from, as it lies in a file: weights, momentum, the number of the
/// step, precision.
///
/// Batches, augmentations and random subnets follow from the seed and the step alone.
struct TrainingState {
  /// How many steps led to it.
  let step: Int

  let precision: ElementType

  private static let velocityPrefix = "optimizer.velocity."
  private static let averagePrefix = "average."
  private static let stepKey = "nas.step"
  private static let precisionKey = "nas.precision"

  /// Writes the state down.
  ///
  /// - Parameters:
  ///   - parameters: The weights and their momentum.
  ///   - average: The moving average of the weights, if there is one.
  /// - Returns: The content of a file.
  func file(of parameters: Parameters, average: Parameters? = nil) -> Safetensors {
    var file = Safetensors(
      metadata: [Self.stepKey: "\(step)", Self.precisionKey: precision.rawValue])
    func append(_ name: String, _ entry: Parameters.Entry, _ values: [Float]) {
      file.append(Safetensors.Tensor(name: name, shape: entry.sizes, values: values))
    }
    for entry in parameters.entries {
      append(entry.name, entry, parameters.values(of: entry))
      append(Self.velocityPrefix + entry.name, entry, parameters.velocity(of: entry))
      if let average {
        append(Self.averagePrefix + entry.name, entry, average.values(of: entry))
      }
    }
    return file
  }

  /// Goes back to a state that was written down.
  ///
  /// - Throws: ``WeightsError`` if it is that of other weights; then nothing has changed.
  init(
    restoring parameters: Parameters, average: Parameters? = nil, from file: Safetensors
  ) throws(WeightsError) {
    var problems: [String] = []
    func values(_ name: String, _ entry: Parameters.Entry) -> [Float] {
      guard let tensor = file[name], tensor.shape == entry.sizes else {
        problems.append("'\(name)' is missing or not of shape \(entry.sizes)")
        return []
      }
      return tensor.values
    }
    let weights = parameters.entries.map { values($0.name, $0) }
    let velocities = parameters.entries.map { values(Self.velocityPrefix + $0.name, $0) }
    let averages = average?.entries.map { values(Self.averagePrefix + $0.name, $0) }
    let step = file.metadata[Self.stepKey].flatMap { Int($0) }
    if step == nil { problems.append("'\(Self.stepKey)' is missing") }
    let precision = file.metadata[Self.precisionKey].flatMap(ElementType.init)
    if precision == nil { problems.append("'\(Self.precisionKey)' is missing") }
    guard problems.isEmpty, let step, let precision else { throw WeightsError(problems: problems) }

    for (index, entry) in parameters.entries.enumerated() {
      parameters.set(entry, to: weights[index])
      parameters.setVelocity(of: entry, to: velocities[index])
      if let averages { average?.set(entry, to: averages[index]) }
    }
    self.step = step
    self.precision = precision
  }

  init(step: Int, precision: ElementType) {
    self.step = step
    self.precision = precision
  }
}
