import Foundation
import SearchSpace
import Testing

@Suite struct NASBenchMacroTests {
  /// The table of the benchmark: the digits of each architecture, its parameters and its MACs.
  static func rows() throws -> [(digits: [Int], parameters: Int, macs: Int)] {
    let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Tables/nas-bench-macro-cifar10.csv")
    return try String(contentsOf: file, encoding: .utf8).split(whereSeparator: \.isNewline)
      .dropFirst().map { line in
        let fields = line.split(separator: ",")
        return (
          fields[0].compactMap(\.wholeNumberValue), try #require(Int(fields[4])),
          try #require(Int(fields[5]))
        )
      }
  }

  @Test func `counts every network of the benchmark as its table does`() throws {
    let space = try Family("nas-bench-macro").space(
      input: Shape(channels: 3, height: 32, width: 32), classes: 10)
    #expect(space.decisions.count == 8)
    #expect(space.decisions.allSatisfy { $0.choices == [0, 1, 2] && $0.kind == .alternative })
    let rows = try Self.rows()
    #expect(rows.count == 6561)
    for row in rows {
      let sizes = Dictionary(uniqueKeysWithValues: zip(space.decisions.map(\.name), row.digits))
      let cost = space.network(of: try space.architecture(sizes: sizes)).cost
      #expect(cost == Cost(macs: row.macs, parameters: row.parameters), "\(row.digits)")
    }
  }
}
