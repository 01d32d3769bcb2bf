import Export
import Foundation
import SearchSpace
import Testing

@Suite struct ArchitectureFileTests {
  static let spaces: [(String, Shape)] = [
    ("mobilenet-v1", Shape(channels: 3, height: 32, width: 32)),
    ("mobilenet-v2", Shape(channels: 1, height: 28, width: 28)),
    ("resnet-20", Shape(channels: 3, height: 32, width: 24)),
    ("efficientnet-b0", Shape(channels: 3, height: 32, width: 32)),
    ("resnext-50-32x4d", Shape(channels: 3, height: 64, width: 64)),
    ("regnetx-200mf", Shape(channels: 3, height: 64, width: 64)),
    ("squeezenet", Shape(channels: 3, height: 64, width: 64)),
    ("vgg-16", Shape(channels: 3, height: 32, width: 32)),
    ("nats", Shape(channels: 3, height: 32, width: 32)),
    ("nas-bench-macro", Shape(channels: 3, height: 32, width: 32)),
  ]

  @Test(arguments: spaces)
  func `gives back the network that was written, whatever its widths and depths`(
    family: String, input: Shape
  ) throws {
    var settings = Family.Settings()
    settings.smallestDepth = 1
    let space = try Family(family).space(input: input, classes: 7, settings: settings)
    var generator = SeededGenerator(seed: 4)
    for _ in 0..<20 {
      let architecture = space.randomArchitecture(using: &generator)
      let file = ArchitectureFile(
        name: space.name, network: space.network(of: architecture),
        sizes: space.sizes(of: architecture).map { .init(decision: $0.name, size: $0.size) })
      #expect(try ArchitectureFile(text: file.text) == file)
    }
  }

  @Test func `refuses what cannot be computed or counted`() throws {
    let head = """
      format: nas.architecture/1
      name: x
      input: [4, 8, 8]
      classes: 4
      layers:

      """
    let layers: [(String, String)] = [
      ("op: pool", "'a' is an unknown operation, 'pool'"),
      ("op: max-pool, kernel: 0, stride: 1, padding: 0", "'kernel' cannot be 0"),
      ("op: max-pool, kernel: 2, stride: 0, padding: 0", "'stride' cannot be 0"),
      ("op: max-pool, kernel: 2, stride: 2, padding: 2", "'a' has an impossible window"),
      ("op: max-pool, kernel: 9, stride: 1, padding: 0", "'a' has an impossible shape"),
      ("op: scale", "'a' needs one gate for each channel"),
      ("op: concatenate", "'a' needs a second map of the same size"),
      ("op: normalization, add: image", "'a' takes no second value"),
      (
        "op: convolution, out: 6, kernel: 1, stride: 1, groups: 4, activation: none",
        "'a' has 4 groups of 4 channels"
      ),
      (
        "op: convolution, out: 4, kernel: 1, stride: 1, groups: 1, then: hope, activation: none",
        "'a' has an unknown then"
      ),
      ("op: global-average-pool, in: 3", "'a' reads 4 channels, not what `in` says"),
    ]
    for (layer, reason) in layers {
      let error = #expect(throws: ExportError.self) {
        _ = try ArchitectureFile(text: head + "  - {name: a, \(layer)}\n")
      }
      guard case .badArchitecture(_, let found) = error else { continue }
      #expect(found == reason)
    }
    // Twice as many channels each time, until they cannot be counted.
    let doubling = (0..<70).map {
      "  - {name: a\($0), op: concatenate, with: \($0 == 0 ? "image" : "a\($0 - 1)")}\n"
    }
    #expect(throws: ExportError.self) { _ = try ArchitectureFile(text: head + doubling.joined()) }
  }

  @Test func `names the line of what is wrong`() throws {
    let space = try Family("resnet-8").space(
      input: Shape(channels: 1, height: 8, width: 8), classes: 2)
    let text = ArchitectureFile(
      name: "resnet-8", network: space.network(of: space.largest), sizes: []
    ).text
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    let stem = try #require(lines.firstIndex { $0.contains("name: stem") }) + 1
    let broken: [(String, String, String)] = [
      ("kernel: 3, stride: 1", "kernel: 4, stride: 1", "'stem' has an impossible window"),
      ("activation: relu,", "activation: gelu,", "'stem' has an unknown activation"),
      ("in: 1,", "in: 3,", "'stem' reads 1 channels, not what `in` says"),
      ("op: convolution", "op: attention", "'stem' is an unknown operation, 'attention'"),
    ]
    for (before, after, reason) in broken {
      let range = try #require(text.range(of: before))
      let error = #expect(throws: ExportError.self) {
        _ = try ArchitectureFile(text: text.replacingCharacters(in: range, with: after))
      }
      #expect(error == .badArchitecture(line: stem, reason: reason))
    }
    #expect(throws: ExportError.self) { _ = try ArchitectureFile(text: "") }
    #expect(throws: ExportError.self) { _ = try ArchitectureFile(text: "layers: [") }
  }
}

@Suite struct BundleFolderTests {
  private let folder = FileManager.default.temporaryDirectory.appending(
    path: "nas-bundle-\(UUID().uuidString)")

  private func names() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
  }

  @Test func `appears whole, and replaces only when told to`() throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let place = folder.appending(path: "best").path
    let first = try BundleFolder(path: place, replacing: false)
    try first.write([1], to: "report.json")
    try first.write([1], to: "architecture.yaml")
    #expect(!FileManager.default.fileExists(atPath: place))
    try first.finish()
    #expect(try names() == ["best"])

    #expect(throws: ExportError.exists(path: place)) {
      _ = try BundleFolder(path: place, replacing: false)
    }
    let second = try BundleFolder(path: place, replacing: true)
    try second.write([2], to: "b")
    try second.finish()
    #expect(try names() == ["best"])
    #expect(try FileManager.default.contentsOfDirectory(atPath: place) == ["b"])
    // What stands there now is no bundle.
    #expect(throws: ExportError.notABundle(path: place)) {
      _ = try BundleFolder(path: place, replacing: true)
    }
  }

  @Test func `leaves nothing behind when it is given up`() throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    do {
      let abandoned = try BundleFolder(
        path: folder.appending(path: "best").path, replacing: false)
      try abandoned.write([1], to: "a")
    }
    #expect(try names().isEmpty)
  }
}
