import SearchSpace
import Testing

@Suite struct RightAnswersTests {
  @Test(arguments: [0, 1, 7, 8, 9, 64, 1000])
  func `counts and compares as lists of truth values do`(images: Int) {
    var generator = SeededGenerator(seed: UInt64(images))
    let (first, second) = (0..<2).map { _ in
      (0..<images).map { _ in Bool.random(using: &generator) }
    }.splitInTwo
    let (a, b) = (RightAnswers(first), RightAnswers(second))
    #expect(a.images == images && a.bytes.count == (images + 7) / 8)
    #expect(a.count == first.count { $0 })
    let (here, there) = a.disagreements(with: b)
    #expect(here == zip(first, second).count { $0 && !$1 })
    #expect(there == zip(first, second).count { !$0 && $1 })
    #expect(RightAnswers(bytes: a.bytes, images: images) == a)
  }

  @Test func `refuses bytes that are not of so many images`() {
    #expect(RightAnswers(bytes: [1], images: 9) == nil)
    #expect(RightAnswers(bytes: [1, 0], images: 8) == nil)
    #expect(RightAnswers(bytes: [0b1000], images: 3) == nil)
    #expect(RightAnswers(bytes: [0b0100], images: 3)?.count == 1)
    #expect(RightAnswers(bytes: [], images: -1) == nil)
  }
}

extension RightAnswers {
  fileprivate init(_ answers: [Bool]) {
    self.init()
    for isRight in answers { append(isRight) }
  }
}

extension [[Bool]] {
  fileprivate var splitInTwo: ([Bool], [Bool]) { (self[0], self[1]) }
}
