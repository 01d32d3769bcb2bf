import SearchSpace
import Study
import Testing

@Suite struct BudgetOutlookTests {
  private static let image = Shape(channels: 1, height: 28, width: 28)

  /// The budgets of a search file, seen in the space that it describes.
  private func outlooks(_ space: String, _ budgets: String) throws -> [BudgetOutlook] {
    let plan = try plan(search(["space": space, "budgets": budgets]))
    return try plan.budgetOutlooks(in: Self.space(of: plan))
  }

  private static func space(of plan: Plan) throws -> SearchSpace {
    try plan.space.makeSpace(input: image, classes: 10)
  }

  @Test func `tells the nearest cost of every budget, met or not`() throws {
    let outlooks = try outlooks("{network: resnet-14}", "[{macs: 4M}, {params: 10}, {macs: 50%}]")
    let space = try Family("resnet-14").space(input: Self.image, classes: 10)
    let (small, large) = (
      space.network(of: space.smallest).cost, space.network(of: space.largest).cost
    )
    #expect(outlooks.map(\.nearest) == [small.macs, small.parameters, small.macs])
    #expect(outlooks.map(\.budget.limit) == [4_000_000, 10, large.macs / 2])
    #expect(outlooks.map(\.isReachable) == [true, false, true])
    #expect(outlooks.map { $0.obstacle == nil } == [true, false, true])
  }

  @Test(arguments: [
    // Widths of one choice each: nothing else keeps the network as large.
    ("{network: resnet-14, width: {groups: 1}, depth: {min: 1}}", "space.width", true),
    // Widths go down to one channel, and every block stays.
    ("{network: resnet-110, width: {groups: 1000, divisor: 1}}", "space.depth", false),
    (
      "{network: resnet-110, width: {groups: 1000, divisor: 1}, depth: {min: 17}}",
      "space.depth", true
    ),
    (
      "{network: resnet-14, width: {groups: 1000, divisor: 1}, depth: {min: 1}, residual: fixed}",
      "space.residual", true
    ),
    // Nothing can be loosened any more.
    (
      "{network: resnet-14, width: {groups: 1000, divisor: 1}, depth: {min: 1}}",
      "space.network", true
    ),
  ])
  func `names the key that forbids more`(space: String, key: String, isGiven: Bool) throws {
    let outlook = try #require(outlooks(space, "[{macs: 1}]").first)
    let obstacle = try #require(outlook.obstacle)
    #expect(obstacle.key == key)
    #expect(obstacle.isGiven == isGiven)
    #expect(obstacle.line == 3)
    #expect((obstacle.nearestWithout < outlook.nearest) == (key != "space.network"))
  }

  @Test(arguments: [
    // Widths and blocks are as few as can be; what is left is inside the block.
    ("{stage: {block: inverted-residual, expand: 6, width: 1, depth: 1}}", true),
    ("{stage: {block: basic, inner: 8, width: 1, depth: 1}}", true),
    ("{stage: {block: plain, kernel: 5, width: 1, depth: 1}}", true),
    ("{one-of: [[{conv: {width: 8, kernel: 3}}], [{conv: {width: 16, kernel: 3}}]]}", true),
    ("{depthwise: {kernel: 5}}", true),
    ("{pool: {kind: max, kernel: 3, stride: 1}}", false),
  ])
  func `names the part of a list that forbids more`(part: String, isObstacle: Bool) throws {
    let layers = "[{conv: {width: 1, kernel: 1}}, \(part), {pool: average}, {linear: {}}]"
    let outlook = try #require(outlooks("{layers: \(layers)}", "[{macs: 1}]").first)
    let obstacle = try #require(outlook.obstacle)
    #expect(obstacle.key == (isObstacle ? "space.layers[1]" : "space.layers"))
    #expect((obstacle.nearestWithout < outlook.nearest) == isObstacle)
  }

  @Test func `refuses all budgets that cannot be met at once, each at its place`() throws {
    let plan = try plan(
      """
      data: {path: images}
      strategy: autoslim
      budgets:
        - macs: 10
        - macs: 90%
        - params: 1%
      space:
        network: resnet-14
        width: {groups: 2}
      """)
    let error = #expect(throws: PlanError.self) {
      try plan.requireReachableBudgets(in: Self.space(of: plan))
    }
    let problems = try #require(error?.problems)
    #expect(problems.map(\.line) == [4, 6])
    #expect(problems.map(\.column) == [5, 5])
    #expect(
      problems[0].message.hasPrefix("no network of the space has macs ≤ 10: the smallest has"))
    #expect(problems[0].message.contains("space.width on line 9 forbids less: give more groups"))
  }

  @Test func `says at its place that a strategy does not come to a budget that others meet`() throws
  {
    // The dear alternative stands first, so slimming ends with it; drawing finds the other.
    func searching(by strategy: String) throws -> Plan {
      try plan(
        """
        data: {path: images}
        strategy: \(strategy)
        budgets: [{macs: 10k}]
        space:
          layers:
            - conv: {width: 4, kernel: 3, stride: 2}
            - one-of:
                - [{conv: {width: 4, kernel: 5}}]
                - []
            - pool: average
            - linear: {}
        """)
    }
    let random = try searching(by: "random")
    let space = try Self.space(of: random)
    #expect(random.budgetOutlooks(in: space).map(\.isReachable) == [true])
    try random.requireReachableBudgets(in: space)
    let slimming = try searching(by: "autoslim")
    let error = #expect(throws: PlanError.self) {
      try slimming.requireReachableBudgets(in: space)
    }
    let problems = try #require(error?.problems)
    #expect(problems.map(\.line) == [3])
    #expect(problems[0].message.contains("alternatives"))
  }

  @Test func `takes plans that differ only in their lay-out for the same`() throws {
    let text = search()
    let moved = try plan("# a comment\n\n" + text)
    #expect(try plan(text) == moved)
    #expect(try plan(text).hashValue == moved.hashValue)
    #expect(try plan(text).places["budgets[0]"]?.line == 1)
    #expect(moved.places["budgets[0]"]?.line == 3)
  }
}
