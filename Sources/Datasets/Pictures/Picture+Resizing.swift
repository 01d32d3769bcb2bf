extension Picture {
  /// The square in the middle, as large as it can be, at another size.
  ///
  /// Each new pixel is the mean of the old ones that it covers, weighted by a triangle twice as wide
  /// (where the picture grows, of the two nearest ones on each axis): no pixel is passed over, so fine
  /// patterns do not turn into coarse ones.
  ///
  /// - Parameter side: The side of the new picture, in pixels.
  /// - Returns: The new picture.
  package func square(side: Int) -> Picture {
    let shorter = Double(min(width, height))
    guard width != height || width != side else { return self }
    let scale = shorter / Double(side)
    let columns = Taps(from: (Double(width) - shorter) / 2, scale: scale, width, side)
    let rows = Taps(from: (Double(height) - shorter) / 2, scale: scale, height, side)
    let usedRows = rows.used

    // Across first, into the rows that are needed; then down.
    var narrow = [Float](repeating: 0, count: usedRows.count * side * 3)
    var narrowed = narrow.mutableSpan
    let source = pixels.span
    for (line, row) in usedRows.enumerated() {
      for x in 0..<side {
        var (red, green, blue): (Float, Float, Float) = (0, 0, 0)
        var place = (row * width + columns.first[x]) * 3
        for tap in columns.range(x) {
          let weight = columns.weights[tap]
          red += weight * Float(source[place])
          green += weight * Float(source[place + 1])
          blue += weight * Float(source[place + 2])
          place += 3
        }
        let target = (line * side + x) * 3
        (narrowed[target], narrowed[target + 1], narrowed[target + 2]) = (red, green, blue)
      }
    }
    var square = [UInt8](repeating: 0, count: side * side * 3)
    for y in 0..<side {
      let first = rows.first[y] - usedRows.lowerBound
      for index in 0..<side * 3 {
        var sum: Float = 0
        for (offset, tap) in rows.range(y).enumerated() {
          sum += rows.weights[tap] * narrow[(first + offset) * side * 3 + index]
        }
        square[y * side * 3 + index] = UInt8(min(255, max(0, sum.rounded())))
      }
    }
    return Picture(width: side, height: side, pixels: square)
  }
}

/// The old pixels that each new one is made of along one axis, and their weights.
private struct Taps {
  /// For each new pixel the first old one.
  private(set) var first: [Int] = []
  /// The weights of all new pixels, one after the other; those of one add up to 1.
  private(set) var weights: [Float] = []
  private var ends: [Int] = [0]

  /// - Parameters:
  ///   - start: Where the first new pixel begins, in old ones.
  ///   - scale: How many old pixels make a new one.
  ///   - count: How many old pixels there are.
  ///   - side: How many new pixels there are to be.
  init(from start: Double, scale: Double, _ count: Int, _ side: Int) {
    let reach = max(1, scale)
    for index in 0..<side {
      let center = start + (Double(index) + 0.5) * scale
      let low = max(0, Int((center - reach + 0.5).rounded(.down)))
      let high = min(count, max(low + 1, Int((center + reach + 0.5).rounded(.down))))
      let raw = (low..<high).map { max(0, 1 - abs((Double($0) + 0.5 - center) / reach)) }
      let sum = raw.reduce(0, +)
      first.append(low)
      weights += raw.map { Float(sum > 0 ? $0 / sum : 1 / Double(raw.count)) }
      ends.append(weights.count)
    }
  }

  /// Where the weights of a new pixel lie.
  func range(_ index: Int) -> Range<Int> { ends[index]..<ends[index + 1] }

  /// The old pixels from the first to the last that have any weight.
  var used: Range<Int> {
    let last = first.indices.map { first[$0] + range($0).count }.max() ?? 0
    return (first.first ?? 0)..<last
  }
}
