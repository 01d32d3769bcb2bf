import SearchSpace
import Study
import TestSupport
import Testing

@Suite struct PlanLatencyTests {
  @Test func `reads budgets of latency, and what is timed`() throws {
    let plan = try plan(
      search([
        "budgets": "[{latency: 2ms}, {latency: 60%}, {latency: 312.5us}, {macs: 4M}]",
        "latency": "{batch: 8, threads: 2}",
      ]))
    #expect(
      plan.budgets == [
        Plan.Limit(.latency, .count(2_000_000)),
        Plan.Limit(.latency, .share(partsPerMillion: 600_000)),
        Plan.Limit(.latency, .count(312_500)), Plan.Limit(.macs, .count(4_000_000)),
      ])
    #expect(plan.latency.batch == 8 && plan.latency.threads == 2)
    #expect(plan.resolved.contains("  - {latency: 312.5us}\n"))
    #expect(plan.resolved.contains("latency: {batch: 8, threads: 2}\n"))
    #expect(try Plan(plan.resolved.utf8, file: "again.yaml") == plan)
    // An older study's plan has no such line.
    #expect(
      try !self.plan(search(["budgets": "[{latency: 2ms}]"])).resolved.contains("latency: {batch"))
  }

  private func plan(_ text: String) throws -> Plan {
    try Plan(text.utf8, file: "searches/fashion.yaml")
  }

  @Test(arguments: [
    (
      "2",
      "a time such as 2ms or 300us, or a share such as 40%, but is '2'; add a unit: us, ms or s"
    ),
    ("4M", "but is '4M'; the units are us, ms and s"),
    ("2m", "but is '2m'; the units are us, ms and s"),
    ("0ms", "but is '0ms'; the least is 1"),
    ("1.5ns", "but is '1.5ns'; that is no whole number"),
    ("0%", "but is '0%'; a share is above 0% and at most 100%"),
  ])
  func `says how a latency is written`(amount: String, message: String) {
    let error = #expect(throws: PlanError.self) {
      try plan(search(["budgets": "[{latency: \(amount)}]"]))
    }
    #expect(error?.description.contains("budgets.latency must be ") == true)
    #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
  }

  @Test func `refuses to time what nobody asks about`() {
    let error = #expect(throws: PlanError.self) { try plan(search(["latency": "{batch: 8}"])) }
    #expect(
      error?.problems.map(\.message) == [
        "latency has no effect where no budget and no objective is about it; remove it, or add a "
          + "budget such as {latency: 60%}"
      ])
    #expect(throws: Never.self) {
      try plan(
        search([
          "strategy": "{nsga2: {objectives: [accuracy, latency]}}", "latency": "{batch: 8}",
        ]))
    }
  }

  @Test func `says nothing of latencies before they are known, and then which can be met`() throws {
    let plan = try plan(
      "data: {path: images}\nspace: {network: resnet-14}\nstrategy: random\n"
        + "budgets: [{macs: 4M}, {latency: 1us}, {latency: 50%}]\n")
    let space = try plan.space.makeSpace(input: [1, 28, 28], classes: 10)
    #expect(plan.budgetOutlooks(in: space).map(\.budget.metric) == [.macs])
    try plan.requireReachableBudgets(in: space)

    let timed = space.timed(by: .made(of: space))
    let least = timed.cost(of: timed.smallest)[.latency]
    let outlooks = plan.budgetOutlooks(in: timed)
    #expect(outlooks.map(\.isReachable) == [true, false, true])
    #expect(outlooks[1].nearest == least && outlooks[1].obstacle == nil)
    let error = #expect(throws: PlanError.self) { try plan.requireReachableBudgets(in: timed) }
    #expect(
      error?.description
        == "searches/fashion.yaml:4:23: error: no network of the space has latency ≤ 1us: "
        + "the smallest has \(Cost.Metric.latency.text(of: least))")
  }
}
