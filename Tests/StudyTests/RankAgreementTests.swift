import Study
import Testing

@Suite struct RankAgreementTests {
  /// Worked by hand: of five things two change places, so ρ = 1 − 6 · 2 / (5 · 24).
  @Test func `counts how far ranks lie apart`() {
    #expect(rankAgreement([1, 2, 3, 4, 5], [10, 20, 40, 30, 50]) == 0.9)
    #expect(rankAgreement([1, 2, 3], [7, 8, 90]) == 1)
    #expect(rankAgreement([1, 2, 3], [3, 2, 1]) == -1)
  }

  /// Pearson's correlation of the ranks 0, 1.5, 1.5, 3, 4 and 1, 0, 2.5, 2.5, 4.
  @Test func `gives equal figures the mean of their ranks`() throws {
    let agreement = try #require(rankAgreement([1, 2, 2, 3, 5], [2, 1, 4, 4, 9]))
    #expect(abs(agreement - 0.7631578947368421) < 1e-12)
  }

  @Test func `knows no agreement where there is no order`() {
    #expect(rankAgreement([], []) == nil)
    #expect(rankAgreement([1], [1]) == nil)
    #expect(rankAgreement([1, 1, 1], [1, 2, 3]) == nil)
  }
}
