import Datasets
import Foundation
import SearchSpace
import TestSupport
import Testing

/// Data sets of every format, from the file to the exported network.
@Suite struct DataTests {
  let tool: Tool

  init() throws { tool = try Tool() }

  // MARK: - nas data

  @Test func `tells what is there, and shows it`() throws {
    defer { tool.remove() }
    try SyntheticImages(count: 400, side: 16, seed: 2).write(
      toFolder: tool.folder.appending(path: "images"), part: "t10k")
    let outcome = try tool.run("data", "images", "--sheet", "sheet.png")
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(
      outcome.output.hasPrefix(
        """
        idx in images: 2,400 training images, 400 test images
        1×16×16, 4 classes

        class  training  test
        0           600   100
        1           600   100
        2           600   100
        3           600   100

        channel    mean  deviation
        grey     0.
        """))
    let sheet = try Picture(decoding: [UInt8](try tool.contents(of: "sheet.png")))
    #expect((sheet.width, sheet.height) == (12 * 50 + 2, 4 * 50 + 2))
  }

  @Test func `tells the same as JSON`() throws {
    defer { tool.remove() }
    try writeImages()
    try write(Array("no image".utf8), to: "pictures/train/bar/3.png")
    let outcome = try tool.run("data", "pictures", "--size", "16", "--json", "--quiet")
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
    #expect(object["schema"] as? String == "nas.data/1")
    #expect(object["format"] as? String == "image-folder")
    #expect(object["height"] as? Int == 16)
    #expect((object["mean"] as? [Double])?.count == 3)
    let training = try #require(object["training"] as? [String: Any])
    #expect(training["images"] as? Int == 199)
    let skipped = try #require(training["skipped"] as? [[String: String]])
    #expect(
      skipped == [["path": "pictures/train/bar/3.png", "reason": "it is neither JPEG nor PNG"]])
    let classes = try #require(object["classes"] as? [[String: Any]])
    #expect(classes.map { $0["name"] as? String } == ["bar", "dot"])
    #expect(classes.map { $0["test"] as? Int } == [20, 20])
  }

  @Test func `ends with the code that fits the mistake`() throws {
    defer { tool.remove() }
    #expect(try tool.run("data", "nowhere").status == 66)
    #expect(try tool.run("data", ".").status == 65)
    #expect(try tool.run("data", "images", "--format", "jpeg").status == 64)
    #expect(try tool.run("data", "images", "--size", "2").status == 64)
    try writeImages()
    let unwritable = try tool.run(
      "data", "pictures", environment: ["NAS_CACHE": tool.folder.path + "/search.yaml"])
    #expect(unwritable.status == 73)
    #expect(unwritable.errors.contains("let NAS_CACHE name a folder that can be written to"))
    for index in 0..<3 { try write([], to: "pictures/train/bar/\(index).png") }
    let bad = try tool.run("data", "pictures")
    #expect(bad.status == 65)
    #expect(bad.errors.contains("holds 3 images of 200 that cannot be read, more than 1 %"))
    #expect(bad.output.isEmpty)
  }

  @Test func `writes no cache file that a limit cuts off`() throws {
    defer { tool.remove() }
    try writeImages()
    // Files of 8 kB at most, as a disk that is full in the middle of one.
    let outcome = try tool.runShell(
      "trap '' XFSZ; ulimit -f 16; exec \"$0\" \"$@\"",
      [Tool.executable.path, "data", "pictures", "--size", "32"])
    #expect(outcome.status == 74, "\(outcome.status) \(outcome.errors)")
    #expect(
      outcome.errors.contains("cannot be written: File too large; make room, or let NAS_CACHE"))
    let cache = tool.folder.appending(path: "pictures/.nas-cache").path
    #expect(try FileManager.default.contentsOfDirectory(atPath: cache).isEmpty)
    #expect(try tool.run("data", "pictures", "--size", "32").status == 0)
  }

  // MARK: - nas run

  @Test func `searches, retrains and exports on an image folder`() throws {
    defer { tool.remove() }
    try writeImages()
    try write([], to: "pictures/train/bar/3.png")
    try tool.write(
      """
      data: {path: pictures, size: 16, hold-out: 40, augment: {resized-crop: 0.8}}
      space: {network: resnet-8, width: {scale: 0.5, groups: 2, divisor: 4}}
      supernet: {epochs: 2, batch: 32, calibration: 64}
      strategy: {random: {trials: 4, images: 40}}
      budgets: [{macs: 80%}]
      retrain: {epochs: 3, batch: 32}
      """, to: "folder.yaml")
    #expect(try tool.run("validate", "folder.yaml").status == 0)
    let run = try tool.run("run", "folder.yaml")
    #expect(run.status == 0, "\(run.errors)")
    #expect(
      run.errors.contains(
        "left out  1 image of pictures that cannot be read, such as pictures/train/bar/3.png: the "
          + "file is empty"))
    #expect(run.errors.contains("trained   supernet in "))
    #expect(run.errors.contains(" % waiting for images"))
    #expect(run.errors.contains(" of the test set"))
    let export = try tool.run("export", "best")
    #expect(export.status == 0, "\(export.errors)")
    let report = try JSONSerialization.jsonObject(with: try tool.contents(of: "best/report.json"))
    let scale = (report as? [String: Any])?["preprocessing"] as? [String: Any]
    #expect((scale?["mean"] as? [Double])?.count == 3)
  }

  @Test func `searches on images of CIFAR's form with a hundred classes`() throws {
    defer { tool.remove() }
    var generator = SeededGenerator(seed: 3)
    func file(_ count: Int) -> [UInt8] {
      (0..<count).flatMap { index -> [UInt8] in
        let label = UInt8(index % 100)
        return [label / 5, label]
          + (0..<3072).map { _ in UInt8.random(in: 0...100, using: &generator) + label }
      }
    }
    try write(file(600), to: "cifar/train.bin")
    try write(file(200), to: "cifar/test.bin")
    try tool.write(
      """
      data: {path: cifar, hold-out: 200, augment: {crop: 4}}
      space: {network: resnet-8, width: {scale: 0.5, groups: 2, divisor: 4}}
      supernet: {epochs: 1, batch: 50, calibration: 100}
      strategy: {random: {trials: 3, images: 100}}
      budgets: [{macs: 80%}]
      """, to: "cifar.yaml")
    let explanation = try tool.run("explain", "cifar.yaml")
    #expect(explanation.status == 0, "\(explanation.errors)")
    #expect(explanation.output.contains("3×32×32 and 100 classes"))
    let run = try tool.run("run", "cifar.yaml")
    #expect(run.status == 0, "\(run.errors)")
    let export = try tool.run("export", "best", "--with-preprocessing")
    #expect(export.status == 0, "\(export.errors)")
  }

  // MARK: - Steps

  private func write(_ bytes: [UInt8], to path: String) throws {
    let file = tool.folder.appending(path: path)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(bytes).write(to: file)
  }

  /// Writes 100 training images and 20 test images of each of two classes, in sizes of their own.
  private func writeImages() throws {
    var generator = SeededGenerator(seed: 1)
    for (part, count) in [("train", 100), ("test", 20)] {
      for (label, name) in ["bar", "dot"].enumerated() {
        for index in 0..<count {
          let (width, height) = (20 + index % 7, 20 + index % 5)
          let pixels = (0..<width * height).flatMap { place -> [UInt8] in
            let (x, y) = (place % width - 10, place / width - 10)
            let isInside = label == 0 ? abs(x) < 3 : x * x + y * y < 40
            let noise = UInt8.random(in: 0...50, using: &generator)
            return isInside ? [200 + noise, noise, 90] : [noise, 60 + noise, 90]
          }
          try write(
            Picture(width: width, height: height, pixels: pixels).png,
            to: "pictures/\(part)/\(name)/\(index).png")
        }
      }
    }
  }
}
