import Foundation
import SearchSpace
import TestSupport
import Testing

@Suite struct LatencyTests {
  /// Linear in each kind of channels, so that interpolation hits it.
  private static func bilinear(_ kind: LayerKind, _ channels: LayerKind.Channels) -> Double {
    let output = channels.output ?? 3
    return Double(kind.height * (100 + 7 * channels.input + 5 * output + channels.input * output))
  }

  private func wide() throws -> SearchSpace {
    try SearchSpace(name: "wide", input: [3, 8, 8]) {
      Convolution(name: "first", width: .range(4...100, step: 4), kernel: 3)
      Convolution(name: "second", width: .range(6...120, step: 6), kernel: 3, stride: 2)
      GlobalAveragePool()
      Linear(classes: 4)
    }
  }

  @Test(arguments: SpaceLawTests.all)
  func `covers every layer of every network of a space`(space: SearchSpace) throws {
    let table = LatencyTable.made(of: space)
    #expect(table.covers(space))
    let timed = space.timed(by: table)
    #expect(timed.isTimed && !space.isTimed)
    var generator = SeededGenerator(seed: 3)
    for _ in 0..<200 {
      let architecture = space.randomArchitecture(using: &generator)
      let network = space.network(of: architecture)
      let latency = try #require(timed.cost(of: architecture).latency)
      #expect(latency == table.latency(of: network))
      let sum = network.layers.reduce(0.0) { $0 + table.share(of: $1) }
      #expect(abs(Double(latency) - sum) <= 0.5)
      #expect(latency >= 900 * network.layers.count)
    }
  }

