import SearchSpace
import Strategies
import Testing

@Suite struct PruningFromScratchTests {
  private func space() throws -> SearchSpace {
    try SearchSpace(name: "two", input: Shape(channels: 3, height: 8, width: 8)) {
      Convolution(name: "first", width: .range(1...8), kernel: 3)
      Convolution(name: "second", width: .range(1...12), kernel: 3)
      GlobalAveragePool()
      Linear(classes: 4)
    }
  }

  /// Learns gates from a gradient that does not depend on the batch.
  private func gates(
    steps: Int, settings: PruningFromScratch.Settings, slope: (Int, Double) -> Double
  ) throws -> [ChannelGates] {
    let space = try space()
    var settings = settings
    settings.steps = steps
    var strategy = try PruningFromScratch(space: space, budgets: [], settings: settings)
    var generator = SeededGenerator(seed: 0)
    var all = [strategy.gates]
    while case .differentiateGates(let gates, let step) = strategy.ask(in: space, using: &generator)
    {
      #expect(step == all.count - 1)
      #expect(gates == strategy.gates)
      var gradient = gates
      for index in gates.values.indices {
        gradient.values[index] = slope(index, gates.values[index])
      }
      _ = try strategy.tell(
        .gateGradient(GateGradient(loss: 1, gradient: gradient)), in: space)
      all.append(strategy.gates)
    }
    return all
  }

  @Test func `starts a quarter wider than the space, with all gates open`() throws {
    let start = try gates(steps: 1, settings: .init(), slope: { _, _ in 0 })[0]
    #expect(start.counts == [10, 15])
    #expect(start.values.allSatisfy { $0 == 1 })
  }

  @Test func `takes the step that its loss and Adam prescribe`() throws {
    // Worked out by hand: the penalty's slope at mean 1 is 2 · 0.5 · (1 - 0.2) / 25 = 0.032, and
    // Adam's first step is the rate against the gradient's sign, whatever its size.
    let first = try gates(steps: 1, settings: .init()) { index, _ in index == 3 ? -0.132 : 0 }[1]
    for (index, gate) in first.values.enumerated() {
      // Gates do not open beyond 1.
      #expect(abs(gate - (index == 3 ? 1 : 0.99)) < 1e-6)
    }
    // An independent reckoning of three steps for one gate among equals.
    let gates = try gates(steps: 3, settings: .init()) { _, gate in 0.3 * gate }
    var (gate, mean, square) = (1.0, 0.0, 0.0)
    for step in 1...3 {
      let gradient = 0.3 * gate + 2 * 0.5 * (gate - 0.2) / 25
      mean = 0.9 * mean + 0.1 * gradient
      square = 0.999 * square + 0.001 * gradient * gradient
      let decays = (0..<step).reduce((1.0, 1.0)) { sofar, _ in (sofar.0 * 0.9, sofar.1 * 0.999) }
      gate -= 0.01 * (mean / (1 - decays.0)) / ((square / (1 - decays.1)).squareRoot() + 1e-8)
      #expect(gates[step].values.allSatisfy { abs($0 - gate) < 1e-12 })
    }
  }

  @Test func `brings the mean of the gates to the sparsity where nothing else pulls at them`()
    throws
  {
    var settings = PruningFromScratch.Settings()
    settings.sparsity = 0.4
    let last = try #require(try gates(steps: 400, settings: settings, slope: { _, _ in 0 }).last)
    let mean = last.values.reduce(0, +) / Double(last.values.count)
    #expect(abs(mean - 0.4) < 0.02)
  }

  @Test func `keeps the gates that the loss wants open`() throws {
    let gates = try gates(steps: 300, settings: .init()) { index, _ in index % 5 == 0 ? -1 : 0.1 }
    for step in gates {
      #expect(step.values.allSatisfy { (0...1).contains($0) })
    }
    for (index, gate) in (gates.last?.values ?? []).enumerated() {
      #expect(index % 5 == 0 ? gate == 1 : gate < 0.1)
    }
  }

  @Test func `refuses numbers that are none`() throws {
    let space = try space()
    let budget = Budget(.macs, atMost: 100_000)
    var scratch = try PruningFromScratch(space: space, budgets: [budget])
    let gradient = ChannelGates(repeating: .nan, counts: scratch.gates.counts)
    #expect(throws: StrategyError.noGradient(step: 0)) {
      _ = try scratch.tell(.gateGradient(GateGradient(loss: 1, gradient: gradient)), in: space)
    }
    var slimming = try NetworkSlimming(space: space, budgets: [budget])
    #expect(throws: StrategyError.noMeasure) {
      _ = try slimming.tell(
        .channelMeasures(ChannelGates(repeating: .infinity, counts: [8, 12])), in: space)
    }
  }

  @Test func `slims no network whose channels have no scales`() throws {
    let space = try SearchSpace(name: "bare", input: Shape(channels: 3, height: 8, width: 8)) {
      Convolution(name: "first", width: .range(1...8), kernel: 3, completion: .bias)
      GlobalAveragePool()
      Linear(classes: 4)
    }
    #expect(throws: StrategyError.notNormalized(layer: "first")) {
      _ = try NetworkSlimming(space: space, budgets: [])
    }
    _ = try FilterPruning(space: space, budgets: [])
  }
}
