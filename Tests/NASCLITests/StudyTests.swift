import Foundation
import GRDB
import Networks
import SearchSpace
import TestSupport
import Testing
import TrialStore

/// Whole studies, run by the built tool as a user would.
///
/// One after the other: each uses all cores.
@Suite(.serialized) struct StudyTests {
  /// All that a study's outcome is, without times and places.
  struct Findings: Equatable {
    var trials: [String]
    var scores: [String]
    var finalists: [RecordedFinalist]
    var frontier: [Int]
    var curve: [String]
    var strategyState: String?
    var randomState: String?
    var rankAgreement: Double?
    var weights: [Safetensors.Tensor]

    init(_ tool: Tool, database: String) throws {
      let store = try TrialStore.open(
        path: tool.folder.appending(path: database).path, for: .reading)
      let study = try store.study(named: "small")
      #expect(study.stage == .done)
      let stored = try store.trials(of: study.id)
      trials = stored.map {
        "\($0.number) \($0.step) \($0.role ?? "") \($0.chosen) \($0.key) \($0.macs) \($0.parameters)"
      }
      scores = try stored.flatMap { trial in
        try store.scores(of: trial).map {
          "\(trial.number) \($0.correct)/\($0.images) \($0.loss ?? .nan) \($0.weightsHash)"
        }
      }
      finalists = try store.finalists(of: study.id)
      frontier = try store.frontier(of: study.id, by: .macs).map(\.trial.number)
      curve = try store.curve(named: "supernet", of: study.id).map { "\($0.step) \($0.loss)" }
      strategyState = study.strategyState
      randomState = study.randomState
      rankAgreement = study.rankAgreement
      let checkpoint = try #require(try store.checkpoint(named: "supernet", of: study.id))
      weights = try Safetensors(decoding: [UInt8](checkpoint.content)).tensors
    }
  }

  /// How far a study has come, for whoever watches it from outside.
  struct Progress {
    var steps = 0
    var trials = 0
    var isScoringFinalists = false

    init(_ tool: Tool, database: String) {
      guard
        let store = try? TrialStore.open(
          path: tool.folder.appending(path: database).path, for: .reading),
        let study = try? store.study(named: "small")
      else { return }
      steps = (try? store.checkpoint(named: "supernet", of: study.id)?.step) ?? 0
      trials = (try? store.trialCount(of: study.id)) ?? 0
      isScoringFinalists = study.stage == .finalists
    }
  }

  @Test func `ends the same however often and whenever it is killed`() throws {
    let tool = try Tool()
    defer { tool.remove() }
    let whole = try tool.run("run", "search.yaml", "--db", "whole.sqlite")
    #expect(whole.status == 0, "\(whole.errors)")
    let expected = try Findings(tool, database: "whole.sqlite")
    #expect(expected.finalists.count == 3)
    #expect(!expected.frontier.isEmpty)

    // Where the process dies, one life after the other; a study passes all of these places.
    let trials = expected.trials.count
    let places: [(String, (Progress) -> Bool)] = [
      ("at once", { _ in true }),
      ("in training", { $0.steps > 0 }),
      ("at the first trial", { $0.trials > 0 }),
      ("in the search", { $0.trials > trials / 4 }),
      ("later in the search", { $0.trials > trials / 2 }),
      ("near its end", { $0.trials > trials * 3 / 4 }),
      ("at the finalists", { $0.trials == trials || $0.isScoringFinalists }),
    ]
    var deaths: [String] = []
    for (index, (name, isThere)) in places.enumerated() {
      let process = try tool.start(["run", "search.yaml", "--db", "killed.sqlite", "--quiet"])
      while process.isRunning && !isThere(Progress(tool, database: "killed.sqlite")) {
        Thread.sleep(forTimeInterval: 0.02)
      }
      // Not always at the very commit that was waited for.
      Thread.sleep(forTimeInterval: 0.03 * Double(index % 3))
      guard process.isRunning else { break }
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
      deaths.append(name)
    }
    #expect(deaths.count >= 4, "it died \(deaths)")
    let last = try tool.run("run", "search.yaml", "--db", "killed.sqlite")
    #expect(last.status == 0, "\(last.errors)")
    let found = try Findings(tool, database: "killed.sqlite")
    #expect(found.weights == expected.weights, "other weights")
    #expect(found.curve == expected.curve)
    #expect(found.trials == expected.trials)
    #expect(found.scores == expected.scores)
    #expect(found.finalists == expected.finalists)
    #expect(found.frontier == expected.frontier)
    #expect(found.strategyState == expected.strategyState)
    #expect(found.randomState == expected.randomState)
    #expect(found.rankAgreement != nil && found.rankAgreement == expected.rankAgreement)
  }

