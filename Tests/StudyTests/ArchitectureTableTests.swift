import Foundation
import SearchSpace
import Study
import Testing

@Suite struct ArchitectureTableTests {
  /// Two stages, of which the first may leave out a block.
  private func space() throws -> SearchSpace {
    try SearchSpace(name: "small", input: [3, 8, 8]) {
      Convolution(name: "stem", width: [4, 8], kernel: 3)
      Stage(.basic(inner: [4, 6]), width: [8], depth: [1, 2])
      GlobalAveragePool()
      Linear(classes: 4)
    }
  }

  private func table(_ text: String, images: Int = 100) throws -> ArchitectureTable {
    try ArchitectureTable(Array(text.utf8), file: "known.csv", space: space(), images: images)
  }

  /// The names of the space's decisions, as this test knows them.
  private static let names = "stem,stage1.depth,stage1.block1.inner,stage1.block2.inner"

  private func problems(_ text: String) -> String {
    do {
      _ = try table(text)
      return ""
    } catch {
      return "\(error)"
    }
  }

  @Test func `knows networks by their decisions, whatever sizes nothing`() throws {
    let space = try space()
    #expect(space.decisions.map(\.name).joined(separator: ",") == Self.names)
    let table = try table(
      "\u{feff}# ours\n\(Self.names),accuracy\r\n8,1,4,,0.5\r\n\n 4 , 2,6,4,0.75\n")
    let shallow = try space.architecture(sizes: [
      "stem": 8, "stage1.depth": 1, "stage1.block1.inner": 4,
    ])
    var other = shallow
    for index in space.decisions.indices where !space.isActive(index, in: shallow) {
      other = try space.architecture(sizes: [
        "stem": 8, "stage1.depth": 1, "stage1.block1.inner": 4, space.decisions[index].name: 4,
      ])
    }
    #expect(other != shallow)
    #expect(try table.score(of: shallow) == Score(correct: 50, images: 100, loss: 0))
    #expect(try table.score(of: other) == Score(correct: 50, images: 100, loss: 0))
    #expect(table.rows.count == 2)
    #expect(table.space.cost(of: shallow) == space.cost(of: shallow))
    let error = #expect(throws: TableError.self) { try table.score(of: space.largest) }
    #expect(
      error?.description
        == "known.csv: error: there is no row for the network stem=8 stage1.depth=2 "
        + "stage1.block1.inner=6 stage1.block2.inner=6")
  }

  @Test func `knows latencies in milliseconds`() throws {
    let table = try table("\(Self.names),accuracy,latency-ms\n8,1,4,,0.5,1.25\n")
    let shallow = try space().architecture(sizes: [
      "stem": 8, "stage1.depth": 1, "stage1.block1.inner": 4,
    ])
    let counted = try space().cost(of: shallow)
    #expect(
      table.space.cost(of: shallow)
        == Cost(macs: counted.macs, parameters: counted.parameters, latency: 1_250_000))
    #expect(
      problems("\(Self.names),accuracy,latency-ms\n8,1,4,,0.5,2ms\n").contains(
        "known.csv:2:12: error: a latency must be a number of milliseconds from 0 to 1000000"))
  }

  @Test func `knows networks in a word, and takes the mean of several measurements`() throws {
    let digits = try table(
      "architecture,accuracy-percent,accuracy-percent,macs\n1110,90,91,7\n0000,10.4,20,9",
      images: 1000)
    let sizes = try table(
      "architecture,accuracy,accuracy,macs\n8:2:6:4,.9,.91,7\n4:1:4:4,.104,.2,9".replacing(
        ",.", with: ",0."), images: 1000)
    #expect(digits.rows == sizes.rows)
    for (architecture, row) in digits.rows {
      #expect(row.images == 2000)
      let isLarge = digits.space.cost(of: architecture).macs == 7
      #expect(row.correct == (isLarge ? 1810 : 304))
      // The other cost is counted.
      #expect(
        digits.space.cost(of: architecture).parameters
          == digits.space.network(of: architecture).cost.parameters)
    }
  }

  @Test(arguments: [
    ("", "known.csv: error: the table has no rows"),
    ("\(names),accuracy\n", "known.csv: error: the table has no rows"),
    (
      "\(names),acuracy\n8,1,4,,0.5",
      "known.csv:1:59: error: unknown column 'acuracy'; did you mean 'accuracy'?"
    ),
    ("\(names)\n8,1,4,", "known.csv:1:1: error: there is no column 'accuracy'"),
    (
      "stem,accuracy\n8,0.5", "known.csv:1:1: error: there is no column 'architecture', nor one for"
    ),
    ("architecture,stem,accuracy\n1110,8,0.5", "known.csv:1:1: error: networks are named by"),
    ("stem,\(names),accuracy\n", "known.csv:1:6: error: the column 'stem' is there twice"),
    ("\(names),accuracy\n8,1,4,0.5", "known.csv:2:1: error: the line has 4 values for 5 columns"),
    ("\(names),accuracy\n9,1,4,,0.5", "known.csv:2:1: error: stem must be 4 or 8, but is '9'"),
    (
      "\(names),accuracy\n8,2,4,,0.5",
      "known.csv:2:7: error: stage1.block2.inner is left out, but sizes the network"
    ),
    (
      "\(names),accuracy\n8,1,4,,93.1",
      "known.csv:2:8: error: an accuracy must be a number from 0 to 1, but is '93.1'"
    ),
    ("\(names),accuracy\n8,1,4,,nan", "known.csv:2:8: error: an accuracy must be"),
    ("\(names),accuracy,macs\n8,1,4,,0.5,-1", "known.csv:2:12: error: a cost must be"),
    (
      "\(names),accuracy\n8,1,4,,0.5\n8,1,4,6,0.5",
      "known.csv:3:1: error: this is the same network as on line 2"
    ),
    ("architecture,accuracy\n111,0.5", "known.csv:2:1: error: '111' has 3 digits for 4 decisions"),
    ("architecture,accuracy\n1115,0.5", "known.csv:2:4: error: '5' is no place of stage1.block2"),
    ("architecture,accuracy\n8:2:5:4,0.5", "known.csv:2:5: error: stage1.block1.inner must be 4"),
  ])
  func `tells what is wrong and where`(text: String, expected: String) {
    #expect(problems(text).hasPrefix(expected), "\(problems(text))")
  }

  @Test func `tells all problems at once`() {
    let text = problems("architecture,accuracy\n2111,0.5\n1111,x\n")
    #expect(text.split(separator: "\n").count == 2)
  }
}

