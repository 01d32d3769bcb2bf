import Evaluator
import Kernels
import SearchSpace

extension StageEstimate {
  /// Estimates the retraining of the picked networks.
  ///
  /// One network is reckoned for each budget, of as many multiply-adds as the budget allows, and the
  /// teacher if there is to be one. The time of a step is taken to grow with its multiply-adds.
  ///
  /// - Parameters:
  ///   - material: The plan's images and space.
  ///   - engine: What computes.
  ///   - scoring: The seconds for one image of the largest network when it only answers.
  ///   - shared: Bytes that every stage needs.
  /// - Returns: The estimate, or `nil` if the plan has nothing retrained.
  /// - Throws: `KernelError` if a kernel fails.
  static func retraining(
    of material: StudyMaterial, engine: Engine, scoring: Double, shared: Int
  ) throws -> StageEstimate? {
    guard let retrain = material.plan.retrain, let memory = material.memoryOfRetraining else {
      return nil
    }
    let largest = material.largestNetwork
    let secondsPerImage = try trainingSecondsPerImage(
      of: largest, by: retrain, in: material, engine)
    let images = material.images.training.count / retrain.batch * retrain.batch
    func seconds(share: Double, isTaught: Bool) -> Double {
      let macs = max(1, Int(share * Double(largest.cost.macs)))
      let epochs = retrain.epochs.of(macs: macs, largest: largest.cost.macs)
      return Double(epochs * images) * (share * secondsPerImage + (isTaught ? scoring : 0))
    }
    let isTaught = retrain.distill != nil
    let shares = material.plan.budgets(largest: largest.cost).map { budget in
      min(1, Double(budget.limit) / Double(max(1, largest.cost[budget.metric])))
    }
    let networks = shares.count == 1 ? "a network" : "\(shares.count) networks"
    let epochs =
      switch retrain.epochs {
      case .count(let count): "\(count) epochs"
      case .match(let count): "the arithmetic of \(count) epochs"
      }
    return StageEstimate(
      stage: .retraining,
      work: "\(isTaught ? "the teacher and " : "")\(networks), \(epochs)",
      seconds: shares.reduce(0) { $0 + seconds(share: $1, isTaught: isTaught) }
        + (isTaught ? seconds(share: 1, isTaught: false) : 0),
      bytes: shared + memory.trainingBytes + (isTaught ? memory.answeringBytes : 0))
  }

  /// How long a step takes for an image on a network of its own.
  private static func trainingSecondsPerImage(
    of network: Network, by retrain: Plan.Retrain, in material: StudyMaterial, _ engine: Engine
  ) throws -> Double {
    var recipe = material.trainingRecipe(of: network, by: retrain).ofTeacher
    recipe.batch = min(recipe.batch, images(of: material.space.largest, passes: 3, in: material))
    // Trying both precisions would take longer than the estimate may.
    recipe.precision = recipe.precision ?? .float32
    let training = try NetworkTraining(
      of: network, on: material.images, by: recipe, engine: engine)
    var least = Double.infinity
    try repeating { least = min(least, try seconds { try training.trainStep() }) }
    return least / Double(recipe.batch)
  }
}
