import Foundation
import Kernels

/// What the system tells of the machine and of this process.
enum Machine {
  /// A field of the first processor, such as `model name` or `flags`.
  static func processorField(_ name: String) -> String? {
    field(name, of: "/proc/cpuinfo")
  }

  /// The processor's name.
  static var processor: String { processorField("model name") ?? "unknown" }

  /// How many threads of all programs wanted to run in the last minute, on average.
  static var load: Double {
    let text = (try? String(contentsOfFile: "/proc/loadavg", encoding: .utf8)) ?? ""
    return text.split(separator: " ").first.flatMap { Double($0) } ?? 0
  }

  /// Bytes of memory that this process may have: the machine's, or what a container is given of it.
  static var memory: Int {
    let limits = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"]
      .compactMap { try? String(contentsOfFile: $0, encoding: .utf8) }
      .compactMap { Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
    return limits.reduce(Arena.machineMemory, min)
  }

  /// Bytes of this process that are in memory now.
  static var residentBytes: Int { status("VmRSS") }

  /// The most bytes of this process that were in memory at once since ``resetPeak()``.
  static var peakResidentBytes: Int { status("VmHWM") }

  /// Begins anew to watch for the peak; where that is forbidden, it stays that of the whole process.
  static func resetPeak() {
    // 5 stands for the peak; see proc_pid_clear_refs(5).
    try? Data("5".utf8).write(to: URL(filePath: "/proc/self/clear_refs"))
  }

  /// A field of this process's status, which is in units of 1024 bytes; 0 if it is not there.
  private static func status(_ name: String) -> Int {
    let digits = field(name, of: "/proc/self/status")?.prefix { $0.isNumber }
    return 1024 * (digits.flatMap { Int($0) } ?? 0)
  }

  /// What follows the colon of the first line that begins with `name`.
  private static func field(_ name: String, of path: String) -> String? {
    let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
    return text.split(separator: "\n").first { $0.hasPrefix(name) }
      .flatMap { $0.split(separator: ":", maxSplits: 1).last }
      .map { $0.trimmingCharacters(in: .whitespaces) }
  }
}
