import SearchSpace
import Strategies

extension Plan {
  /// What is timed for a budget or an objective of latency.
  public struct Latency: Hashable, Sendable {
    /// `batch`: the images that are classified at a time, 1 to 4096, default 1.
    public var batch = 1

    /// `threads`: how many threads compute, 1 to 256, default 1.
    public var threads = 1

    public init() {}

    mutating func read(_ form: Form?, _ reader: inout FormReader) {
      let keys = reader.mapping(form, keys: ["batch", "threads"])
      reader.integer(keys["batch"], 1...4096, into: &batch)
      reader.integer(keys["threads"], 1...256, into: &threads)
    }
  }

  /// Whether a budget or an objective is about latency.
  var namesLatency: Bool { budgets.contains { $0.metric == .latency } || strategy.namesLatency }

  /// The place of the first budget of latency, or else that of the strategy, whose objective it is.
  var placeOfLatency: Position? {
    budgets.firstIndex { $0.metric == .latency }.map { places["budgets[\($0)]"] }
      ?? places["strategy"]
  }
}
