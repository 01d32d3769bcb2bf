/// How alike two lists of figures rank the same things: Spearman's ρ.
///
/// > C. Spearman. "The Proof and Measurement of Association between Two Things." American Journal of
/// > Psychology 15(1), 1904.
///
/// Equal figures share the mean of the ranks that they take up.
///
/// - Parameters:
///   - first: A figure for each thing.
///   - second: Another for each thing.
/// - Returns: From −1, the opposite order, to 1, the same order; `nil` where one of the lists has
///   no order, as with fewer than two things or all of them equal.
/// - Precondition: Both lists are as long.
public func rankAgreement(_ first: [Double], _ second: [Double]) -> Double? {
  precondition(first.count == second.count, "\(first.count) figures against \(second.count)")
  let mean = (Double(first.count) - 1) / 2
  let (a, b) = (first.ranks.map { $0 - mean }, second.ranks.map { $0 - mean })
  func product(_ left: [Double], _ right: [Double]) -> Double {
    zip(left, right).reduce(0) { $0 + $1.0 * $1.1 }
  }
  let spread = (product(a, a) * product(b, b)).squareRoot()
  return spread > 0 ? max(-1, min(1, product(a, b) / spread)) : nil
}

extension [Double] {
  /// For each figure, how many are below it, and half of how many others are equal to it.
  fileprivate var ranks: [Double] {
    map { figure in
      let (below, equal) = (count { $0 < figure }, count { $0 == figure })
      return Double(below) + Double(equal - 1) / 2
    }
  }
}
