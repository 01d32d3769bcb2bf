import SearchSpace
import Strategies
import TestSupport
import Testing

@Suite struct ThresholdSearchTests {
  /// Widths, depths, expansions, groups, gates and a residual stream of fixed width.
  private static func space() throws -> SearchSpace {
    try SearchSpace(name: "all", input: Shape(channels: 3, height: 8, width: 8)) {
      Convolution(name: "stem", width: .range(4...16, step: 4), kernel: [3, 5])
      Stage(.basic(inner: .range(3...13)), width: [16], depth: [1, 2, 4], residual: .fixed)
      Stage(
        .invertedResidual(expand: [2, 3, 4], gate: SqueezeAndExcitation()), width: [8, 12, 20],
        depth: [1, 2], stride: 2)
      Stage(.bottleneck(inner: [8, 16, 32], in: .groups(4)), width: [16, 32], depth: [1, 3])
      Convolution(name: "head", width: .range(1...40), kernel: 1)
      GlobalAveragePool()
      Linear(classes: 4)
    }
  }

  /// What the threshold rule says, written down once more: no ranks, no halving.
  private func kept(
    above threshold: (value: Double, group: Int, channel: Int), _ values: [[Double]],
    in space: SearchSpace
  ) -> Architecture {
    var sizes: [Int: Int] = [:]
    var counts: [Int] = []
    for (index, group) in space.gatedGroups.enumerated() {
      let count = values[index].indices.count { channel in
        let value = values[index][channel]
        return value > threshold.value
          || value == threshold.value && (index, channel) <= (threshold.group, threshold.channel)
      }
      counts.append(count)
      sizes[group.decision] = group.channels.indices.last { group.channels[$0] <= count } ?? 0
    }
    for (index, decision) in space.decisions.enumerated() {
      guard case .depth = decision.kind else { continue }
      let alive = space.removableBlocks.filter { block in
        block.decision == index
          && (block.groups.isEmpty || block.groups.contains { counts[$0] > 0 })
      }
      let blocks = (alive.map(\.position).max() ?? 0) + (alive.isEmpty ? 0 : 1)
      sizes[index] = decision.choices.firstIndex { $0 >= blocks } ?? 0
    }
    return space.architecture { sizes[$0] }
  }

  @Test func `finds what trying every threshold finds, for a thousand gates and budgets`() throws {
    let counted = try Self.space()
    let space = counted.timed(by: .made(of: counted))
    let groups = space.gatedGroups
    let smallest = ThresholdSearch(over: ChannelGates(groups.map { _ in [] }), in: space)
    let least = space.cost(of: smallest.architecture(keeping: 0))
    let largest = space.cost(of: space.largest)
    var generator = SeededGenerator(seed: 11)
    for round in 0..<100 {
      // Wider than the space or not, and every other time with many equal values.
      let factor = round % 3 == 0 ? 1.25 : 1
      let steps = round % 2 == 0 ? 4.0 : 1e9
      let values = groups.map { group in
        (0..<group.channels(widenedBy: factor)).map { _ in
          (generator.uniform() * steps).rounded() / steps
        }
      }
      var path = [kept(above: (2, 0, 0), values, in: space)]
      for (group, channels) in values.enumerated() {
        for (channel, value) in channels.enumerated() {
          path.append(kept(above: (value, group, channel), values, in: space))
        }
      }
      let costs = Set(path).map { space.cost(of: $0) }
      let search = ThresholdSearch(over: ChannelGates(values), in: space)
      for _ in 0..<10 {
        let metric = Cost.Metric.allCases.randomElement(using: &generator) ?? .macs
        let limit = Int.random(in: least[metric]...largest[metric], using: &generator)
        let budget = Budget(metric, atMost: limit)
        let found = space.cost(of: search.architecture(within: budget))
        // Of networks that take as long, as some do in a latency table, the widest.
        let tightest = costs.filter(budget.admits).max {
          ($0[metric], $0.macs, $0.parameters) < ($1[metric], $1.macs, $1.parameters)
        }
        #expect(found == tightest, "round \(round), \(budget)")
      }
    }
  }

  @Test func `keeps some channels of every layer and the blocks that have any`() throws {
    let space = try Self.space()
    let names = space.decisions.map(\.name)
    func sizes(_ value: (String, Int) -> Double, keeping count: Int) -> [String: Int] {
      let values = space.gatedGroups.map { group in
        (0..<group.widest).map { value(names[group.decision], $0) }
      }
      let search = ThresholdSearch(over: ChannelGates(values), in: space)
      return Dictionary(
        uniqueKeysWithValues: space.sizes(of: search.architecture(keeping: count)).map { ($0, $1) })
    }
    // Nothing is worth anything but two channels in the third block of the first stage.
    let two = sizes(
      { name, channel in
        name == "stage1.block3.inner" && [1, 7].contains(channel) ? 1 : 0
      }, keeping: 2)
    #expect(two["stage1.depth"] == 4, "depths are 1, 2 and 4")
    #expect(two["stage1.block3.inner"] == 3, "two channels are fewer than any choice needs")
    #expect(two["stage2.depth"] == 1)
    #expect(two["stem"] == 4)
    #expect(two["stem.kernel"] == 5, "kernels are the largest")
    // Five of the head's channels make a head of five.
    let five = sizes({ name, channel in name == "head" && channel % 8 == 3 ? 1 : 0 }, keeping: 5)
    #expect(five["head"] == 5)
    #expect(five["stage1.depth"] == 1)
  }

  @Test func `uses up the budget when scaling all widths alike`() throws {
    let space = try Family.resNet(layers: 20).space(
      input: Shape(channels: 3, height: 32, width: 32), classes: 10,
      settings: {
        var settings = Family.Settings()
        settings.width = WidthRule(groups: 64, divisor: 1)
        return settings
      }())
    let largest = space.network(of: space.largest).cost
    let budgets = [0.8, 0.5, 0.2].map { Budget(.macs, atMost: Int(Double(largest.macs) * $0)) }
    for finalist in try UniformScaling(space: space, budgets: budgets).finalists {
      let cost = space.network(of: finalist.architecture).cost
      #expect(finalist.budget.admits(cost))
      #expect(Double(cost.macs) > 0.97 * Double(finalist.budget.limit))
      // All widths are the same share of the widest, up to one step.
      let shares = space.decisions.indices.map { decision in
        let choices = space.decisions[decision].choices
        return Double(choices[finalist.architecture.choices[decision]]) / Double(choices.last ?? 1)
      }
      #expect((shares.max() ?? 0) - (shares.min() ?? 1) < 0.07, "\(shares)")
    }
  }
}
