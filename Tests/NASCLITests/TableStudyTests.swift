import Foundation
import SearchSpace
import Testing
import TrialStore

/// Studies whose answers come from a table, run by the built tool as a user would.
@Suite(.serialized) struct TableStudyTests {
  private static let project = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  /// A folder with NAS-Bench-Macro and a search in it.
  private func tool(strategy: String) throws -> Tool {
    let tool = try Tool()
    let table = Self.project.appending(path: "Tests/Tables/nas-bench-macro-cifar10.csv")
    try FileManager.default.copyItem(at: table, to: tool.folder.appending(path: "known.csv"))
    try tool.write(
      """
      study: known
      evaluator: {table: known.csv}
      space: {network: nas-bench-macro}
      strategy: {\(strategy)}
      budgets: [{macs: 40M}, {macs: 100M}]

      """, to: "known.yaml")
    return tool
  }

  @Test(arguments: [
    ("nsga2", 120), ("predictor", 60), ("regularized-evolution", 90), ("spos", 110), ("random", 50),
  ])
  func `runs from a table to a frontier`(strategy: String, trials wanted: Int) throws {
    let tool = try tool(strategy: "\(strategy): {trials: \(wanted)}")
    defer { tool.remove() }
    for command in ["validate", "explain"] {
      let outcome = try tool.run(command, "known.yaml")
      #expect(outcome.status == 0, "\(outcome.errors)")
    }
    let run = try tool.run("run", "known.yaml", "--db", "known.sqlite")
    #expect(run.status == 0, "\(run.errors)")
    let store = try TrialStore.open(
      path: tool.folder.appending(path: "known.sqlite").path, for: .reading)
    let study = try store.study(named: "known")
    let trials = try store.trials(of: study.id)
    #expect(trials.count == wanted)
    #expect(Set(trials.map(\.key)).count == trials.count)
    let scores = try store.scores(of: try #require(trials.first))
    #expect(scores.count == 1 && scores[0].fidelity == .retrained && scores[0].images == 30_000)
    #expect(try store.finalists(of: study.id).count == 2)
    let pareto = try tool.run("pareto", "--db", "known.sqlite", "--json")
    #expect(pareto.status == 0 && pareto.output.contains("\"retrained\""))
    let export = try tool.run("export", "best", "--db", "known.sqlite")
    #expect(export.status == 66 && export.errors.contains("no weights to export"))
    // Once more, there is nothing left to do.
    #expect(try tool.run("run", "known.yaml", "--db", "known.sqlite").status == 0)
  }

  @Test func `takes latencies from a table that has that of every network`() throws {
    let tool = try Tool()
    defer { tool.remove() }
    let plan = """
      study: known
      evaluator: {table: known.csv, input: [3, 8, 8], classes: 4}
      space:
        layers:
          - conv: {width: [4, 8, 12], kernel: 3}
          - pool: average
          - linear: {}
      strategy: exhaustive
      budgets: [{latency: 1.5ms}]

      """
    try tool.write(plan, to: "known.yaml")
    let rows = "architecture,accuracy,latency-ms\n0,0.5,1\n1,0.6,1.5\n"
    try tool.write(rows, to: "known.csv")
    let partial = try tool.run("run", "known.yaml")
    #expect(partial.status == 78)
    #expect(
      partial.errors.contains(
        "known.yaml:9:11: error: no latency can be had from the table: it has 2"))
    try tool.write("architecture,accuracy\n0,0.5\n1,0.6\n2,0.7\n", to: "known.csv")
    #expect(try tool.run("validate", "known.yaml").errors.contains("no column 'latency-ms'"))

    try tool.write(rows + "2,0.7,2.5\n", to: "known.csv")
    let run = try tool.run("run", "known.yaml")
    #expect(run.status == 0, "\(run.errors)")
    let pareto = try tool.run("pareto", "--cost", "latency")
    #expect(pareto.output.contains("1.50 ms") && !pareto.output.contains("2.50 ms"))
  }

  @Test func `exhaustive search finds the benchmark's best network`() throws {
    let tool = try tool(strategy: "exhaustive: {}")
    defer { tool.remove() }
    let run = try tool.run("run", "known.yaml", "--db", "known.sqlite")
    #expect(run.status == 0, "\(run.errors)")
    let store = try TrialStore.open(
      path: tool.folder.appending(path: "known.sqlite").path, for: .reading)
    let study = try store.study(named: "known")
    let best = try #require(try store.frontier(of: study.id, by: .macs).last)
    // X. Su et al.: 22212220, or the same with another layer left out, at 93.13 %, the mean of three.
    #expect(abs(best.accuracy - 0.931267) < 1e-6)
  }

  @Test func `ends with the place of what is wrong`() throws {
    let tool = try tool(strategy: "random: {trials: 50}")
    defer { tool.remove() }
    try tool.write("architecture,accuracy\n22212220,93.1\n", to: "known.csv")
    let wrong = try tool.run("run", "known.yaml")
    #expect(wrong.status == 65 && wrong.errors.hasPrefix("known.csv:2:10: error: an accuracy must"))
    try tool.write("architecture,accuracy\n22212220,0.931\n", to: "known.csv")
    let lacking = try tool.run("run", "known.yaml")
    #expect(lacking.status == 65 && lacking.errors.contains("there is no row for the network"))
    try FileManager.default.removeItem(at: tool.folder.appending(path: "known.csv"))
    #expect(try tool.run("validate", "known.yaml").status == 66)
  }
}
