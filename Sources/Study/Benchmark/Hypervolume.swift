import SearchSpace

/// What networks cost and how good they are.
package struct CostAndAccuracy: Hashable, Sendable {
  package var cost: Double
  package var accuracy: Double

  package init(cost: Double, accuracy: Double) {
    self.cost = cost
    self.accuracy = accuracy
  }
}

extension Sequence<CostAndAccuracy> {
  /// The area between a reference point and the frontier of the elements: whatever is dearer and
  /// weaker than one of them, but neither dearer nor weaker than the reference.
  ///
  /// > E. Zitzler, L. Thiele. "Multiobjective Evolutionary Algorithms: A Comparative Case Study and
  /// > the Strength Pareto Approach." IEEE Transactions on Evolutionary Computation 3(4), 1999.
  package func hypervolume(from reference: CostAndAccuracy) -> Double {
    var area = 0.0
    var accuracy = reference.accuracy
    for element in sorted(by: { ($0.cost, -$0.accuracy) < ($1.cost, -$1.accuracy) })
    where element.cost < reference.cost && element.accuracy > accuracy {
      area += (reference.cost - element.cost) * (element.accuracy - accuracy)
      accuracy = element.accuracy
    }
    return area
  }
}
