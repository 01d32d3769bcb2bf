import Foundation
import SearchSpace
import Study
import TestSupport
import Testing
import TrialStore

/// Studies that learn distributions over widths and depths, run by the built tool.
@Suite(.serialized) struct DistributionTests {
  private static let plan = """
    study: small
    seed: 7
    data: {path: images, hold-out: 240, augment: {crop: 1, flip: false}}
    space:
      network: resnet-14
      width: {shares: [30%, 60%, 100%], divisor: 1}
      depth: {min: 1}
      residual: shortcut
      strides: [2, 1, 2, 2]
    supernet: {epochs: 40, batch: 64, calibration: 128, precision: float32}
    strategy: {tas: {lr: 0.05, images: 240}}
    budgets: [{macs: 50%}]
    checkpoint-every: 1s

    """

  /// All that such a study's outcome is, without times.
  ///
  /// A score has the hash of its weights.
  private struct Findings: Equatable {
    var trials: [String]
    var scores: [String]
    var finalists: [RecordedFinalist]
    var beliefs: [RecordedBelief]
    var curve: [String]
    var strategyState: String?
    var randomState: String?

    init(_ tool: Tool, database: String) throws {
      let store = try TrialStore.open(
        path: tool.folder.appending(path: database).path, for: .reading)
      let study = try store.study(named: "small")
      #expect(study.stage == .done)
      let trials = try store.trials(of: study.id)
      self.trials = trials.map {
        "\($0.number) \($0.step) \($0.role ?? "") \($0.key) \($0.macs) \($0.parameters)"
      }
      scores = try trials.flatMap { try store.scores(of: $0) }.map {
        "\($0.correct)/\($0.images) \($0.loss ?? .nan) \($0.weightsHash)"
      }
      finalists = try store.finalists(of: study.id)
      beliefs = try store.beliefs(of: study.id)
      curve = try store.curve(named: "supernet", of: study.id).map { "\($0.step) \($0.loss)" }
      strategyState = study.strategyState
      randomState = study.randomState
    }
  }

  /// How many steps the distributions have been committed for.
  private func committedSteps(_ tool: Tool, database: String) -> Int {
    guard
      let store = try? TrialStore.open(
        path: tool.folder.appending(path: database).path, for: .reading),
      let study = try? store.study(named: "small")
    else { return 0 }
    return (try? store.beliefs(of: study.id).last?.step) ?? 0
  }

  @Test func `learns the same distributions however often it is killed or stopped`() throws {
    let tool = try Tool()
    defer { tool.remove() }
    try tool.write(Self.plan, to: "search.yaml")
    let whole = try tool.run("run", "search.yaml", "--db", "whole.sqlite")
    #expect(whole.status == 0, "\(whole.errors)")
    let expected = try Findings(tool, database: "whole.sqlite")
    #expect(expected.finalists.count == 1)
    // A point for every ten steps of the weights, of which each epoch has sixteen.
    #expect(expected.beliefs.map(\.step) == Array(stride(from: 10, through: 640, by: 10)))

    var deaths = 0
    for (signal, place) in [(SIGKILL, 0), (SIGKILL, 1), (SIGINT, 150), (SIGKILL, 300)] {
      let process = try tool.start(["run", "search.yaml", "--db", "killed.sqlite", "--quiet"])
      while process.isRunning && committedSteps(tool, database: "killed.sqlite") < place {
        Thread.sleep(forTimeInterval: 0.02)
      }
      Thread.sleep(forTimeInterval: 0.05)
      guard process.isRunning else { break }
      kill(process.processIdentifier, signal)
      process.waitUntilExit()
      deaths += 1
    }
    #expect(deaths >= 2)
    #expect(try tool.run("run", "search.yaml", "--db", "killed.sqlite").status == 0)
    #expect(try Findings(tool, database: "killed.sqlite") == expected)
  }

  @Test func `ends with a network in the band, and tells how certain it is of it`() throws {
    let tool = try Tool()
    defer { tool.remove() }
    try tool.write(Self.plan, to: "search.yaml")
    let run = try tool.run("run", "search.yaml", "--quiet")
    #expect(run.status == 0, "\(run.errors)")

    struct Shown: Decodable {
      var distributions: [Distributions]
    }
    let shown = try tool.run("show", "small", "--json")
    let distributions = try #require(
      JSONDecoder().decode(Shown.self, from: Data(shown.output.utf8)).distributions.first)
    let budget = try #require(distributions.budget)
    for decision in distributions.decisions {
      #expect(abs(decision.probabilities.reduce(0, +) - 1) < 1e-5)
    }

    struct Frontier: Decodable {
      var points: [Point]
      var distributions: [Distributions]

      struct Point: Decodable {
        var macs: Int
      }
    }
    let listed = try tool.run("pareto", "--json")
    let frontier = try JSONDecoder().decode(Frontier.self, from: Data(listed.output.utf8))
    let macs = try #require(frontier.points.first).macs
    // The band ends at the budget and begins a twentieth of the largest network below it.
    #expect(macs <= budget.limit && macs >= budget.limit - budget.limit / 10)
    #expect(frontier.distributions == [distributions])
    #expect(distributions.isWithinBudget == (distributions.derived.macs <= budget.limit))

    let certainty = "certain"
    #expect(try tool.run("pareto").output.contains(certainty))
    #expect(try tool.run("show").output.contains(certainty))
  }
}