  @Test func `meets its budgets, lists, shows and exports what it found`() throws {
    let tool = try Tool()
    defer { tool.remove() }
    #expect(try tool.run("run", "search.yaml", "--quiet").status == 0)

    struct Pareto: Decodable {
      var schema: String
      var study: String
      var points: [Point]
      struct Point: Decodable {
        var trial: Int
        var macs: Int
        var params: Int
        var accuracy: Double
        var low: Double
        var high: Double
        var fidelity: String
        var images: Int
        var budgets: [String]
      }
    }
    struct Shown: Decodable {
      var macs: Int
      var params: Int
      var layers: [Layer]
      struct Layer: Decodable {
        var operation: String
        var input: [Int]
        var output: [Int]
        var kernel: Int?
        var groups: Int?
        var macs: Int
      }
    }
    let listed = try tool.run("pareto", "--json", "--svg", "frontier.svg")
    let pareto = try JSONDecoder().decode(Pareto.self, from: Data(listed.output.utf8))
    #expect(pareto.schema == "nas.pareto/1" && pareto.study == "small")
    #expect(!pareto.points.isEmpty)
    #expect(
      String(decoding: try tool.contents(of: "frontier.svg"), as: UTF8.self).hasPrefix("<svg"))
    for (cheap, costly) in zip(pareto.points, pareto.points.dropFirst()) {
      #expect(cheap.macs < costly.macs && cheap.accuracy < costly.accuracy)
    }
    for point in pareto.points {
      #expect(point.images == 240 && point.fidelity == "shared")
      #expect(point.low <= point.accuracy && point.accuracy <= point.high)
      // Recounted from the layers that `nas show` lists, as anyone could.
      let shown = try JSONDecoder().decode(
        Shown.self, from: Data(tool.run("show", "\(point.trial)", "--json").output.utf8))
      let recounted = shown.layers.reduce(0) { sum, layer in
        let pixels = layer.output[1] * layer.output[2]
        switch layer.operation {
        case "convolution":
          let kernel = layer.kernel ?? 0
          return sum + pixels * kernel * kernel * layer.output[0] * layer.input[0]
            / (layer.groups ?? 1)
        case "linear": return sum + layer.input.reduce(1, *) * layer.output[0]
        default: return sum
        }
      }
      #expect(recounted == point.macs && shown.macs == point.macs)
      #expect(shown.params == point.params)
      for budget in point.budgets {
        let limit = try #require(budget.split(separator: " ").last.flatMap { Int($0) })
        #expect((budget.hasPrefix("macs") ? point.macs : point.params) <= limit)
      }
    }

