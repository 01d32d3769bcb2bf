import SearchSpace
import TestSupport
import Testing

@Suite struct SamplerTests {
  /// MobileNetV2 with elastic widths and depths.
  private func space() throws -> SearchSpace {
    var settings = Family.Settings()
    settings.smallestDepth = 1
    return try Family.mobileNetV2.space(
      input: Shape(channels: 3, height: 32, width: 32), classes: 10, settings: settings)
  }

  private func budgets(_ space: SearchSpace, macs: Double, parameters: Double) -> [Budget] {
    let largest = space.network(of: space.largest).cost
    return [
      Budget(.macs, atMost: Int(macs * Double(largest.macs))),
      Budget(.parameters, atMost: Int(parameters * Double(largest.parameters))),
    ]
  }

  private func isCanonical(_ architecture: Architecture, in space: SearchSpace) -> Bool {
    zip(architecture.choices, space.decisions).enumerated().allSatisfy { index, answer in
      space.isActive(index, in: architecture) || answer.0 == answer.1.choices.count - 1
    }
  }

  @Test(arguments: [(0.5, 0.5), (0.1, 0.9), (0.9, 0.1), (0.03, 0.03)])
  func `draws, mutates and crosses within all budgets at once`(
    macs: Double, parameters: Double
  ) throws {
    let space = try space()
    let budgets = budgets(space, macs: macs, parameters: parameters)
    let sampler = try ArchitectureSampler(of: space, within: budgets)
    let range = CostRange(of: .macs, in: space)
    var generator = SeededGenerator(seed: 1)
    var parent = sampler.randomArchitecture(using: &generator)
    for turn in 0..<400 {
      let next =
        switch turn % 5 {
        case 0: sampler.randomArchitecture(using: &generator)
        case 1: sampler.randomArchitecture(uniformlyOver: range, using: &generator)
        case 2: sampler.mutation(of: parent, rate: 0.2, using: &generator)
        case 3: sampler.mutation(of: parent, rate: 0.5, by: .neighbor, using: &generator)
        default:
          sampler.crossover(
            of: parent, and: sampler.randomArchitecture(using: &generator), using: &generator)
        }
      let cost = space.network(of: next).cost
      #expect(space.contains(next) && budgets.allSatisfy { $0.admits(cost) })
      #expect(isCanonical(next, in: space))
      parent = next
    }
  }

  @Test func `repairs no further than it must`() throws {
    let space = try space()
    let budgets = budgets(space, macs: 0.3, parameters: 1)
    let sampler = try ArchitectureSampler(of: space, within: budgets)
    var generator = SeededGenerator(seed: 2)
    for _ in 0..<200 {
      let architecture = sampler.census.randomArchitecture(using: &generator)
      let cost = space.network(of: architecture).cost
      let repaired = sampler.repaired(architecture, using: &generator)
      if budgets[0].admits(cost) {
        #expect(repaired == architecture)
      } else {
        // A choice of a decision is at most some percent of all.
        let macs = space.network(of: repaired).cost.macs
        #expect(Double(macs) > 0.75 * Double(budgets[0].limit))
      }
    }
  }

