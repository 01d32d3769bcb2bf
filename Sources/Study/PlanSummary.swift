public import SearchSpace

/// What a plan comes to: its space and what the networks in it cost.
public struct PlanSummary: Sendable {
  /// What the space is called and for which images.
  public let space: String

  /// How many questions an architecture answers.
  public let decisions: Int

  public let smallest: Cost
  public let largest: Cost

  /// Reads the plan's data, makes its space and tries its budgets.
  ///
  /// - Parameters:
  ///   - plan: The plan.
  ///   - report: Told how reading goes where it takes long.
  /// - Throws: What is wrong with the data, the space or a budget.
  public init(of plan: Plan, report: (StudyEvent) -> Void = { _ in }) throws {
    let material = try StudyMaterial(plan, report: report)
    try plan.requireReachableBudgets(in: material.space)
    for path in [plan.supernet.pretrained, plan.retrain?.pretrained] {
      _ = try material.pretrainedWeights(at: path)
    }
    space = "\(material.space)"
    decisions = material.space.decisions.count
    smallest = material.space.cost(of: material.space.smallest)
    largest = material.space.cost(of: material.space.largest)
  }
}