  @Test(arguments: SpaceLawTests.all)
  func `times layers that can be computed, each as large as its kind says`(space: SearchSpace) {
    for grid in LatencyTable.grids(of: space) {
      #expect(Set(grid.points).count == grid.points.count)
      for channels in grid.points {
        let layer = grid.kind.layer(of: channels)
        #expect(LayerKind(of: layer) == grid.kind)
        #expect(
          layer.operation.misfit(
            reading: layer.input, operand: grid.kind.operand(of: layer), computing: layer.output)
            == nil, "\(grid.kind) \(channels)")
      }
    }
  }

  @Test func `measures every choice where there are few, and interpolates where there are many`()
    throws
  {
    let space = try wide()
    let grids = LatencyTable.grids(of: space)
    let first = try #require(grids.first { $0.inputs == [3] })
    #expect(first.outputs?.count == 7)
    #expect(first.outputs?.first == 4 && first.outputs?.last == 100)
    let second = try #require(grids.first { $0.inputs.count > 1 && ($0.outputs?.count ?? 0) > 1 })
    #expect(second.points.count == 49)

    let timed = space.timed(by: .made(of: space, by: Self.bilinear))
    var generator = SeededGenerator(seed: 5)
    for _ in 0..<100 {
      let architecture = space.randomArchitecture(using: &generator)
      let exact = space.network(of: architecture).layers.reduce(0.0) { sum, layer in
        let kind = LayerKind(of: layer)
        let hasOutput = if case .globalAveragePool = layer.operation { false } else { true }
        return sum
          + Self.bilinear(
            kind,
            .init(input: layer.input.channels, output: hasOutput ? layer.output.channels : nil))
      }
      let latency = try #require(timed.cost(of: architecture).latency)
      #expect(abs(Double(latency) - exact) <= 1)
    }
  }

  @Test func `never has more channels take less time, and leaves alone what rises already`() throws
  {
    let space = try wide()
    for grid in LatencyTable.made(of: space).grids {
      let columns = grid.outputs?.count ?? 1
      for (place, time) in grid.nanoseconds.enumerated() {
        if place % columns > 0 { #expect(time >= grid.nanoseconds[place - 1]) }
        if place >= columns { #expect(time >= grid.nanoseconds[place - columns]) }
      }
    }
    for grid in LatencyTable.made(of: space, by: Self.bilinear).grids {
      #expect(
        grid.nanoseconds == grid.points.map { Int(Self.bilinear(grid.kind, $0)) })
      #expect(grid.spreads.allSatisfy { $0 == 2 })
    }
    // So a network that is narrowed never becomes slower.
    let timed = space.timed(by: .made(of: space))
    var generator = SeededGenerator(seed: 6)
    for _ in 0..<50 {
      let architecture = timed.randomArchitecture(using: &generator)
      let latency = timed.cost(of: architecture)[.latency]
      for decision in timed.decisions.indices {
        guard let narrower = timed.lowering(decision, of: architecture) else { continue }
        #expect(timed.cost(of: narrower)[.latency] <= latency)
      }
    }
  }

  // MARK: Calibration

  private func networks(_ space: SearchSpace) -> [Network] {
    var generator = SeededGenerator(seed: 8)
    return (0..<12).map { _ in space.network(of: space.randomArchitecture(using: &generator)) }
  }

  @Test func `finds the overhead and the factor that networks were made with`() throws {
    let space = try wide()
    var table = LatencyTable.made(of: space)
    let networks = networks(space)
    table.calibrate(
      on: networks.map { ($0, 5000 + 0.8 * Double(table.latency(of: $0))) })
    #expect(abs(table.overhead - 5000) < 5)
    #expect(abs(table.factor - 0.8) < 1e-4)
    #expect(table.calibrationCount == 12)
  }

  @Test func `has no overhead below zero, nor one found from networks that are alike`() throws {
    let space = try wide()
    var table = LatencyTable.made(of: space)
    let plain = table
    let networks = networks(space)
    table.calibrate(
      on: networks.map { ($0, 1.5 * Double(plain.latency(of: $0)) - 3000) })
    #expect(table.overhead == 0)
    #expect((1.0...1.5).contains(table.factor))
    let time = Double(plain.latency(of: networks[0]))
    table.calibrate(on: [(networks[0], 2 * time), (networks[0], 4 * time)])
    #expect(table.overhead == 0 && (2...4).contains(table.factor))
  }

  @Test func `tells how far its predictions are off`() {
    let conditions = LatencyTable.Conditions(
      batch: 1, threads: 1, library: "none", processor: "none")
    var table = LatencyTable(of: SpaceLawTests.all[0], under: conditions) { _, _ in
      .init(nanoseconds: 100, spread: 5)
    }
    #expect(table.error == nil)
    #expect(table.medianSpread == 0.05)
    table.checks = [(90, 100), (100, 100), (130, 100)].map { .init(predicted: $0, measured: $1) }
    #expect(abs((table.error?.median ?? 0) - 0.1) < 1e-12)
    #expect(abs((table.error?.worst ?? 0) - 0.3) < 1e-12)
  }

  // MARK: Keeping it

  @Test func `reads back as the same table, and refuses one that is damaged`() throws {
    let space = try wide()
    var table = LatencyTable.made(of: space)
    table.calibrate(on: networks(space).map { ($0, 1.1 * Double(table.latency(of: $0))) })
    table.checks = [.init(predicted: 3, measured: 4)]
    let data = try JSONEncoder().encode(table)
    #expect(try JSONDecoder().decode(LatencyTable.self, from: data) == table)
    let text = String(decoding: data, as: UTF8.self)
    for damage in [
      (#""factor":"#, #""factor":-"#), (#""inputs":[3]"#, #""inputs":[]"#),
      (#""inputs":[3]"#, #""inputs":[3,2]"#), (#""outputs":[4,"#, #""outputs":["#),
    ] {
      #expect(text.contains(damage.0))
      #expect(throws: (any Error).self) {
        try JSONDecoder().decode(
          LatencyTable.self, from: Data(text.replacing(damage.0, with: damage.1).utf8))
      }
    }
    #expect(!table.covers(SpaceLawTests.all[0]))
  }

  @Test func `repairs architectures into a budget of latency`() throws {
    let space = SpaceLawTests.all[2]
    let timed = space.timed(by: .made(of: space))
    let (least, most) = (
      timed.cost(of: timed.cheapest(in: .latency))[.latency],
      timed.cost(of: timed.dearest(in: .latency))[.latency]
    )
    #expect(least < most)
    let budget = Budget(.latency, atMost: least + (most - least) / 5)
    let sampler = try ArchitectureSampler(of: timed, within: [budget])
    var generator = SeededGenerator(seed: 9)
    for _ in 0..<200 {
      #expect(budget.admits(timed.cost(of: sampler.randomArchitecture(using: &generator))))
    }
    let error = #expect(throws: UnreachableBudget.self) {
      try ArchitectureSampler(of: timed, within: [Budget(.latency, atMost: least - 1)])
    }
    #expect(error?.nearest == least)
  }

  @Test(arguments: [
    (1, "1ns"), (999, "999ns"), (1000, "1us"), (1500, "1.5us"), (312_000, "312us"),
    (2_000_000, "2ms"), (1_834_217, "1.834217ms"), (1_500_000_000, "1500ms"),
    (1_000_001, "1.000001ms"),
  ])
  func `is written with its unit, to the nanosecond`(nanoseconds: Int, text: String) {
    #expect(Cost.Metric.latency.text(of: nanoseconds) == text)
    #expect("\(Budget(.latency, atMost: nanoseconds))" == "latency ≤ \(text)")
  }
}
