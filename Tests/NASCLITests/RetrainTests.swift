import Foundation
import Networks
import SearchSpace
import TestSupport
import Testing
import TrialStore

/// Networks trained on their own by the built tool, with and without a search.
@Suite(.serialized) struct RetrainTests {
  static let recipe = """
    retrain:
      epochs: 2
      batch: 64
      precision: float32
      label-smoothing: 0.1
      ema: 0.9
      distill: {alpha: 0.5, temperature: 2}

    """

  /// A search by chance, so that it is soon over, whose networks are retrained.
  private func retrainingTool() throws -> Tool {
    let tool = try Tool()
    try SyntheticImages(count: 400, side: 16, seed: 2).write(
      toFolder: tool.folder.appending(path: "images"), part: "t10k")
    try tool.write(
      Tool.plan.replacingOccurrences(
        of: "  autoslim: {images: 240}", with: "  random: {trials: 12, images: 240}"
      )
      .replacingOccurrences(of: "epochs: 3", with: "epochs: 1") + Self.recipe,
      to: "search.yaml")
    return tool
  }

  private func open(_ tool: Tool, _ database: String) throws -> (TrialStore, Study) {
    let store = try TrialStore.open(
      path: tool.folder.appending(path: database).path, for: .reading)
    return (store, try store.study(named: "small"))
  }

  /// What retraining leaves, without times.
  private func findings(_ tool: Tool, _ database: String) throws -> [String] {
    let (store, study) = try open(tool, database)
    let picked = try Set(store.finalists(of: study.id).map(\.trial)).sorted()
    var findings: [String] = [study.stage.rawValue]
    for name in ["teacher"] + picked.map({ "trial \($0)" }) {
      let checkpoint = try #require(try store.checkpoint(named: name, of: study.id), "\(name)")
      findings.append("\(name) \(checkpoint.step) \(checkpoint.checksum)")
      findings += try store.curve(named: name, of: study.id).map { "\($0.step) \($0.loss)" }
    }
    for number in picked {
      findings += try store.scores(of: store.trial(number, of: study.id))
        .filter { $0.fidelity == .retrained }
        .map { "\(number) \($0.isTest) \($0.correct)/\($0.images) \($0.weightsHash)" }
    }
    return findings
  }

  @Test func `retrains each picked network once, and ends the same however often it is killed`()
    throws
  {
    let tool = try retrainingTool()
    defer { tool.remove() }
    let whole = try tool.run("run", "search.yaml", "--db", "whole.sqlite")
    #expect(whole.status == 0, "\(whole.errors)")
    #expect(whole.errors.contains("of the test set"))
    let expected = try findings(tool, "whole.sqlite")
    #expect(expected.first == "done")

    // Each picked network has one score on the hold-out and one on the test set.
    let (store, study) = try open(tool, "whole.sqlite")
    for number in try Set(store.finalists(of: study.id).map(\.trial)) {
      let scores = try store.scores(of: store.trial(number, of: study.id))
        .filter { $0.fidelity == .retrained }
      #expect(scores.map(\.isTest) == [false, true])
      #expect(scores.map(\.images) == [240, 400])
      #expect(scores.allSatisfy { $0.calibration.contains("\"from\":\"scratch\"") })
    }
    #expect(
      try store.trials(of: study.id).flatMap { try store.scores(of: $0) }.filter(\.isTest).count
        == Set(store.finalists(of: study.id).map(\.trial)).count)

    // It dies at the teacher, at a network, and at a later one.
    for wanted in ["teacher", "trial", "trial", "trial"] {
      let process = try tool.start(["run", "search.yaml", "--db", "killed.sqlite", "--quiet"])
      while process.isRunning && !isThere(wanted, tool) { Thread.sleep(forTimeInterval: 0.01) }
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
    }
    #expect(try tool.run("run", "search.yaml", "--db", "killed.sqlite").status == 0)
    #expect(try findings(tool, "killed.sqlite") == expected)

