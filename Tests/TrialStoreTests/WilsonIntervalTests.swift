import Testing
import TrialStore

@Suite struct WilsonIntervalTests {
  /// Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine
  /// 17 (1998), table I, method 3.
  @Test(arguments: [
    (81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611),
    (1, 29, 0.0061, 0.1718),
  ])
  func `agrees with published values`(correct: Int, images: Int, low: Double, high: Double) {
    let interval = wilsonInterval(correct: correct, of: images)
    #expect(abs(interval.lowerBound - low) < 0.00005)
    #expect(abs(interval.upperBound - high) < 0.00005)
  }

  @Test func `stays between nothing and all, and around the accuracy`() {
    for images in 1...200 {
      for correct in 0...images {
        let interval = wilsonInterval(correct: correct, of: images)
        #expect(interval.lowerBound >= 0 && interval.upperBound <= 1)
        #expect(interval.contains(Double(correct) / Double(images)))
      }
    }
  }

  @Test func `refuses more correct images than there are`() async {
    await #expect(processExitsWith: .failure) { _ = wilsonInterval(correct: 3, of: 2) }
  }
}
