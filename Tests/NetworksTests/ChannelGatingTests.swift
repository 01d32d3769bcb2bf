import Kernels
import Networks
import SearchSpace
import TestSupport
import Testing

@Suite struct ChannelGatingTests {
  /// A space's gated network over random parameters, with a batch to show it.
  private struct Bench {
    let network: Network
    let gating: ChannelGating
    let runner: NetworkRunner
    let images: [Float]
    let labels: [Int32] = [0, 1, 2, 1, 0, 2]

    init(
      _ space: SearchSpace, channels: [Int]? = nil, backend: Engine.Backend = .fused
    ) throws {
      let counts = channels ?? space.gatedGroups.map(\.widest)
      let gated = space.gatedNetwork(channels: counts)
      network = gated.network
      let parameters = try Parameters(of: network)
      parameters.initialize(seed: 3)
      // Scales and shifts other than 1 and 0, so that both parts of the gradient are seen.
      for (index, entry) in parameters.entries.enumerated() {
        let noise = randomNumbers(entry.count, seed: UInt64(index))
        parameters.set(
          entry, to: zip(parameters.values(of: entry), noise).map { $0 + 0.1 * $1 })
      }
      gating = ChannelGating(gated, channels: counts, parameters: parameters)
      runner = try NetworkRunner(engine: Engine(backend: backend), parameters: parameters)
      images = randomNumbers(labels.count * space.input.count, seed: 10)
    }

    func loss(_ gates: ChannelGates) throws -> Double {
      let mark = runner.arena.mark
      defer { runner.arena.release(to: mark) }
      gating.apply(gates)
      return Probabilities(softmaxOf: try forward().outputs).crossEntropy(labels: labels).loss
    }

    func gradient(_ gates: ChannelGates, weighingAll: Bool = false) throws -> ChannelGates {
      let mark = runner.arena.mark
      defer { runner.arena.release(to: mark) }
      gating.apply(gates)
      runner.parameters.clearGradients()
      let tape = try forward()
      let gradient = runner.arena.tensor(tape.outputs.shape)
      _ = Probabilities(softmaxOf: tape.outputs).crossEntropy(labels: labels, gradient: gradient)
      try runner.backward(
        tape, outputGradient: gradient,
        weighing: { weighingAll || gating.needsWeightGradient(of: $0) })
      return gating.gradient()
    }

    private func forward() throws -> NetworkRunner.Tape {
      let batch = runner.arena.tensor(network.input.tensorShape(batch: labels.count))
      batch.copy(images)
      return try runner.forward(network, images: batch)
    }
  }

  /// Gates of which none is nearly shut.
  private func gates(_ counts: [Int]) -> ChannelGates {
    var gates = ChannelGates(repeating: 0, counts: counts)
    let numbers = randomNumbers(gates.values.count, seed: 77)
    gates.values = numbers.map { 0.7 + 0.2 * Double(max(-1.5, min(1.5, $0))) }
    return gates
  }

  @Test(arguments: NetworkRunnerTests.spaces, Engine.Backend.allCases)
  func `has the gradients that finite differences give`(
    space: SearchSpace, backend: Engine.Backend
  ) throws {
    for factor in [1, 1.25] {
      let counts = space.gatedGroups.map { $0.channels(widenedBy: factor) }
      let bench = try Bench(space, channels: counts, backend: backend)
      let gates = gates(counts)
      let gradient = try bench.gradient(gates)
      #expect(gradient.counts == counts)
      func slope(along direction: [Double], step: Double) throws -> Double {
        func moved(_ sign: Double) throws -> Double {
          var moved = gates
          moved.values = zip(gates.values, direction).map { $0 + sign * step * $1 }
          return try bench.loss(moved)
        }
        return (try moved(1) - moved(-1)) / (2 * step)
      }
      // Along each group's part of the gradient the loss rises by that part's length.
      var start = 0
      for count in counts {
        defer { start += count }
        var direction = [Double](repeating: 0, count: gates.values.count)
        for index in start..<start + count { direction[index] = gradient.values[index] }
        let length = direction.reduce(0) { $0 + $1 * $1 }.squareRoot()
        guard length > 1e-3 else { continue }
        // A bend of an activation within a step spoils that step.
        let measured = try [1e-3, 5e-4, 2e-4].map { step in
          try slope(along: direction.map { $0 / length }, step: step)
        }
        let error = measured.map { abs($0 - length) }.min() ?? .infinity
        #expect(error < 0.05 * length + 3e-4, "gates from \(start): \(measured), \(length)")
      }
    }
  }

  @Test(arguments: NetworkRunnerTests.spaces, Engine.Backend.allCases)
  func `gives the same bits whether or not the weights' gradients are computed`(
    space: SearchSpace, backend: Engine.Backend
  ) throws {
    let bench = try Bench(space, backend: backend)
    let gates = gates(space.gatedGroups.map(\.widest))
    #expect(try bench.gradient(gates) == bench.gradient(gates, weighingAll: true))
  }

  @Test(arguments: NetworkRunnerTests.spaces.prefix(2))
  func `computes with gates shut what the network without these channels does`(
    space: SearchSpace
  ) throws {
    let bench = try Bench(space)
    let groups = space.gatedGroups
    var generator = SeededGenerator(seed: 9)
    for _ in 0..<6 {
      let choices = groups.map { Int.random(in: $0.channels.indices, using: &generator) }
      let sizes = Dictionary(uniqueKeysWithValues: zip(groups.map(\.decision), choices))
      let narrow = space.network(of: space.architecture { sizes[$0] })
      let shut = ChannelGates(
        zip(groups, choices).map { group, choice in
          (0..<group.widest).map { $0 < group.channels[choice] ? 1 : 0 }
        })
      bench.gating.apply(ChannelGates(repeating: 1, counts: shut.counts))
      let mark = bench.runner.arena.mark
      defer { bench.runner.arena.release(to: mark) }
      let batch = bench.runner.arena.tensor(space.input.tensorShape(batch: 6))
      batch.copy(bench.images)
      let expected = try bench.runner.forward(narrow, images: batch).outputs.elements
      bench.gating.apply(shut)
      let found = try bench.runner.forward(bench.network, images: batch).outputs.elements
      #expect(relativeDifference(found, expected) < 1e-4)
    }
  }
}
