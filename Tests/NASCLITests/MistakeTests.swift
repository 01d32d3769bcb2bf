import Foundation
import Testing

/// What a user is told when something is wrong: one line with what, where and what to do, and the
/// exit code that scripts look at.
@Suite struct MistakeTests {
  private func outcome(
    ofPlan change: (String) -> String
  ) throws -> (Tool.Outcome, database: Bool) {
    let tool = try Tool()
    defer { tool.remove() }
    try tool.write(change(Tool.plan), to: "search.yaml")
    let outcome = try tool.run("run", "search.yaml")
    let database = tool.folder.appending(path: "results.sqlite").path
    return (outcome, FileManager.default.fileExists(atPath: database))
  }

  @Test func `missing data is named with its remedy before anything is made`() throws {
    let (outcome, database) = try outcome { $0.replacing("path: images", with: "path: nowhere") }
    #expect(outcome.status == 66)
    #expect(outcome.errors.contains("nowhere"))
    #expect(outcome.errors.split(separator: "\n").count == 1)
    #expect(!database)
  }

  @Test func `an unknown key is named with its place and the nearest legal one`() throws {
    let (outcome, database) = try outcome { $0.replacing("epochs: 3", with: "epohcs: 3") }
    #expect(outcome.status == 78)
    #expect(outcome.errors.contains("search.yaml:11:12: error: unknown key 'epohcs'"))
    #expect(outcome.errors.contains("'epochs'"))
    #expect(!database)
  }

  @Test func `a budget that cannot be met is refused with what can be reached`() throws {
    let (outcome, database) = try outcome { $0.replacing("{macs: 25%}", with: "{macs: 10}") }
    #expect(outcome.status == 78)
    #expect(outcome.errors.hasPrefix("search.yaml:14:39: error: no network of the space has"))
    #expect(outcome.errors.contains("macs ≤ 10: the smallest has"))
    #expect(outcome.errors.contains("space.width on line 9 forbids less"))
    #expect(!database)
  }

  @Test(arguments: [
    ("batch: 64", "batch: 4000", "4000"), ("hold-out: 240", "hold-out: 2400", "2400"),
    ("epochs: 3", "epochs: 9223372036854775807", "epochs"),
    ("width: {scale: 1,", "width: {scale: 10,", ""),
  ])
  func `sizes that cannot be are refused before anything is made`(
    before: String, after: String, named: String
  ) throws {
    // At ten times the width and the largest batch a step needs more memory than most machines have.
    let (outcome, database) = try outcome {
      let plan = $0.replacing(before, with: after)
      return named.isEmpty
        ? plan.replacing("resnet-8", with: "resnet-98").replacing("batch: 64", with: "batch: 2000")
        : plan
    }
    #expect(outcome.status == 78, "\(outcome.status) \(outcome.errors)")
    #expect(outcome.errors.contains(named.isEmpty ? "lower supernet.batch" : named))
    #expect(named.isEmpty || outcome.errors.hasPrefix("search.yaml:"))
    #expect(!database)
  }

  @Test func `a file that is not a database is left as it is`() throws {
    let tool = try Tool()
    defer { tool.remove() }
    let text = "these are my notes, not a database; please keep them"
    try tool.write(text, to: "results.sqlite")
    for arguments in [["run", "search.yaml"], ["pareto"], ["export", "best"]] {
      let outcome = try tool.runShell("exec \"$0\" \"$@\"", [Tool.executable.path] + arguments)
      #expect(outcome.status == 65)
      #expect(outcome.errors.contains("results.sqlite"))
    }
    #expect(try tool.contents(of: "results.sqlite") == Data(text.utf8))
  }

  @Test func `a full disk ends the run, and what was found stays`() throws {
    let tool = try Tool()
    defer { tool.remove() }
    // A limit on the size of files stands for the disk: 512-byte blocks, some 160 kB.
    let full = try tool.runShell(
      "ulimit -f 320; exec \"$0\" run search.yaml --quiet", [Tool.executable.path])
    #expect(full.status == 74, "\(full.status) \(full.errors)")
    #expect(full.errors.contains("results.sqlite"))
    // With room again the same command goes on to the end.
    let rest = try tool.run("run", "search.yaml", "--quiet")
    #expect(rest.status == 0, "\(rest.errors)")
    #expect(try tool.run("pareto").status == 0)
  }

  @Test func `reading where there is nothing says so and makes nothing`() throws {
    let tool = try Tool()
    defer { tool.remove() }
    let outcome = try tool.run("pareto", "--db", "none.sqlite")
    #expect(outcome.status == 66)
    #expect(outcome.errors.contains("none.sqlite"))
    let file = tool.folder.appending(path: "none.sqlite").path
    #expect(!FileManager.default.fileExists(atPath: file))
    #expect(try tool.run("run", "none.yaml").status == 66)
    #expect(try tool.run("export", "worst").status == 64)
  }

  @Test func `validate tells what a good file comes to`() throws {
    let tool = try Tool()
    defer { tool.remove() }
    let outcome = try tool.run("validate", "search.yaml")
    #expect(outcome.status == 0)
    #expect(outcome.output.contains("search.yaml: fine; resnet-8 for 1×16×16 and 4 classes"))
  }

  @Test func `doctor finds its own loops and both libraries in agreement`() throws {
    let tool = try Tool()
    defer { tool.remove() }
    let outcome = try tool.run("doctor", "--json")
    struct Examination: Decodable {
      var schema: String
      var findings: [Finding]
      struct Finding: Decodable {
        var name: String
        var finding: String
      }
    }
    let examination = try JSONDecoder().decode(
      Examination.self, from: Data(outcome.output.utf8))
    #expect(examination.schema == "nas.doctor/1")
    #expect(
      examination.findings.contains {
        $0.name == "convolution" && $0.finding.hasPrefix("own loops (")
          && $0.finding.hasSuffix("), oneDNN and OpenBLAS agree")
      })
  }
}
