import SearchSpace
import Strategies
import Testing

@Suite struct LargestNetworkTests {
  @Test func `asks nothing and names the largest network for every budget`() throws {
    let space = try smallSpace()
    let cost = space.network(of: space.largest).cost
    let budgets = [
      Budget(.macs, atMost: cost.macs), Budget(.parameters, atMost: 2 * cost.parameters),
    ]
    var strategy = try LargestNetwork(space: space, budgets: budgets)
    var generator = SeededGenerator(seed: 1)
    #expect(strategy.ask(in: space, using: &generator) == nil)
    #expect(
      strategy.finalists == budgets.map { Finalist(budget: $0, architecture: space.largest) })
    #expect(LargestNetwork.startingWeights == .drawn)
  }

  @Test func `refuses a budget that the network exceeds`() throws {
    let space = try smallSpace()
    let cost = space.network(of: space.largest).cost
    #expect(throws: StrategyError.unreachable(Budget(.macs, atMost: 9), smallest: cost.macs)) {
      try LargestNetwork(space: space, budgets: [Budget(.macs, atMost: 9)])
    }
  }
}
