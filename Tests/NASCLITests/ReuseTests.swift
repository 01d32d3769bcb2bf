import Foundation
import GRDB
import SearchSpace
import Testing
import TrialStore

/// Studies that share a database, run by the built tool as a user would.
@Suite(.serialized) struct ReuseTests {
  let tool: Tool

  init() throws {
    tool = try Tool()
  }

  /// Another study with the supernet of ``Tool/plan``.
  private func plan(
    _ name: String, strategy: String = "random: {trials: 24, images: 160}", seed: Int = 7,
    more: String = ""
  ) -> String {
    Tool.plan.replacingOccurrences(of: "study: small", with: "study: \(name)")
      .replacingOccurrences(of: "autoslim: {images: 240}", with: strategy)
      .replacingOccurrences(of: "seed: 7", with: "seed: \(seed)") + more
  }

  private func run(_ plan: String, _ options: String..., database: String = "results.sqlite") throws
    -> Tool.Outcome
  {
    try tool.write(plan, to: "search.yaml")
    let outcome = try tool.runShell(
      "exec \"$0\" run search.yaml --db \(database) \"$@\"", [Tool.executable.path] + options)
    #expect(outcome.status == 0, "\(outcome.errors)")
    return outcome
  }

  private func open() throws -> TrialStore {
    try TrialStore.open(path: tool.folder.appending(path: "results.sqlite").path, for: .reading)
  }

  /// What was found, without how: costs, keys and scores of all trials.
  private func findings(of name: String, in store: TrialStore) throws -> [String] {
    try store.trials(of: store.study(named: name).id).map { trial in
      let scores = try store.scores(of: trial).map {
        "\($0.correct)/\($0.images) \($0.loss ?? .nan) \($0.weightsHash)"
      }
      return "\(trial.number) \(trial.step) \(trial.role ?? "") \(trial.key) \(scores)"
    }
  }

