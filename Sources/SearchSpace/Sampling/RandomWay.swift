/// A way from one architecture to another on which each step changes one decision by one choice.
///
/// The steps come in random order, so that on the way every decision keeps about its share of what
/// is left to go.
struct RandomWay {
  private let start: Architecture
  private let steps: [Step]

  private struct Step {
    var decision: Int
    var change: Int
  }

  init(
    from start: Architecture, to end: Architecture,
    using generator: inout some RandomNumberGenerator
  ) {
    self.start = start
    var steps: [Step] = []
    for (decision, (from, to)) in zip(start.choices, end.choices).enumerated() {
      let step = Step(decision: decision, change: to > from ? 1 : -1)
      for _ in 0..<abs(to - from) { steps.append(step) }
    }
    self.steps = steps.shuffled(using: &generator)
  }

  /// How many steps lead from one end to the other.
  var length: Int { steps.count }

  /// Where one is after some steps.
  subscript(step: Int) -> Architecture {
    var architecture = start
    for step in steps[..<step] { architecture.choices[step.decision] += step.change }
    return architecture
  }

  /// A place where a condition begins to hold, found by halving the way.
  ///
  /// - Precondition: It holds at the end, and not at the start.
  /// - Returns: The number of steps to there; one step before, it does not hold.
  func firstStep(where condition: (Architecture) -> Bool) -> Int {
    var before = 0
    var after = length
    while after - before > 1 {
      let middle = (before + after) / 2
      if condition(self[middle]) { after = middle } else { before = middle }
    }
    return after
  }
}
