import SearchSpace
import Strategies
import Testing

@Suite struct NondominatedSortingTests {
  /// Random points on a coarse grid, so that many are equal in a goal or in all.
  static func points(_ count: Int, goals: Int, seed: UInt64) -> [ObjectivePoint] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count).map { _ in
      ObjectivePoint(
        values: (0..<goals).map { _ in Double(Int.random(in: 0..<6, using: &generator)) },
        violation: generator.uniform() < 0.3 ? Double(Int.random(in: 1..<4, using: &generator)) : 0)
    }
  }

  @Test(arguments: 1...4)
  func `peels off what nothing dominates, front by front`(goals: Int) {
    for seed in 0..<20 {
      let points = Self.points(40, goals: goals, seed: UInt64(seed))
      var left = Set(points.indices)
      for front in nondominatedFronts(of: points) {
        let expected = left.filter { point in
          !left.contains { points[$0].dominates(points[point]) }
        }
        #expect(Set(front) == expected)
        left.subtract(front)
      }
      #expect(left.isEmpty)
    }
  }

  @Test func `prefers what is allowed, then what is less forbidden, then what is better`() {
    let allowed = ObjectivePoint(values: [9, 9])
    let forbidden = ObjectivePoint(values: [0, 0], violation: 0.1)
    let worse = ObjectivePoint(values: [0, 0], violation: 0.2)
    #expect(allowed.dominates(forbidden) && forbidden.dominates(worse))
    #expect(!forbidden.dominates(allowed))
    #expect(ObjectivePoint(values: [1, 2]).dominates(ObjectivePoint(values: [1, 3])))
    #expect(!ObjectivePoint(values: [1, 2]).dominates(ObjectivePoint(values: [1, 2])))
    #expect(!ObjectivePoint(values: [1, 2]).dominates(ObjectivePoint(values: [0, 3])))
  }

  /// Worked by hand: the neighbours of the second point are 4 of 10 and 3 of 6 apart.
  @Test func `measures the room between neighbours`() {
    let front = [[0.0, 6.0], [2, 5], [4, 3], [10, 0]].map { ObjectivePoint(values: $0) }
    let distances = crowdingDistances(of: front)
    #expect(distances[0] == .infinity && distances[3] == .infinity)
    #expect(abs(distances[1] - (4.0 / 10 + 3.0 / 6)) < 1e-12)
    #expect(abs(distances[2] - (8.0 / 10 + 5.0 / 6)) < 1e-12)
    #expect(crowdingDistances(of: []).isEmpty)
    #expect(crowdingDistances(of: [front[0], front[0]]).contains(.infinity))
  }

  @Test func `orders a population by front, then by room`() {
    let points = [[4.0, 4.0], [0, 6], [2, 5], [4, 3], [10, 0], [11, 7]].map {
      ObjectivePoint(values: $0)
    }
    let ranked = RankedPopulation(of: points)
    #expect(ranked.ranks == [1, 0, 0, 0, 0, 2])
    #expect(ranked.order == [1, 4, 3, 2, 0, 5])
  }
}
