import Foundation
import SearchSpace
import TestSupport
import Testing
import TrialStore

/// Studies whose networks are found by pruning and never scored, run by the built tool.
@Suite(.serialized) struct PruningTests {
  private static func plan(_ strategy: String, supernet: String = "") -> String {
    Tool.plan.replacingOccurrences(of: "  autoslim: {images: 240}", with: "  \(strategy)")
      .replacingOccurrences(
        of: "supernet: {epochs: 3, batch: 64, calibration: 128, precision: float32}",
        with: "supernet: {epochs: 1, batch: 64, precision: float32\(supernet)}")
  }

  /// All that such a study's outcome is, without times.
  struct Findings: Equatable {
    var trials: [String]
    var finalists: [RecordedFinalist]
    var strategyState: String?
    var randomState: String?

    init(_ tool: Tool, database: String) throws {
      let store = try TrialStore.open(
        path: tool.folder.appending(path: database).path, for: .reading)
      let study = try store.study(named: "small")
      #expect(study.stage == .done)
      trials = try store.trials(of: study.id).map {
        "\($0.number) \($0.step) \($0.role ?? "") \($0.key) \($0.macs) \($0.parameters)"
      }
      finalists = try store.finalists(of: study.id)
      strategyState = study.strategyState
      randomState = study.randomState
    }
  }

  /// How many steps the gates have been committed for.
  private func committedSteps(_ tool: Tool, database: String) -> Int {
    struct State: Decodable {
      let step: Int
    }
    guard
      let store = try? TrialStore.open(
        path: tool.folder.appending(path: database).path, for: .reading),
      let text = try? store.study(named: "small").strategyState,
      let state = try? JSONDecoder().decode(State.self, from: Data(text.utf8))
    else { return 0 }
    return state.step
  }

  @Test func `learns the same gates however often it is killed or stopped`() throws {
    let tool = try Tool()
    defer { tool.remove() }
    try tool.write(Self.plan("pruning-from-scratch: {steps: 600}"), to: "search.yaml")
    let whole = try tool.run("run", "search.yaml", "--db", "whole.sqlite")
    #expect(whole.status == 0, "\(whole.errors)")
    let expected = try Findings(tool, database: "whole.sqlite")
    #expect(expected.finalists.count == 3)

    var deaths = 0
    for (signal, place) in [(SIGKILL, 0), (SIGKILL, 1), (SIGINT, 150), (SIGKILL, 300)] {
      let process = try tool.start(["run", "search.yaml", "--db", "killed.sqlite", "--quiet"])
      while process.isRunning && committedSteps(tool, database: "killed.sqlite") < place {
        Thread.sleep(forTimeInterval: 0.02)
      }
      Thread.sleep(forTimeInterval: 0.05)
      guard process.isRunning else { break }
      let before = committedSteps(tool, database: "killed.sqlite")
      kill(process.processIdentifier, signal)
      process.waitUntilExit()
      // Who is asked to stop writes down how far the gates have come.
      if signal == SIGINT, process.terminationStatus == 130 {
        #expect(committedSteps(tool, database: "killed.sqlite") >= before)
      }
      deaths += 1
    }
    #expect(deaths >= 2)
    #expect(try tool.run("run", "search.yaml", "--db", "killed.sqlite").status == 0)
    #expect(try Findings(tool, database: "killed.sqlite") == expected)
  }

  @Test(arguments: [
    ("uniform", ""), ("l1-norm", ", paths: largest"),
    ("network-slimming", ", paths: largest, sparsity: 1e-3"),
  ])
  func `finds a network for each budget and invents no accuracy`(
    strategy: String, supernet: String
  ) throws {
    let tool = try Tool()
    defer { tool.remove() }
    try tool.write(Self.plan(strategy, supernet: supernet), to: "search.yaml")
    let explained = try tool.run("explain", "search.yaml")
    #expect(explained.status == 0, "\(explained.errors)")
    #expect(explained.output.contains("training  ") == (strategy != "uniform"))
    let run = try tool.run("run", "search.yaml")
    #expect(run.status == 0, "\(run.errors)")
    let found = try Findings(tool, database: "results.sqlite")
    #expect(found.finalists.count == 3)
    for finalist in found.finalists {
      // What a run says at its end, such as "trial 1 for macs ≤ 1000: 990, 1.0 % below".
      #expect(run.errors.contains("trial \(finalist.trial) for \(finalist.budget): "))
    }
    let pareto = try tool.run("pareto")
    #expect(pareto.status == 0)
    #expect(pareto.output.contains("not scored"))
    let show = try tool.run("show", "1")
    #expect(show.output.contains("not scored"))
    #expect(show.output.contains("for macs ≤") || show.output.contains("for params ≤"))
    #expect(try tool.run("export", "best").status == 75)
    #expect(try tool.run("export", "1").status == 75)
  }

  @Test func `says what a search file has to have for network slimming`() throws {
    let tool = try Tool()
    defer { tool.remove() }
    try tool.write(Self.plan("network-slimming"), to: "search.yaml")
    let dense = try tool.run("validate", "search.yaml")
    #expect(dense.status == 78)
    #expect(dense.errors.contains("supernet: {paths: largest, sparsity: 1e-4}"))
  }
}
