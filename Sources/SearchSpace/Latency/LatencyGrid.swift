/// How long layers of one kind take, for some numbers of channels.
///
/// Between these the time is interpolated: linearly in the channels read, and linearly in those
/// computed.
public struct LatencyGrid: Hashable, Codable, Sendable {
  public let kind: LayerKind

  /// The channels read, ascending.
  public let inputs: [Int]

  /// The channels computed, ascending; `nil` where those read settle them.
  public let outputs: [Int]?

  /// Nanoseconds, for each of ``inputs`` those of all ``outputs``.
  public private(set) var nanoseconds: [Int]

  /// How far apart repeated measurements lay: the middle half of them, in nanoseconds.
  public private(set) var spreads: [Int]

  /// With so many choices at most, every one is measured.
  static let mostPerAxis = 8

  /// How many are measured where there are more.
  static let perAxis = 7

  /// Creates a grid without times over all channels that layers of a kind have.
  init(_ kind: LayerKind, over channels: Set<LayerKind.Channels>) {
    self.kind = kind
    inputs = Self.thinned(Set(channels.map(\.input)))
    let computed = Set(channels.compactMap(\.output))
    outputs = computed.isEmpty ? nil : Self.thinned(computed)
    nanoseconds = []
    spreads = []
  }

  /// All of some numbers, or some of them at even distances, among them the first and the last.
  private static func thinned(_ values: Set<Int>) -> [Int] {
    let sorted = values.sorted()
    guard sorted.count > mostPerAxis else { return sorted }
    return (0..<perAxis).map { sorted[$0 * (sorted.count - 1) / (perAxis - 1)] }
  }

  /// What is to be measured, in the order of ``nanoseconds``.
  public var points: [LayerKind.Channels] {
    inputs.flatMap { input in
      (outputs.map { $0.map(Optional.some) } ?? [nil]).map {
        LayerKind.Channels(input: input, output: $0)
      }
    }
  }

  /// Puts in what was measured.
  ///
  /// More channels never take less time in the grid, though some do on a machine: where the times
  /// fall, each becomes the mean of the highest among those of fewer channels and the lowest among
  /// those of more. A search that narrows a network so gets nearer to its budget with every step.
  ///
  /// - Parameters:
  ///   - times: Nanoseconds of each of the ``points``.
  ///   - spreads: How far apart the measurements of each lay.
  mutating func fill(_ times: [Double], spreads: [Double]) {
    precondition(times.count == points.count && spreads.count == times.count, "a time a point")
    let columns = outputs?.count ?? 1
    var (highest, lowest) = (times, times)
    for place in times.indices {
      if place % columns > 0 { highest[place] = max(highest[place], highest[place - 1]) }
      if place >= columns { highest[place] = max(highest[place], highest[place - columns]) }
    }
    for place in times.indices.reversed() {
      if place % columns < columns - 1 { lowest[place] = min(lowest[place], lowest[place + 1]) }
      if place + columns < times.count {
        lowest[place] = min(lowest[place], lowest[place + columns])
      }
    }
    nanoseconds = zip(highest, lowest).map { max(1, Int((($0 + $1) / 2).rounded())) }
    self.spreads = spreads.map { Int($0.rounded()) }
  }

  /// The nanoseconds of a layer of this kind; `nil` if it has channels beyond those of the grid.
  func nanoseconds(of channels: LayerKind.Channels) -> Double? {
    guard let (row, down) = Self.place(of: channels.input, in: inputs) else { return nil }
    guard let outputs else { return mean(row, 0, down, 0, columns: 1) }
    guard let output = channels.output, let (column, right) = Self.place(of: output, in: outputs)
    else { return nil }
    return mean(row, column, down, right, columns: outputs.count)
  }

  /// The time at a place between four points.
  private func mean(
    _ row: Int, _ column: Int, _ down: Double, _ right: Double, columns: Int
  ) -> Double {
    func time(_ row: Int, _ column: Int) -> Double { Double(nanoseconds[row * columns + column]) }
    func time(inRow row: Int) -> Double {
      right == 0
        ? time(row, column) : (1 - right) * time(row, column) + right * time(row, column + 1)
    }
    return down == 0
      ? time(inRow: row) : (1 - down) * time(inRow: row) + down * time(inRow: row + 1)
  }

  /// The last number of an axis that is no larger than a value, and what share of the way to the
  /// next one it is beyond.
  private static func place(of value: Int, in axis: [Int]) -> (index: Int, beyond: Double)? {
    guard let first = axis.first, let last = axis.last, first...last ~= value else { return nil }
    var (low, high) = (0, axis.count)
    while high - low > 1 {
      let middle = (low + high) / 2
      if axis[middle] <= value { low = middle } else { high = middle }
    }
    guard axis[low] < value else { return (low, 0) }
    return (low, Double(value - axis[low]) / Double(axis[low + 1] - axis[low]))
  }

  /// Whether the parts fit each other, as those of a grid that was read may not.
  var isSound: Bool {
    func isAxis(_ numbers: [Int]) -> Bool {
      !numbers.isEmpty && numbers[0] > 0 && zip(numbers, numbers.dropFirst()).allSatisfy { $0 < $1 }
    }
    return isAxis(inputs) && outputs.map(isAxis) ?? true && nanoseconds.count == points.count
      && spreads.count == points.count && nanoseconds.allSatisfy { $0 > 0 }
  }
}