    // Nothing is left to do, neither for the study nor for its networks.
    let again = try tool.run("run", "search.yaml", "--db", "killed.sqlite")
    #expect(again.errors.contains("done already"))
    let picked = try #require(try store.finalists(of: study.id).first?.trial)
    #expect(try tool.run("retrain", "\(picked)", "--db", "killed.sqlite").status == 0)
    #expect(try findings(tool, "killed.sqlite") == expected)
  }

  @Test func `takes over the teacher that another study trained, unless it is told not to`()
    throws
  {
    let tool = try retrainingTool()
    defer { tool.remove() }
    #expect(try tool.run("run", "search.yaml", "--quiet").status == 0)
    let plan = String(decoding: try tool.contents(of: "search.yaml"), as: UTF8.self)
      .replacingOccurrences(of: "study: small", with: "study: other")
      .replacingOccurrences(of: "trials: 12", with: "trials: 4")
    try tool.write(plan, to: "other.yaml")
    let other = try tool.run("run", "other.yaml")
    #expect(other.errors.contains("takes the teacher that study 'small' trained"))

    let (store, study) = try open(tool, "results.sqlite")
    func teacher(_ name: String) throws -> String? {
      try store.checkpoint(named: "teacher", of: store.study(named: name).id)?.checksum
    }
    #expect(try teacher("other") == teacher(study.name))
    #expect(
      try store.curve(named: "teacher", of: store.study(named: "other").id).map(\.loss)
        == store.curve(named: "teacher", of: study.id).map(\.loss))

    // Other images make another teacher, whatever the recipe.
    try tool.write(
      plan.replacingOccurrences(of: "study: other", with: "study: third")
        .replacingOccurrences(of: "seed: 7", with: "seed: 8"), to: "third.yaml")
    let third = try tool.run("run", "third.yaml")
    #expect(third.status == 0 && !third.errors.contains("takes the teacher"))
    #expect(try teacher("third") != teacher("other"))

    try compare(tool, store)

    let fresh = try tool.run("run", "other.yaml", "--fresh")
    #expect(fresh.status == 0 && !fresh.errors.contains("takes the teacher"))
    #expect(try teacher("other") == teacher(study.name))
  }

  /// Studies that differ in nothing but their seed are compared as one.
  private func compare(_ tool: Tool, _ store: TrialStore) throws {
    struct Comparison: Decodable {
      var rows: [Row]
      var rank_agreements: [Agreement]
      struct Agreement: Decodable {
        var rho: Double
        var networks: Int
        var studies: [String]
      }
      struct Row: Decodable {
        var strategy: String
        var budget: String
        var limit: Int
        var studies: [String]
        var search_seconds: Double
        var accuracy: Double
        var images: Int
        var networks: [Network]
      }
      struct Network: Decodable {
        var study: String
        var trial: Int
        var macs: Int
        var params: Int
        var accuracy: Double
        var test_accuracy: Double?
      }
    }
    let compared = try tool.run("compare", "--json")
    let comparison = try JSONDecoder().decode(
      Comparison.self, from: Data(compared.output.utf8))
    let rows = comparison.rows
    for agreement in comparison.rank_agreements {
      #expect((-1...1).contains(agreement.rho) && agreement.networks >= 4)
    }
    #expect(rows.count == 6)  // three budgets, and two ways to search
    for row in rows {
      #expect(row.strategy == "random" && row.search_seconds > 0)
      #expect(row.studies == ["small"] || row.studies == ["other", "third"])
      #expect(row.networks.map(\.study) == row.studies)
      for network in row.networks {
        #expect((row.budget == "macs" ? network.macs : network.params) <= row.limit)
        let study = try store.study(named: network.study)
        let scores = try store.scores(of: store.trial(network.trial, of: study.id))
          .filter { $0.fidelity == .retrained }
        #expect(scores.first?.accuracy == network.accuracy)
        #expect(scores.last?.accuracy == network.test_accuracy)
      }
      #expect(row.images == 400 * row.networks.count)
      let tests = row.networks.compactMap(\.test_accuracy)
      #expect(abs(row.accuracy - tests.reduce(0, +) / Double(tests.count)) < 1e-12)
    }

    let table = try tool.run("compare", "third", "--svg", "comparison.svg")
    #expect(table.output.contains("macs ≤ ") && table.output.contains("random"))
    let picture = try tool.contents(of: "comparison.svg")
    #expect(String(decoding: picture, as: UTF8.self).contains("third, trial"))
    #expect(try tool.run("compare", "fourth").errors.contains("there is no study 'fourth'"))
  }

  /// Whether a checkpoint of retraining with such a name is in the store.
  private func isThere(_ prefix: String, _ tool: Tool) -> Bool {
    guard let (store, study) = try? open(tool, "killed.sqlite"), study.stage == .finalists else {
      return false
    }
    let names = ["teacher"] + (1...12).map { "trial \($0)" }
    return names.contains { name in
      name.hasPrefix(prefix)
        && ((try? store.checkpoint(named: name, of: study.id)) ?? nil) != nil
    }
  }

  @Test func `lists and exports retrained networks, and inherits weights on demand`() throws {
    let tool = try retrainingTool()
    defer { tool.remove() }
    #expect(try tool.run("run", "search.yaml", "--quiet").status == 0)
    struct Pareto: Decodable {
      var points: [Point]
      struct Point: Decodable {
        var trial: Int
        var fidelity: String
        var accuracy: Double
        var test_accuracy: Double?
      }
    }
    func pareto(_ options: String...) throws -> [Pareto.Point] {
      let output = try tool.runShell(
        "exec \"$0\" pareto --json \"$@\"", [Tool.executable.path] + options
      ).output
      return try JSONDecoder().decode(Pareto.self, from: Data(output.utf8)).points
    }
    let points = try pareto()
    #expect(points.allSatisfy { $0.fidelity == "retrained" && $0.test_accuracy != nil })
    #expect(try pareto("--all").allSatisfy { $0.fidelity == "shared" })
    #expect(try tool.run("pareto").output.contains("on test"))

    struct Report: Decodable {
      var trial: Int
      var fidelity: String
      var accuracy: Accuracy
      struct Accuracy: Decodable {
        var recorded: Double?
        var bundle: Double
      }
    }
    func export(_ name: String, to folder: String) throws -> Report {
      let exported = try tool.run("export", name, "--json", "-o", folder)
      #expect(exported.status == 0, "\(exported.errors)")
      return try JSONDecoder().decode(Report.self, from: Data(exported.output.utf8))
    }
    let best = try export("best", to: "best")
    #expect(best.trial == points.last?.trial && best.fidelity == "retrained")
    #expect(best.accuracy.bundle == points.last?.accuracy)
    #expect(best.accuracy.recorded == best.accuracy.bundle)

    // A trial that was not picked, with new and with inherited weights.
    let (store, study) = try open(tool, "results.sqlite")
    let picked = try Set(store.finalists(of: study.id).map(\.trial))
    let other = try #require((1...12).first { !picked.contains($0) })
    #expect(try export("\(other)", to: "shared").fidelity == "shared")
    for origin in ["scratch", "inherited"] {
      let outcome = try tool.run("retrain", "\(other)", "--from", origin)
      #expect(outcome.status == 0, "\(outcome.errors)")
    }
    #expect(try export("\(other)", to: "own").fidelity == "retrained")
    let scores = try store.scores(of: store.trial(other, of: study.id))
      .filter { $0.fidelity == .retrained }
    #expect(scores.map(\.isTest) == [false, true, false, true])
    #expect(try tool.run("retrain", "99").status == 66)
  }

  @Test func `trains a network that a bundle holds, without a search`() throws {
    let tool = try Tool()
    defer { tool.remove() }
    try tool.write(
      """
      data: {path: images, hold-out: 240}
      space: {network: resnet-8, width: {scale: 0.5, groups: 1}, strides: [1, 2, 2, 2]}
      retrain: {epochs: 2, batch: 64}
      """, to: "train.yaml")
    let trained = try tool.run("train", "train.yaml")
    #expect(trained.status == 0, "\(trained.errors)")
    #expect(trained.errors.contains("there is no test set"))
    #expect(try tool.run("train", "train.yaml").errors.contains("done already"))
    #expect(try tool.run("export", "best").status == 0)

    let process = try tool.start(
      [
        "train", "best/architecture.yaml", "--data", "images", "--hold-out", "240", "--study",
        "again", "--quiet",
      ])
    let database = tool.folder.appending(path: "results.sqlite").path
    func isAtWork() -> Bool {
      let store = try? TrialStore.open(path: database, for: .reading)
      return (try? store?.study(named: "again")) != nil
    }
    while process.isRunning && !isAtWork() { Thread.sleep(forTimeInterval: 0.01) }
    kill(process.processIdentifier, SIGINT)
    process.waitUntilExit()
    #expect(process.terminationStatus == 130)
    #expect(try tool.run("train", "best/architecture.yaml").errors.contains("unknown key 'format'"))
    // The images are fewer than are held out by default.
    #expect(try tool.run("train", "best/architecture.yaml", "--data", "images").status == 78)
    #expect(try tool.run("train", "nowhere.yaml", "--data", "images").status == 66)
  }
}
