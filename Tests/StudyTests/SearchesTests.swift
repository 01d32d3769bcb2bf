import Foundation
import Study
import Testing

@Suite struct SearchesTests {
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: "searches")

  @Test func `every search file that comes with the engine can be read`() throws {
    let files = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path)
      .filter { $0.hasSuffix(".yaml") }
    #expect(files.contains("autoslim.yaml"))
    let plans = try files.map { try Plan(contentsOf: Self.folder.appending(path: $0).path) }
    #expect(Set(plans.map(\.study)).count == plans.count, "two searches share a study's name")
  }
}