  @Test func `names the nearest cost where no network keeps to a budget`() throws {
    let space = try space()
    let least = space.network(of: space.smallest).cost
    let budget = Budget(.macs, atMost: least.macs - 1)
    #expect(throws: UnreachableBudget(budget: budget, nearest: least.macs)) {
      try ArchitectureSampler(of: space, within: [Budget(.parameters, atMost: 1 << 40), budget])
    }
    let exact = try ArchitectureSampler(of: space, within: [Budget(.macs, atMost: least.macs)])
    var generator = SeededGenerator(seed: 3)
    let only = exact.randomArchitecture(using: &generator)
    #expect(space.network(of: only) == space.network(of: space.smallest))
  }

  @Test(arguments: Cost.Metric.allCases)
  func `spreads evenly over the costs`(metric: Cost.Metric) throws {
    let counted = try space()
    let space = counted.timed(by: .made(of: counted))
    let sampler = try ArchitectureSampler(of: space)
    let (low, high) = (
      Double(space.cost(of: space.smallest)[metric]), Double(space.cost(of: space.largest)[metric])
    )
    var generator = SeededGenerator(seed: 4)
    func histogram(_ draw: (inout SeededGenerator) -> Architecture) -> [Int] {
      var bins = [Int](repeating: 0, count: 10)
      for _ in 0..<4000 {
        let cost = Double(space.cost(of: draw(&generator))[metric])
        bins[min(9, Int(10 * (cost - low) / (high - low)))] += 1
      }
      return bins
    }
    // 400 are expected in each tenth of the range; chance alone makes it 340 to 460.
    let range = CostRange(of: metric, in: sampler.space)
    let even = histogram { sampler.randomArchitecture(uniformlyOver: range, using: &$0) }
    #expect(even.allSatisfy { (300...500).contains($0) }, "\(even)")
    // Equal chances for every network leave both ends empty.
    let heaped = histogram { sampler.randomArchitecture(using: &$0) }
    #expect(heaped[9] == 0 && heaped.contains { $0 > 1000 }, "\(heaped)")
  }

  @Test func `changes about as many decisions as the rate says`() throws {
    let space = try Family("resnet-20").space(
      input: Shape(channels: 3, height: 32, width: 32), classes: 10)
    let sampler = try ArchitectureSampler(of: space)
    var generator = SeededGenerator(seed: 5)
    var changed = 0
    for _ in 0..<1000 {
      let parent = sampler.randomArchitecture(using: &generator)
      let child = sampler.mutation(of: parent, rate: 0.25, by: .neighbor, using: &generator)
      for (before, after) in zip(parent.choices, child.choices) where before != after {
        #expect(abs(before - after) == 1)
        changed += 1
      }
    }
    let elastic = space.decisions.count
    #expect((0.22...0.28).contains(Double(changed) / Double(1000 * elastic)))
    let parent = sampler.randomArchitecture(using: &generator)
    #expect(sampler.mutation(of: parent, rate: 0, using: &generator) == parent)
    let opposite = sampler.mutation(of: parent, rate: 1, using: &generator)
    #expect(zip(parent.choices, opposite.choices).allSatisfy { $0 != $1 })
  }

  @Test func `fills the blocks that a mutation adds with any sizes, not only the largest`() throws {
    let space = try SmallSpaces.residual.make()
    let sampler = try ArchitectureSampler(of: space)
    let depth = try #require(space.decisions.firstIndex { $0.name == "stage1.depth" })
    let inner = try #require(space.decisions.firstIndex { $0.name == "stage1.block4.inner" })
    var generator = SeededGenerator(seed: 6)
    var sizes: [Int: Int] = [:]
    for _ in 0..<3000 {
      let child = sampler.mutation(of: space.smallest, rate: 0.5, using: &generator)
      if child.choices[depth] == 2 { sizes[child.choices[inner], default: 0] += 1 }
    }
    #expect(sizes.count == 3 && sizes.values.allSatisfy { $0 > 150 }, "\(sizes)")
  }

  @Test func `inherits every decision that matters from a parent in which it matters`() throws {
    let space = try space()
    let sampler = try ArchitectureSampler(of: space)
    var generator = SeededGenerator(seed: 7)
    for _ in 0..<200 {
      let mother = sampler.randomArchitecture(using: &generator)
      let father = sampler.randomArchitecture(using: &generator)
      let child = sampler.crossover(of: mother, and: father, using: &generator)
      for decision in space.decisions.indices where space.isActive(decision, in: child) {
        let donors = [mother, father].filter { space.isActive(decision, in: $0) }
        #expect(donors.contains { $0.choices[decision] == child.choices[decision] })
      }
    }
  }

  @Test func `draws the same for the same seed`() throws {
    let space = try space()
    let sampler = try ArchitectureSampler(
      of: space, within: budgets(space, macs: 0.3, parameters: 0.3))
    func draw() -> [Architecture] {
      var generator = SeededGenerator(seed: 9)
      return (0..<20).map { _ in sampler.randomArchitecture(using: &generator) }
    }
    #expect(draw() == draw())
  }
}
