import RealModule

/// Stochastic gradient descent with momentum, and how its rate changes over the training.
public struct MomentumOptimizer: Hashable, Codable, Sendable {
  /// The highest learning rate.
  public var rate = 0.1

  public var momentum = 0.9

  /// Whether the momentum is Nesterov's.
  public var isNesterov = true

  /// What each decaying weight adds to its gradient, as a share of itself.
  public var weightDecay = 1e-4

  public var schedule = Schedule.cosine

  /// The share of the steps in which the rate rises, in a straight line, before the schedule begins.
  public var warmUp = 0.0

  /// Where ``Schedule/step`` lowers the rate, as shares of all steps.
  public var milestones = [0.5, 0.75]

  public init() {}

  /// How the learning rate falls from its highest value.
  public enum Schedule: String, Hashable, Codable, Sendable, CaseIterable {
    /// Half a period of a cosine, to zero.
    case cosine
    /// In a straight line, to zero.
    case linear
    /// Not at all.
    case constant
    /// To a tenth at each milestone.
    case step
  }

  /// The learning rate of a step.
  ///
  /// - Parameters:
  ///   - step: The step, from 0.
  ///   - count: The number of steps of the whole training.
  /// - Returns: The rate, from 0 to ``rate``.
  public func rate(at step: Int, of count: Int) -> Double {
    let rising = Int((warmUp * Double(count)).rounded())
    // Neither the first step nor the last of these repeats one of the schedule.
    guard step >= rising else { return rate * Double(step + 1) / Double(rising + 1) }
    let progress = Double(step - rising) / Double(max(1, count - rising))
    switch schedule {
    case .cosine: return rate * 0.5 * (1 + .cos(.pi * progress))
    case .linear: return rate * (1 - progress)
    case .constant: return rate
    case .step:
      let passed = milestones.count { Double(step) >= $0 * Double(count) }
      return rate * .pow(10, -passed)
    }
  }
}