@Suite struct HypervolumeTests {
  /// Counts the cells of a grid that some point beats.
  @Test func `is the area that brute force counts`() {
    var generator = SeededGenerator(seed: 4)
    for _ in 0..<50 {
      let points = (0..<Int.random(in: 0..<12, using: &generator)).map { _ in
        CostAndAccuracy(
          cost: Double(Int.random(in: 0...12, using: &generator)),
          accuracy: Double(Int.random(in: -2...10, using: &generator)))
      }
      var cells = 0
      for cost in 0..<10 {
        for accuracy in 0..<12
        where points.contains(where: {
          $0.cost <= Double(cost) && $0.accuracy >= Double(accuracy + 1)
        }) {
          cells += 1
        }
      }
      let area = points.hypervolume(from: CostAndAccuracy(cost: 10, accuracy: 0))
      #expect(area == Double(cells))
    }
  }
}

@Suite struct PlanTableTests {
  private let text = """
    evaluator: {table: known.csv, input: [3, 8, 8], classes: 4, images: 500}
    space: {network: nats}
    strategy:
      nsga2: {trials: 40, objectives: [accuracy, params]}
    budgets: [{macs: 40%}]

    """

  @Test func `reads a table in place of data, beside the search file`() throws {
    let plan = try plan(text)
    #expect(plan.table?.path == "known.csv")
    #expect(plan.table?.input == [3, 8, 8])
    #expect(plan.table?.classes == 4 && plan.table?.images == 500)
    #expect(!plan.resolved.contains("data:") && !plan.resolved.contains("supernet:"))
    #expect(plan.resolved.contains("objectives: [accuracy, params]"))
    #expect(try Plan(plan.resolved.utf8, file: "elsewhere/again.yaml") == plan)
    #expect(try self.plan(search(["evaluator": "supernet"])).table == nil)
  }

  private func plan(_ text: String) throws -> Plan {
    try Plan(text.utf8, file: "searches/fashion.yaml")
  }

  @Test func `refuses what a table makes no use of, and objectives that are none`() {
    let error = #expect(throws: PlanError.self) {
      try plan(text + "supernet: {epochs: 3}\ndata: {path: images}\n")
    }
    #expect(
      error?.problems.map(\.message) == [
        "supernet has no effect where a table answers; remove it",
        "data has no effect where a table answers; remove it",
      ])
    for (objectives, message) in [
      ("[accuracy, accuracy]", "objectives has 'accuracy' already"), ("[]", "objectives is empty"),
      ("[speed]", "must be accuracy, macs, params or latency"),
    ] {
      let changed = text.replacing("[accuracy, params]", with: objectives)
      let error = #expect(throws: PlanError.self) { try plan(changed) }
      #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
    }
  }
}