    struct Report: Decodable {
      var trial: Int
      var accuracy: Accuracy
      var largest_logit_difference: Double
      struct Accuracy: Decodable {
        var supernet: Double
        var bundle: Double
        var onnx: Double
        var images: Int
      }
    }
    let exported = try tool.run("export", "best", "--json")
    #expect(exported.status == 0, "\(exported.errors)")
    let report = try JSONDecoder().decode(Report.self, from: Data(exported.output.utf8))
    #expect(report.trial == pareto.points.last?.trial)
    #expect(report.accuracy.bundle == report.accuracy.supernet)
    #expect(report.accuracy.onnx == report.accuracy.supernet)
    #expect(report.accuracy.bundle == pareto.points.last?.accuracy)
    #expect(report.largest_logit_difference <= 1e-4)
    let files = try FileManager.default.contentsOfDirectory(
      atPath: tool.folder.appending(path: "best").path)
    #expect(
      files.sorted() == [
        "README.md", "architecture.yaml", "model.onnx", "report.json", "weights.safetensors",
      ])

    let again = try tool.run("export", "best")
    #expect(again.status == 73)
    #expect(again.errors.contains("--force"))
    #expect(try tool.run("export", "best", "--force").status == 0)
    // Force replaces bundles, not whatever else is there.
    let images = try tool.run("export", "best", "-o", "images", "--force")
    #expect(images.status == 73)
    #expect(try !tool.contents(of: "images/train-labels-idx1-ubyte").isEmpty)
    #expect(try tool.run("export", "best", "--budget", "1", "-o", "none").status == 66)
    #expect(try tool.run("show", "99999").status == 66)
    #expect(try tool.run("pareto").output.contains("picked for"))

    // All trials, for other programs.
    let csv = try tool.run("export", "csv")
    let trials = csv.output.split(separator: "\r\n").dropFirst()
    #expect(trials.count > pareto.points.count)
    #expect(trials.contains { $0.hasPrefix("\(report.trial),") })
    for (format, output) in [("csv", "t.csv"), ("optuna", "t.db"), ("tensorboard", "t")] {
      #expect(try tool.run("export", format, "-o", output).status == 0)
      #expect(try tool.run("export", format, "-o", output).status == 73)
      #expect(try tool.run("export", format, "-o", output, "--force").status == 0)
    }
    #expect(try tool.contents(of: "t.csv") == Data(csv.output.utf8))
    let counted = try DatabaseQueue(path: tool.folder.appending(path: "t.db").path).read {
      try Int.fetchOne($0, sql: "SELECT count(*) FROM trials")
    }
    #expect(counted == trials.count)

    // An architecture written by hand that the space does not have.
    try DatabaseQueue(path: tool.folder.appending(path: "results.sqlite").path).write {
      try $0.execute(sql: "UPDATE trials SET architecture = '{\"stem\": 7}' WHERE number = 2")
    }
    for outcome in [try tool.run("show", "2"), try tool.run("export", "2", "-o", "damaged")] {
      #expect(outcome.status == 65)
      #expect(outcome.errors.contains("trial 2 (stem cannot be 7; its choices are"))
    }

    // The same command again has nothing left to do, another plan under this name is refused.
    #expect(try tool.run("run", "search.yaml").errors.contains("done already"))
    try tool.write(
      Tool.plan.replacingOccurrences(of: "seed: 7", with: "seed: 8"), to: "search.yaml")
    let changed = try tool.run("run", "search.yaml")
    #expect(changed.status == 78)
    #expect(changed.errors.contains("--fresh"))
  }

  /// Waits until a process has noted that it works on the study.
  private func waitForRun(in tool: Tool) throws {
    let database = tool.folder.appending(path: "results.sqlite").path
    for _ in 0..<1000 {
      if let store = try? TrialStore.open(path: database, for: .reading),
        let study = try? store.study(named: "small"),
        (try? store.runs(of: study.id).isEmpty) == false
      {
        return
      }
      Thread.sleep(forTimeInterval: 0.01)
    }
    Issue.record("no process began to work")
  }

  @Test func `lets one process at a time work on a study`() throws {
    let tool = try Tool()
    defer { tool.remove() }
    let first = try tool.start(["run", "search.yaml", "--quiet"])
    defer {
      first.terminate()
      first.waitUntilExit()
    }
    try waitForRun(in: tool)
    let second = try tool.run("run", "search.yaml", "--quiet")
    #expect(second.status == 75)
    #expect(second.errors.contains("\(first.processIdentifier)"))
    // Nor is a study put aside under the hands of the one that works on it.
    #expect(try tool.run("run", "search.yaml", "--quiet", "--fresh").status == 75)
    #expect(first.isRunning)
  }

  @Test(arguments: [(SIGINT, 130), (SIGTERM, 143)])
  func `stops at a signal, says how to go on, and goes on`(signal: Int32, status: Int) throws {
    let tool = try Tool()
    defer { tool.remove() }
    let process = try tool.start(["run", "search.yaml", "--quiet"])
    try waitForRun(in: tool)
    kill(process.processIdentifier, signal)
    process.waitUntilExit()
    #expect(process.terminationReason == .exit)
    #expect(process.terminationStatus == Int32(status))
    let rest = try tool.run("run", "search.yaml")
    #expect(rest.status == 0)
    #expect(rest.errors.contains("goes on"))
  }

  @Test func `searches with OpenBLAS alone and at random`() throws {
    let tool = try Tool()
    defer { tool.remove() }
    try tool.write(
      Tool.plan.replacingOccurrences(
        of: "  autoslim: {images: 240}", with: "  random: {trials: 20, images: 240}"),
      to: "search.yaml")
    let run = try tool.run(
      "run", "search.yaml", "--quiet", environment: ["NAS_BACKEND": "openblas"])
    #expect(run.status == 0, "\(run.errors)")
    #expect(try tool.run("pareto").status == 0)
    // What cannot begin does not put the old study aside.
    let before = try tool.run("pareto", "--json").output
    let unknown = try tool.run("run", "search.yaml", "--fresh", environment: ["NAS_BACKEND": "x"])
    #expect(unknown.status == 64)
    #expect(unknown.errors.contains("onednn or openblas"))
    #expect(try tool.run("pareto", "--json").output == before)
  }
}
