import Foundation
import GRDB
import SearchSpace
import Testing
import TrialStore

/// Studies that are about latency, run by the built tool as a user would.
///
/// How long anything takes is nobody's promise; that it is measured once, kept and obeyed is.
@Suite(.serialized) struct LatencyStudyTests {
  let tool: Tool

  init() throws {
    tool = try Tool()
  }

  private static let plan = Tool.plan
    .replacingOccurrences(of: "autoslim: {images: 240}", with: "random: {trials: 24, images: 160}")
    .replacingOccurrences(
      of: "[{macs: 60%}, {params: 40%}, {macs: 25%}]", with: "[{latency: 70%}, {macs: 60%}]")

  private func store(_ name: String = "results.sqlite") throws -> TrialStore {
    try TrialStore.open(path: tool.folder.appending(path: name).path, for: .reading)
  }

  private func table(in store: TrialStore) throws -> LatencyTable {
    let text = try #require(try store.latencyTable(of: store.study(named: "small").id))
    return try JSONDecoder().decode(LatencyTable.self, from: Data(text.utf8))
  }

  private func findings(in store: TrialStore) throws -> [String] {
    let study = try store.study(named: "small")
    return try store.trials(of: study.id).map { trial in
      let scores = try store.scores(of: trial).map { "\($0.correct)/\($0.images)" }
      return "\(trial.number) \(trial.key) \(trial.latency ?? -1) \(scores)"
    } + store.finalists(of: study.id).map { "\($0.budget) \($0.trial)" }
  }

  @Test func `measures, searches, tells and exports within a budget of latency`() throws {
    defer { tool.remove() }
    try tool.write(Self.plan, to: "search.yaml")
    let explained = try tool.run("explain", "search.yaml")
    #expect(explained.status == 0, "\(explained.errors)")
    #expect(explained.output.contains("latencies at a glance: predicted from"))
    #expect(explained.output.contains("latency ≤ "))

    let run = try tool.run("run", "search.yaml")
    #expect(run.status == 0, "\(run.errors)")
    #expect(run.errors.contains("latency   predicted from"))
    let store = try store()
    let study = try store.study(named: "small")
    let table = try table(in: store)
    #expect(table.calibrationCount == 16 && table.checks.count == 16)
    let trials = try store.trials(of: study.id)
    #expect(trials.count >= 24 && trials.allSatisfy { ($0.latency ?? 0) > 0 })
    let finalists = try store.finalists(of: study.id)
    #expect(Set(finalists.map(\.cost)) == [.latency, .macs])
    for finalist in finalists {
      let trial = try #require(trials.first { $0.number == finalist.trial })
      #expect(trial.cost[finalist.cost] <= finalist.limit)
    }

    struct Pareto: Decodable {
      var cost: String
      var latencies: Latencies
      var points: [Point]
      struct Latencies: Decodable { var checks: [Check] }
      struct Check: Decodable { var predicted_ns: Int }
      struct Point: Decodable {
        var trial: Int
        var latency_ns: Int
        var accuracy: Double
      }
    }
    let pareto = try tool.run("pareto", "--cost", "latency", "--json")
    #expect(pareto.status == 0, "\(pareto.errors)")
    let frontier = try JSONDecoder().decode(Pareto.self, from: Data(pareto.output.utf8))
    #expect(frontier.cost == "latency" && frontier.latencies.checks.count == 16)
    let latencies = frontier.points.map(\.latency_ns)
    #expect(!latencies.isEmpty && latencies == latencies.sorted())
    let seen = try tool.run("pareto", "--cost", "latency", "--svg", "frontier.svg")
    #expect(seen.output.contains("latency predicted from"))
    #expect(
      String(decoding: try tool.contents(of: "frontier.svg"), as: UTF8.self).contains("latency"))

    let shown = try tool.run("show", "\(frontier.points[0].trial)")
    #expect(shown.output.contains("networks timed whole"))
    let csv = try tool.run("export", "csv")
    #expect(csv.output.contains("latency_ns"))

