import Foundation
import Testing

/// `nas explain`, as a user runs it.
@Suite struct ExplainTests {
  private struct Document: Decodable {
    var schema: String
    var architectures: String
    var decisions: [Named]
    var groups: [Group]
    var smallest: Size
    var median: Size
    var largest: Size
    var budgets: [Budget]
    var stages: [Stage]

    struct Named: Decodable {
      var name: String
      var choices: [Int]
      var macs: Int
    }

    struct Group: Decodable {
      var name: String
      var macs: Int
      var params: Int
      var members: [Member]

      struct Member: Decodable {
        var layer: String
        var reason: String?
      }
    }

    struct Size: Decodable {
      var macs: Int
      var params: Int
      var activation_bytes: Int
      var training_bytes: Int
      var layers: [Layer]?

      struct Layer: Decodable {
        var name: String
        var output: [Int]
        var macs: Int
        var params: Int
      }
    }

    struct Budget: Decodable {
      var limit: Int
      var line: Int
      var nearest: Int
      var reachable: Bool
      var obstacle: Obstacle?

      struct Obstacle: Decodable {
        var key: String
        var line: Int
      }
    }

    struct Stage: Decodable {
      var stage: String
      var work: String
      var seconds: Double
      var bytes: Int
    }
  }

  private func explain(
    _ arguments: String..., plan change: (String) -> String = { $0 }
  ) throws -> Tool.Outcome {
    let tool = try Tool()
    defer { tool.remove() }
    try tool.write(change(Tool.plan), to: "search.yaml")
    return try tool.runShell(
      "exec \"$0\" explain search.yaml \"$@\"", [Tool.executable.path] + arguments)
  }

  private func document(of outcome: Tool.Outcome) throws -> Document {
    try JSONDecoder().decode(Document.self, from: Data(outcome.output.utf8))
  }

  @Test func `tells what a search file means, within a hundred columns`() throws {
    let outcome = try explain()
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(
      outcome.output.hasPrefix(
        """
        study small: resnet-8 for 1×16×16 and 4 classes
        idx: 2,160 images to train on, 240 held out
        4,096 different networks, 6 decisions

        """))
    #expect(outcome.output.contains("stage1.block1 adds its input to its output"))
    #expect(outcome.output.contains("99 steps of 64 images"))
    #expect(outcome.output.split(separator: "\n").allSatisfy { $0.count <= 100 })
    #expect(!outcome.output.contains("\u{1b}"), "no colour, whatever NO_COLOR says")
  }

  @Test func `says the same as JSON, with sums that agree`() throws {
    let document = try document(of: explain("--json", "--trace"))
    #expect(document.schema == "nas.explain/1")
    let product = document.decisions.reduce(1) { $0 * $1.choices.count }
    #expect(document.architectures == "\(product)")
    for size in [document.smallest, document.largest] {
      let layers = try #require(size.layers)
      #expect(layers.reduce(0) { $0 + $1.macs } == size.macs)
      #expect(layers.reduce(0) { $0 + $1.params } == size.params)
      // Whatever else is alive, some layer's output and input are.
      let widest = layers.map { 4 * $0.output.reduce(1, *) }.max() ?? 0
      #expect(size.activation_bytes > widest && size.training_bytes > 64 * size.activation_bytes)
    }
    #expect(document.smallest.macs < document.median.macs)
    #expect(document.median.macs < document.largest.macs)
    #expect(document.decisions.allSatisfy { (1...document.largest.macs).contains($0.macs) })
    #expect(document.groups.contains { $0.members.contains { $0.reason != nil } })
    #expect(document.groups.allSatisfy { (1...document.largest.macs).contains($0.macs) })
    #expect(document.groups.allSatisfy { (1...document.largest.params).contains($0.params) })
    // Every layer with weights reads or produces some channels.
    #expect(document.groups.reduce(0) { $0 + $1.macs } >= document.largest.macs)
    #expect(document.budgets.map(\.reachable) == [true, true, true])
    #expect(document.stages.map(\.stage) == ["training", "probe", "search", "finalists"])
    #expect(document.stages[0].work == "99 steps of 64 images")
    #expect(
      document.stages.allSatisfy { $0.seconds > 0 && $0.bytes > document.smallest.training_bytes })
  }

  @Test func `names what forbids a budget and estimates nothing then`() throws {
    let outcome = try explain("--json") { $0.replacing("{macs: 25%}", with: "{macs: 10}") }
    #expect(outcome.status == 78)
    let document = try document(of: outcome)
    #expect(document.budgets.map(\.reachable) == [true, true, false])
    #expect(document.budgets[2].nearest == document.smallest.macs)
    #expect(document.budgets[2].line == 14)
    #expect(document.budgets[2].obstacle?.key == "space.width")
    #expect(document.budgets[2].obstacle?.line == 9)
    #expect(document.stages.isEmpty)
  }

  @Test func `lists the layers of the smallest and the largest network on request`() throws {
    let outcome = try explain("--trace")
    #expect(outcome.output.contains("the smallest network\n\nlayer "))
    #expect(outcome.output.contains("the largest network\n\nlayer "))
    #expect(outcome.output.contains("16×16×16"))
  }
}
