import SearchSpace

/// The largest network of a space with one of its widths narrowed.
///
/// A notch is about a twelfth of a width, as in AutoSlim, in multiples of four.
struct NarrowedNetworks {
  let space: SearchSpace

  init(of space: SearchSpace) {
    self.space = space
  }

  /// Each width in turn a notch narrower, which are the candidates of AutoSlim's first step.
  func greedyStep() throws -> [Architecture] { try round(1) }

  /// Networks from all over the depth, so that their beginnings are alike to a different extent.
  ///
  /// They are taken at equal distances from the candidates of the greedy step; where these are too
  /// few, each width two notches narrower follows, then three and so on.
  ///
  /// - Parameter count: How many, at least 1.
  /// - Returns: So many, or all there are.
  /// - Throws: ``SearchSpaceError`` if a size is not on offer, which would be a mistake here.
  func spread(_ count: Int) throws -> [Architecture] {
    var pool: [Architecture] = []
    var notches = 1
    while pool.count < count {
      let more = try round(notches)
      if more.isEmpty { break }
      pool += more
      notches += 1
    }
    let taken = min(count, pool.count)
    return (0..<taken).map { pool[(2 * $0 + 1) * pool.count / (2 * taken)] }
  }

  /// Each width in turn so many notches narrower, without those that have not so many.
  private func round(_ notches: Int) throws -> [Architecture] {
    try space.decisions.compactMap { decision in
      var size = decision.choices.last ?? 0
      for _ in 0..<notches {
        let narrower = Self.narrower(size)
        guard narrower >= decision.choices[0] else { return nil }
        size = narrower
      }
      var sizes = Dictionary(uniqueKeysWithValues: largestSizes)
      sizes[decision.name] = size
      return try space.architecture(sizes: sizes)
    }
  }

  private var largestSizes: [(String, Int)] {
    space.sizes(of: space.largest).map { ($0.name, $0.size) }
  }

  static func narrower(_ width: Int) -> Int { width - max(4, width / 12 / 4 * 4) }
}