    let least = Double(latencies[0]) / 1000
    let export = try tool.run("export", "best", "--budget", "\(least)us", "--json")
    #expect(export.status == 0, "\(export.errors)")
    #expect(export.output.contains("\"latency_ns\" : \(latencies[0])"))
    let none = try tool.run("export", "best", "--budget", "1ns", "-o", "none")
    #expect(none.status == 66 && none.errors.contains("no network with latency ≤ 1ns"))
  }

  @Test func `ends the same from the same table, killed or begun again`() throws {
    defer { tool.remove() }
    try tool.write(Self.plan, to: "search.yaml")
    let process = try tool.start(["run", "search.yaml", "--quiet"])
    while process.isRunning {
      let trials = try? store().trialCount(of: store().study(named: "small").id)
      if trials ?? 0 > 0 { break }
      Thread.sleep(forTimeInterval: 0.02)
    }
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    process.waitUntilExit()
    let measured = try table(in: store())
    #expect(try tool.run("run", "search.yaml").status == 0)
    #expect(try table(in: store()) == measured)
    let expected = try findings(in: store())

    // All that the study found is taken from it, but not the table.
    let database = try DatabaseQueue(
      path: tool.folder.appending(path: "results.sqlite").path)
    try database.write { db in
      try db.execute(
        sql: """
          DELETE FROM scores; DELETE FROM finalists; DELETE FROM trials; DELETE FROM checkpoints;
          DELETE FROM curve;
          UPDATE studies SET stage = 'supernet', strategy_state = NULL, random_state = NULL;
          """)
    }
    try database.close()
    let again = try tool.run("run", "search.yaml")
    #expect(again.status == 0 && !again.errors.contains("predicted from"), "\(again.errors)")
    #expect(try findings(in: store()) == expected)

    try DatabaseQueue(path: tool.folder.appending(path: "results.sqlite").path).write { db in
      try db.execute(sql: "UPDATE latency_tables SET content = replace(content, '[', '')")
    }
    for command in [["run", "search.yaml"], ["pareto"]] {
      let damaged = try tool.runShell("exec \"$0\" \"$@\"", [Tool.executable.path] + command)
      #expect(damaged.status == 65)
      #expect(damaged.errors.contains("the latency table of study 'small' cannot be read"))
    }
  }

  @Test func `refuses a latency that no network has, and leaves no study behind`() throws {
    defer { tool.remove() }
    try tool.write(
      Self.plan.replacingOccurrences(of: "latency: 70%", with: "latency: 10ns"), to: "search.yaml")
    #expect(try tool.run("validate", "search.yaml").status == 0)
    let refused = try tool.run("run", "search.yaml")
    #expect(refused.status == 78)
    #expect(
      refused.errors.contains(
        "search.yaml:14:11: error: no network of the space has latency ≤ 10ns: the smallest has "),
      "\(refused.errors)")
    #expect(try store().studies().isEmpty)
    let explained = try tool.run("explain", "search.yaml")
    #expect(explained.status == 78 && explained.output.contains("cannot be met"))

    try tool.write(Self.plan, to: "search.yaml")
    #expect(try tool.run("run", "search.yaml").status == 0)
  }

  @Test func `weighs latency as an objective, and says where none is known`() throws {
    defer { tool.remove() }
    let nsga2 = "nsga2: {trials: 30, population: 10, objectives: [accuracy, latency], images: 160}"
    try tool.write(
      Self.plan.replacingOccurrences(of: "random: {trials: 24, images: 160}", with: nsga2)
        .replacingOccurrences(of: "{latency: 70%}, ", with: "")
        + "latency: {batch: 4}\n", to: "search.yaml")
    #expect(try tool.run("run", "search.yaml", "--quiet").status == 0)
    #expect(try table(in: store()).conditions.batch == 4)
    #expect(try tool.run("pareto", "--cost", "latency").status == 0)

    try tool.write(Tool.plan, to: "search.yaml")
    #expect(try tool.run("run", "search.yaml", "--db", "counted.sqlite").status == 0)
    for command in [["pareto", "--cost", "latency"], ["export", "best", "--budget", "2ms"]] {
      let outcome = try tool.runShell(
        "exec \"$0\" \"$@\" --db counted.sqlite", [Tool.executable.path] + command)
      #expect(outcome.status == 66)
      #expect(outcome.errors.contains("study 'small' knows no latencies"), "\(outcome.errors)")
    }
  }
}
