import Foundation
import Testing

/// That the benchmark does its work and tells what it did; how long it takes is no test's matter.
@Suite struct BenchTests {
  private func figures(_ arguments: String...) throws -> [[String: Any]] {
    let tool = try Tool()
    defer { tool.remove() }
    let outcome = try tool.runShell(
      "exec \"$0\" bench \"$@\" --json", [Tool.executable.path] + arguments)
    #expect(outcome.status == 0, "\(outcome.errors)")
    return try outcome.output.split(separator: "\n").map { line in
      try #require(
        try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }
  }

  @Test func `prints a line with the keys of the peer`() throws {
    let lines = try figures("--net", "resnet20", "--steps", "1", "--batch", "8")
    #expect(lines.map { $0["precision"] as? String }.first == "f32")
    for line in lines {
      #expect(line["net"] as? String == "resnet20")
      #expect((line["processor"] as? String)?.isEmpty == false)
      #expect(line["groups"] as? Int == 12)
      // The 40.55 million of the paper, and the 1×1 convolutions in two shortcuts.
      #expect(line["macs"] as? Int == 40_551_040 + 16 * 16 * 16 * 32 + 8 * 8 * 32 * 64)
      for key in [
        "supernet_step_s", "candidate_s", "peak_training_bytes", "threads", "step_macs",
        "candidate_macs",
      ] {
        #expect(try #require(line[key] as? Double, "\(key)") > 0, "\(key)")
      }
    }
  }

  @Test func `scores the networks of a wider and deeper space together, untrained`() throws {
    let lines = try figures(
      "--net", "resnet14", "--width", "0.5", "--steps", "0", "--batch", "64", "--candidates", "30")
    for line in lines {
      #expect(line["groups"] as? Int == 9)
      #expect(line["candidates"] as? Int == 30)
      for key in ["greedy_step_s", "greedy_macs", "peak_scoring_bytes"] {
        #expect(try #require(line[key] as? Double, "\(key)") > 0, "\(key)")
      }
      #expect(line["supernet_step_s"] == nil)
    }
  }

  @Test(arguments: [
    ["--net", "resnet21"], ["--net", "vgg"], ["--precision", "int8"], ["--batch", "0"],
    ["--steps", "-1"], ["--width", "0"], ["--candidates", "0"],
  ])
  func `refuses what it cannot measure`(arguments: [String]) throws {
    let tool = try Tool()
    defer { tool.remove() }
    let outcome = try tool.runShell(
      "exec \"$0\" bench \"$@\"", [Tool.executable.path] + arguments)
    #expect(outcome.status == 64)
    #expect(outcome.output.isEmpty)
  }
}