  @Test func `takes over a supernet and known scores, and finds the same without them`() throws {
    defer { tool.remove() }
    let first = try run(Tool.plan)
    #expect(!first.errors.contains("takes the supernet"))
    let second = try run(plan("other"))
    #expect(second.errors.contains("takes the supernet that study 'small' trained"))
    // The same search once more: all of it is known.
    let third = try run(plan("again", strategy: "autoslim: {images: 240}"))
    #expect(third.errors.contains("takes the supernet that study 'small' trained"))

    let store = try open()
    let (small, other) = (try store.study(named: "small"), try store.study(named: "other"))
    #expect(small.trainedBy == nil && other.trainedBy == "small")
    #expect(
      try store.checkpoint(named: "supernet", of: other.id)
        == store.checkpoint(named: "supernet", of: small.id))
    #expect(
      try store.curve(named: "supernet", of: other.id)
        == store.curve(named: "supernet", of: small.id))
    #expect(try findings(of: "again", in: store) == findings(of: "small", in: store))
    for trial in try store.trials(of: store.study(named: "again").id) {
      #expect(trial.seconds == 0)
      #expect(try store.scores(of: trial).allSatisfy { $0.isKnown && $0.seconds == 0 })
    }
    for trial in try store.trials(of: small.id) {
      #expect(try store.scores(of: trial).allSatisfy { $0.answers?.count == $0.correct })
    }

    // A study that trains for itself, in a database of its own, comes to the same.
    _ = try run(plan("other"), database: "alone.sqlite")
    let alone = try TrialStore.open(
      path: tool.folder.appending(path: "alone.sqlite").path, for: .reading)
    #expect(try findings(of: "other", in: alone) == findings(of: "other", in: store))
    #expect(try alone.study(named: "other").trainedBy == nil)

    // What is taken over is whole on its own.
    try DatabaseQueue(path: tool.folder.appending(path: "results.sqlite").path).write { db in
      try db.execute(
        sql: """
          DELETE FROM scores WHERE trial IN (SELECT id FROM trials WHERE study = 1);
          DELETE FROM finalists WHERE study = 1; DELETE FROM trials WHERE study = 1;
          DELETE FROM checkpoints WHERE study = 1; DELETE FROM curve WHERE study = 1;
          DELETE FROM runs WHERE study = 1; DELETE FROM studies WHERE id = 1;
          """)
    }
    #expect(try tool.run("export", "best", "--study", "other").status == 0)
    #expect(try tool.run("pareto", "--study", "again").status == 0)
  }

  @Test func `trains anew if anything is otherwise, or if it is told to`() throws {
    defer { tool.remove() }
    _ = try run(Tool.plan)
    let other = try run(plan("other", seed: 8))
    #expect(!other.errors.contains("takes the supernet"))
    let longer = plan("longer").replacingOccurrences(of: "epochs: 3", with: "epochs: 4")
    #expect(try !run(longer).errors.contains("takes the supernet"))
    let fresh = try run(plan("small", strategy: "autoslim: {images: 240}"), "--fresh")
    #expect(!fresh.errors.contains("takes the supernet"))
    // The statistics of candidates are no part of the weights, nor is the place of the data.
    let calibrated = plan("calibrated")
      .replacingOccurrences(of: "calibration: 128", with: "calibration: 64")
      .replacingOccurrences(of: "path: images", with: "path: ./images")
    #expect(try run(calibrated).errors.contains("takes the supernet that study 'small' trained"))
    // One that is damaged is passed over.
    try DatabaseQueue(path: tool.folder.appending(path: "results.sqlite").path).write { db in
      try db.execute(sql: "UPDATE checkpoints SET content = x'00'")
    }
    #expect(try !run(plan("last")).errors.contains("takes the supernet"))
  }

  @Test func `begins warm with the scores of others, once`() throws {
    defer { tool.remove() }
    _ = try run(plan("first"))
    let images = "warm-start: true\n"
    let warm = try run(plan("warm", strategy: "random: {trials: 5, images: 160}", more: images))
    let store = try open()
    let known = Set(try store.trials(of: store.study(named: "first").id).map(\.key))
    #expect(warm.errors.contains("begins with \(known.count) scores that are known"))
    let trials = try store.trials(of: store.study(named: "warm").id)
    let taken = trials.prefix(known.count)
    #expect(Set(taken.map(\.key)) == known)
    #expect(taken.allSatisfy { $0.step == -1 && $0.role == "known" && $0.seconds == 0 })
    #expect(trials.dropFirst(known.count).first?.step == 0)
    // Scored on other images, they do not count.
    let otherwise = try run(
      plan("otherwise", strategy: "random: {trials: 5, images: 100}", more: images))
    #expect(otherwise.errors.contains("begins with 0 scores that are known"))
  }

  @Test func `trains single paths, and goes on from where it was stopped`() throws {
    defer { tool.remove() }
    let single = plan("small").replacingOccurrences(
      of: "epochs: 3,", with: "paths: single, epochs: 6,")
    _ = try run(single, database: "whole.sqlite")
    let explained = try tool.run("explain", "search.yaml")
    #expect(explained.status == 0 && explained.output.contains("198 steps of 64 images"))
    let process = try tool.start(["run", "search.yaml", "--db", "killed.sqlite", "--quiet"])
    let killed = tool.folder.appending(path: "killed.sqlite").path
    while process.isRunning {
      let store = try? TrialStore.open(path: killed, for: .reading)
      let step = try? store?.checkpoint(named: "supernet", of: 1)?.step
      if step ?? 0 > 0 { break }
      Thread.sleep(forTimeInterval: 0.02)
    }
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
    _ = try run(single, database: "killed.sqlite")
    let stores = try ["whole.sqlite", "killed.sqlite"].map {
      try TrialStore.open(path: tool.folder.appending(path: $0).path, for: .reading)
    }
    #expect(
      try findings(of: "small", in: stores[0]) == findings(of: "small", in: stores[1]))
  }
}
