public import SearchSpace

extension LatencyTable {
  /// A table whose times follow from a rule, as if it had been measured.
  public static func made(
    of space: SearchSpace, by time: (LayerKind, LayerKind.Channels) -> Double = LatencyTable.steps
  ) -> LatencyTable {
    let conditions = Conditions(batch: 1, threads: 1, library: "none", processor: "none")
    return LatencyTable(of: space, under: conditions) {
      Sample(nanoseconds: time($0, $1), spread: 2)
    }
  }

  /// Times that rise in steps of eight channels, with an overhead and some noise.
  public static func steps(_ kind: LayerKind, _ channels: LayerKind.Channels) -> Double {
    var generator = SeededGenerator(
      seed: UInt64(kind.height * 1_000_003 + channels.input * 1009 + (channels.output ?? 0)))
    let work = (channels.input + 7) / 8 * ((channels.output ?? 8) + 7) / 8
    return Double(1000 + work * kind.height * kind.width * 10) * (0.9 + 0.2 * generator.uniform())
  }
}
