import Foundation
import GRDB
import SearchSpace
import Testing
import TrialStore

/// What `nas pareto` and `nas show` make of trials that no run has made.
@Suite struct ParetoTests {
  /// Images that a trial here was scored on.
  private static let images = 2048

  /// Begins a study that has trials of the caller's, without running anything.
  private func makeStudy(in tool: Tool, _ update: StudyUpdate) throws {
    let store = try TrialStore.open(
      path: tool.folder.appending(path: "results.sqlite").path, for: .creating)
    let study = try store.createStudy(
      NewStudy(
        name: "made", seed: 1, strategy: "random", plan: Tool.plan, planHash: "c0ffee",
        space: #"{"input": {"channels": 1, "height": 16, "width": 16}, "classes": 4}"#,
        stage: .search))
    let run = try store.beginRun(on: study.id)
    try store.commit(update, in: run)
    try store.endRun(run, as: .done)
    try store.close()
  }

  /// A trial whose wrong answers are those to some images that follow each other.
  private func trial(
    macs: Int, wrong: Range<Int>? = nil, architecture: String = #"{"stem": 4}"#
  ) -> NewTrial {
    let scores = wrong.map { wrong in
      var answers = RightAnswers()
      for image in 0..<Self.images { answers.append(!wrong.contains(image)) }
      return NewScore(
        fidelity: .shared, correct: answers.count, images: Self.images, loss: 0.5,
        calibration: "{}", weightsHash: "aa", imagesHash: "da7a", seconds: 0.1, answers: answers)
    }
    return NewTrial(
      architecture: architecture, key: "m\(macs)", step: 0, role: "random", macs: macs,
      parameters: 10, seconds: 0.1, scores: scores.map { [$0] } ?? [])
  }

  private struct Pareto: Decodable {
    var points: [Point]
    var unscored: [Unscored]

    struct Point: Decodable {
      var trial: Int
      var accuracy: Double
      var low: Double
      var high: Double
      var level_with: Int?
    }

    struct Unscored: Decodable {
      var trial: Int
      var budgets: [String]
    }
  }

  private func pareto(_ tool: Tool) throws -> Pareto {
    let outcome = try tool.run("pareto", "--json")
    #expect(outcome.status == 0, "\(outcome.errors)")
    return try JSONDecoder().decode(Pareto.self, from: Data(outcome.output.utf8))
  }

  @Test func `marks what the images do not tell from something cheaper`() throws {
    let tool = try Tool()
    defer { tool.remove() }
    try makeStudy(
      in: tool,
      StudyUpdate(trials: [
        trial(macs: 1000, wrong: 0..<100), trial(macs: 2000, wrong: 40..<100),
        trial(macs: 3000, wrong: 42..<100), trial(macs: 4000, wrong: 0..<10),
      ]))
    #expect(try pareto(tool).points.map(\.level_with) == [nil, nil, 2, nil])
    let shown = try tool.run("pareto", "--svg", "frontier.svg").output
    #expect(shown.contains("level with: the cheapest network that the images do not tell"))
    let row = shown.split(separator: "\n").first { $0.hasPrefix("    3  ") }
    #expect(row?.split(separator: " ").suffix(2) == ["shared", "2"], "\(shown)")
    #expect(shown.contains("○") && shown.contains("●"))
    let svg = String(decoding: try tool.contents(of: "frontier.svg"), as: UTF8.self)
    #expect(svg.components(separatedBy: "<title>trial ").count == 5)
    #expect(svg.components(separatedBy: #"r="5" stroke="steelblue" fill="white""#).count == 2)
    #expect(svg.contains("level with trial 2</title>"))
    #expect(svg.components(separatedBy: #"" stroke="steelblue"/>"#).count == 5, "no whiskers")
  }

  @Test func `lists networks that nobody has scored as what they are`() throws {
    let tool = try Tool()
    defer { tool.remove() }
    let network = """
      {"stem": 4, "stage1.block1.inner": 4, "stage2.block1.inner": 8, "stage2": 8, \
      "stage3.block1.inner": 16, "stage3": 16}
      """
    try makeStudy(
      in: tool,
      StudyUpdate(
        trials: [trial(macs: 2000), trial(macs: 1000, architecture: network)],
        finalists: [
          RecordedFinalist(budget: "macs ≤ 1500", cost: .macs, limit: 1500, trial: 2)
        ]))
    let found = try pareto(tool)
    #expect(found.points.isEmpty)
    #expect(found.unscored.map(\.trial) == [2, 1])
    #expect(found.unscored.map(\.budgets) == [["macs ≤ 1500"], []])
    #expect(try tool.run("pareto", "--json").output.contains(#""accuracy" : null"#))
    let shown = try tool.run("pareto", "--svg", "frontier.svg")
    #expect(shown.status == 0)
    #expect(shown.output.contains("not scored; 'nas retrain 2' trains it  macs ≤ 1500"))
    let trial = try tool.run("show", "2")
    #expect(trial.status == 0, "\(trial.errors)")
    #expect(trial.output.contains("not scored; 'nas retrain 2' trains it"))
    #expect(try tool.run("show", "2", "--json").output.contains(#""scores" : ["#))
    let exported = try tool.run("export", "best")
    #expect(exported.status == 75 && exported.errors.contains("no scored network yet"))
    // Of a study that is done it is not to be waited for.
    try DatabaseQueue(path: tool.folder.appending(path: "results.sqlite").path).write {
      try $0.execute(sql: "UPDATE studies SET stage = 'done'")
    }
    #expect(try tool.run("export", "best").errors.contains("'nas retrain' scores one"))
  }

  @Test func `finds the frontier of a hundred thousand trials`() throws {
    let tool = try Tool()
    defer { tool.remove() }
    var generator = SeededGenerator(seed: 5)
    var best = 0
    var expected: [Int] = []
    let trials = (1...100_000).map { number in
      // The costlier the better, within limits; so the frontier has some hundred points.
      let right = Int.random(in: 0...900 + number / 100, using: &generator)
      if right > best {
        best = right
        expected.append(number)
      }
      return trial(macs: 100 * number, wrong: right..<Self.images)
    }
    try makeStudy(in: tool, StudyUpdate(trials: trials))
    let found = try pareto(tool)
    #expect(found.points.map(\.trial) == expected)
    #expect(found.points.map(\.accuracy) == found.points.map(\.accuracy).sorted())
    #expect(found.unscored.isEmpty)
    #expect(try tool.run("pareto", "--svg", "frontier.svg").status == 0)
  }
}
