import Foundation
import GRDB
import Testing
import TrialStore

/// What a study tells of its training, run by the built tool as a user would.
@Suite struct RankProbeTests {
  private struct Shown: Decodable {
    var rank_agreement: Double?
    var normalization: Scale?
    var trainings: [Entry]

    struct Scale: Decodable {
      var mean: [Double]
      var deviation: [Double]
    }

    struct Entry: Decodable {
      var name: String
      var steps: Int
      var epochs: Double
      var seconds: Double
      var waiting: Double?
    }
  }

  private func shown(_ tool: Tool, _ study: String = "small") throws -> Shown {
    try JSONDecoder().decode(
      Shown.self, from: Data(tool.run("show", study, "--json").output.utf8))
  }

  @Test func `tells what a supernet's ranks are worth, and how it was trained`() throws {
    let tool = try Tool()
    defer { tool.remove() }
    let run = try tool.run("run", "search.yaml")
    #expect(run.status == 0, "\(run.errors)")
    #expect(run.errors.contains("Spearman's ρ"))

    let study = try shown(tool)
    // Five networks that learn such easy images hardly differ, so ρ itself is left to chance.
    let agreement = try #require(study.rank_agreement)
    #expect((-1...1).contains(agreement))
    #expect(run.errors.contains("Spearman's ρ \(String(format: "%.2f", agreement))"))
    let training = try #require(study.trainings.first { $0.name == "supernet" })
    #expect(training.epochs == 3)
    #expect((0..<1).contains(try #require(training.waiting)))
    let scale = try #require(study.normalization)
    #expect(scale.mean.count == 1 && scale.deviation.allSatisfy { $0 > 0 })
    let text = try tool.run("show").output
    #expect(text.contains("waiting for images") && text.contains("images normalised"))

    // What is known of a supernet goes with it to whoever takes it over.
    try tool.write(
      Tool.plan.replacingOccurrences(of: "study: small", with: "study: other"), to: "other.yaml")
    let other = try tool.run("run", "other.yaml")
    #expect(other.status == 0 && other.errors.contains("takes the supernet"))
    #expect(!other.errors.contains("trained a little on its own"))
    #expect(try shown(tool, "other").rank_agreement == study.rank_agreement)
  }

  @Test func `warns of a supernet whose ranks are worth nothing`() throws {
    let tool = try Tool()
    defer { tool.remove() }
    #expect(try tool.run("run", "search.yaml", "--quiet").status == 0)
    let database = try DatabaseQueue(path: tool.folder.appending(path: "results.sqlite").path)
    for (agreement, warns) in [(0.9, false), (0.1, true)] {
      try database.write {
        try $0.execute(sql: "UPDATE studies SET rank_agreement = ?", arguments: [agreement])
      }
      let text = try tool.run("show").output
      #expect(text.contains("no better than chance") == warns, "\(text)")
    }
    try tool.write(
      Tool.plan.replacingOccurrences(of: "study: small", with: "study: other"), to: "other.yaml")
    let other = try tool.run("run", "other.yaml")
    #expect(other.errors.contains("no better than chance"), "\(other.errors)")
  }

  @Test func `does without the probe where it is not wanted`() throws {
    let tool = try Tool()
    defer { tool.remove() }
    try tool.write(
      Tool.plan.replacingOccurrences(of: "calibration: 128", with: "calibration: 128, probe: 0"),
      to: "search.yaml")
    let run = try tool.run("run", "search.yaml")
    #expect(run.status == 0 && !run.errors.contains("Spearman"))
    #expect(try shown(tool).rank_agreement == nil)

    try tool.write(
      Tool.plan.replacingOccurrences(of: "calibration: 128", with: "probe: 2"), to: "search.yaml")
    let refused = try tool.run("run", "search.yaml")
    #expect(refused.status == 78)
    #expect(refused.errors.contains("3 to 100 networks, or 0 for no probe"), "\(refused.errors)")
  }
}
