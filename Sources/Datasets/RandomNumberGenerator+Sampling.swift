extension RandomNumberGenerator {
  /// Draws a whole number uniformly from `0..<bound`.
  ///
  /// The standard library's `random(in:using:)` may change how it draws from one release to the
  /// next. This never does, so a seed gives the same split and the same batches for ever.
  ///
  /// > D. Lemire. "Fast Random Integer Generation in an Interval." ACM TOMACS 29(1), 2019.
  /// > [arXiv:1805.10941](https://arxiv.org/abs/1805.10941)
  ///
  /// - Precondition: `bound` is at least 1.
  mutating func number(below bound: Int) -> Int {
    precondition(bound > 0, "there is no number from 0 that is less than \(bound)")
    let range = UInt64(bound)
    var product = next().multipliedFullWidth(by: range)
    if product.low < range {
      let threshold = (0 &- range) % range
      while product.low < threshold { product = next().multipliedFullWidth(by: range) }
    }
    return Int(product.high)
  }

  /// Draws a number uniformly from 0 to below 1.
  mutating func fraction() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// Puts `elements` into an order drawn uniformly from all orders, by Fisher and Yates' shuffle.
  mutating func shuffle(_ elements: inout [Int]) {
    var remaining = elements.count
    while remaining > 1 {
      let chosen = number(below: remaining)
      remaining -= 1
      elements.swapAt(chosen, remaining)
    }
  }
}
