import Evaluator
import Foundation
import Kernels
import SearchSpace
import Testing

/// What is measured differs from run to run; what it is about does not.
@Suite(.serialized) struct LatencyMeterTests {
  private func space() throws -> SearchSpace {
    try SearchSpace(name: "small", input: [1, 12, 12]) {
      Convolution(name: "stem", width: [4, 8, 12], kernel: [1, 3])
      Stage(.fire(squeeze: [2, 4]), width: [8, 16], depth: 1)
      Stage(
        .invertedResidual(expand: [2, 3], kernel: [3, 5], gate: SqueezeAndExcitation(of: .input)),
        width: [8, 12], depth: [1, 2], stride: 2, activation: .hardSwish)
      Pool(.max, kernel: 3, stride: 2)
      Normalization()
      GlobalAveragePool()
      Linear(classes: 4)
    }
  }

  @Test(arguments: Engine.Backend.allCases)
  func `times every layer of a space, and checks its predictions on other networks`(
    backend: Engine.Backend
  ) throws {
    let space = try space()
    var settings = LatencyMeter.Settings()
    (settings.rounds, settings.calibrationNetworks, settings.checkedNetworks) = (3, 5, 4)
    (settings.batch, settings.threads) = (2, 2)
    let meter = LatencyMeter(of: space, backend: backend, settings: settings)
    #expect(meter.networkCount == 9)
    let usual = Engine.threads
    var told = 0
    let table = try #require(
      try meter.measure(
        processor: "a machine",
        tell: { done, count in
          told += 1
          #expect(done == told && count == 3 * (meter.layerCount + 9))
        }))
    #expect(Engine.threads == usual)
    #expect(told == 3 * (meter.layerCount + 9))
    #expect(table.covers(space))
    #expect(table.grids.reduce(0) { $0 + $1.nanoseconds.count } == meter.layerCount)
    #expect(table.grids.allSatisfy { $0.nanoseconds.allSatisfy { $0 > 0 } })
    #expect(table.factor > 0 && table.overhead >= 0)
    #expect(table.calibrationCount == 5 && table.checks.count == 4)
    #expect(table.checks.allSatisfy { $0.measured > 0 && $0.predicted > 0 })
    #expect(
      table.conditions
        == .init(
          batch: 2, threads: 2, library: backend.rawValue, processor: "a machine"))
    #expect(try JSONDecoder().decode(LatencyTable.self, from: JSONEncoder().encode(table)) == table)
  }

  @Test func `gives up when it is asked to`() throws {
    let meter = LatencyMeter(of: try space(), backend: .fused)
    var asked = 0
    let table = try meter.measure(processor: "") {
      _, _ in
    } isStopping: {
      asked += 1
      return asked == 7
    }
    #expect(table == nil && asked == 7)
  }

  @Test func `times a space of one network`() throws {
    let space = try SearchSpace(name: "one", input: [1, 6, 6]) {
      Convolution(width: 4, kernel: 3)
      GlobalAveragePool()
      Linear(classes: 2)
    }
    let meter = LatencyMeter(of: space, backend: .fused, settings: .glance)
    let table = try #require(try meter.measure(processor: ""))
    #expect(table.checks.isEmpty && table.error == nil && table.calibrationCount == 1)
    #expect(space.timed(by: table).cost(of: space.largest)[.latency] > 0)
  }
}
