import SearchSpace

/// One question for what the channels of a trained network are worth, and the cut for each budget.
struct ChannelRanking: Codable {
  let measure: ChannelMeasure
  let budgets: [Budget]
  private(set) var isCut = false
  private(set) var finalists: [Finalist] = []

  init(
    by measure: ChannelMeasure, _ budgets: [Budget], in space: SearchSpace
  ) throws(StrategyError) {
    try space.requireThreshold(for: budgets)
    self.measure = measure
    self.budgets = budgets
  }

  var question: Question? { isCut ? nil : .measure(measure) }

  mutating func cut(_ answer: Answer, in space: SearchSpace) throws(StrategyError) {
    let worth = answer.channelMeasures
    guard worth.values.allSatisfy(\.isFinite) else { throw .noMeasure }
    finalists = ThresholdSearch(over: worth, in: space).finalists(for: budgets)
    isCut = true
  }
}
