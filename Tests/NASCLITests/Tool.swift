import Foundation
import TestSupport
import Testing

/// The built `nas`, run as a user runs it, in a folder of its own.
struct Tool {
  let folder: URL

  /// The search file of a small study on synthetic images, which takes some seconds.
  static let plan = """
    study: small
    seed: 7
    data:
      path: images
      hold-out: 240
      augment: {crop: 1, flip: false}
    space:
      network: resnet-8
      width: {scale: 1, groups: 4, divisor: 4}
      strides: [1, 1, 2, 2]
    supernet: {epochs: 3, batch: 64, calibration: 128, precision: float32}
    strategy:
      autoslim: {images: 240}
    budgets: [{macs: 60%}, {params: 40%}, {macs: 25%}]
    checkpoint-every: 1s

    """

  init() throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "nas-\(UUID().uuidString)")
    try SyntheticImages(count: 2400, side: 16).write(toFolder: folder.appending(path: "images"))
    try write(Self.plan, to: "search.yaml")
  }

  func remove() { try? FileManager.default.removeItem(at: folder) }

  func write(_ text: String, to name: String) throws {
    try Data(text.utf8).write(to: folder.appending(path: name))
  }

  func contents(of name: String) throws -> Data {
    try Data(contentsOf: folder.appending(path: name))
  }

  /// The executable lies beside the tests'.
  static var executable: URL {
    URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
      .appending(path: "nas")
  }

  struct Outcome {
    var status: Int32
    var output: String
    var errors: String
  }

  /// Starts the tool without waiting for it.
  func start(
    _ arguments: [String], environment: [String: String] = [:], output: URL? = nil
  ) throws -> Process {
    let process = Process()
    process.executableURL = Self.executable
    process.arguments = arguments
    process.currentDirectoryURL = folder
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    let handle = try output.map { url in
      _ = FileManager.default.createFile(atPath: url.path, contents: nil)
      return try FileHandle(forWritingTo: url)
    }
    process.standardOutput = handle ?? FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    return process
  }

  /// Runs the tool to its end.
  func run(_ arguments: String..., environment: [String: String] = [:]) throws -> Outcome {
    try runShell(
      "exec \"$0\" \"$@\"", [Self.executable.path] + arguments, environment: environment)
  }

  /// Runs a line of the shell, whose arguments are `$0`, `$1` and so on.
  func runShell(
    _ line: String, _ arguments: [String], environment: [String: String] = [:]
  ) throws -> Outcome {
    let output = folder.appending(path: ".out-\(UUID().uuidString)")
    let errors = folder.appending(path: ".err-\(UUID().uuidString)")
    let process = Process()
    process.executableURL = URL(filePath: "/bin/sh")
    process.arguments = ["-c", line] + arguments
    process.currentDirectoryURL = folder
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    for url in [output, errors] {
      _ = FileManager.default.createFile(atPath: url.path, contents: nil)
    }
    process.standardOutput = try FileHandle(forWritingTo: output)
    process.standardError = try FileHandle(forWritingTo: errors)
    try process.run()
    process.waitUntilExit()
    defer {
      for url in [output, errors] { try? FileManager.default.removeItem(at: url) }
    }
    return Outcome(
      status: process.terminationReason == .exit
        ? process.terminationStatus : -process.terminationStatus,
      output: String(decoding: try Data(contentsOf: output), as: UTF8.self),
      errors: String(decoding: try Data(contentsOf: errors), as: UTF8.self))
  }
}
