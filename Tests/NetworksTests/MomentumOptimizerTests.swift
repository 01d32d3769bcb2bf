import Foundation
import Networks
import Testing

@Suite struct MomentumOptimizerTests {
  private func rates(
    _ count: Int, _ schedule: MomentumOptimizer.Schedule, warmUp: Double = 0,
    milestones: [Double] = [0.5, 0.75]
  ) -> [Double] {
    var optimizer = MomentumOptimizer()
    optimizer.rate = 0.4
    optimizer.schedule = schedule
    optimizer.warmUp = warmUp
    optimizer.milestones = milestones
    return (0..<count).map { optimizer.rate(at: $0, of: count) }
  }

  @Test func `falls along half a cosine`() {
    for (step, rate) in rates(50, .cosine).enumerated() {
      #expect(abs(rate - 0.2 * (1 + cos(Double.pi * Double(step) / 50))) < 1e-15)
    }
  }

  @Test func `falls to a tenth at each milestone`() {
    let rates = rates(8, .step)
    let expected = [0.4, 0.4, 0.4, 0.4, 0.04, 0.04, 0.004, 0.004]
    #expect(zip(rates, expected).allSatisfy { abs($0 - $1) < 1e-15 })
    #expect(self.rates(4, .step, milestones: []) == [0.4, 0.4, 0.4, 0.4])
  }

  @Test(arguments: MomentumOptimizer.Schedule.allCases)
  func `rises in a straight line to where the schedule begins`(
    schedule: MomentumOptimizer.Schedule
  ) {
    let warm = rates(20, schedule, warmUp: 0.2)
    let expected = [0.08, 0.16, 0.24, 0.32, 0.4]
    #expect(zip(warm, expected).allSatisfy { abs($0 - $1) < 1e-15 })
    // Milestones are shares of the whole training, the other schedules fill what is left of it.
    if schedule != .step { #expect(Array(warm[4...]) == rates(16, schedule)) }
    if schedule == .step { #expect(abs(warm[10] - 0.04) < 1e-15 && warm[9] == 0.4) }
  }
}
