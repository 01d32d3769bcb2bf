import Datasets
import SearchSpace
import Testing

@Suite struct HoldOutSplitTests {
  /// 60 images of three classes: 30, 20 and 10 of each, mixed.
  let dataset: ImageDataset

  init() {
    dataset = Self.dataset(labels: (0..<60).map { [0, 1, 0, 2, 0, 1][$0 % 6] })
  }

  @Test(arguments: [0, 1, 6, 7, 30, 59])
  func `puts every image in exactly one part`(count: Int) throws {
    let split = try split(dataset, holdOut: count)
    #expect(split.holdOut.count == count)
    #expect((split.training + split.holdOut).sorted() == Array(0..<60))
    #expect(split.training == split.training.sorted())
  }

  @Test func `takes the same share of every class`() throws {
    #expect(try shares(of: 12) == [6, 4, 2])
    #expect(try shares(of: 30) == [15, 10, 5])
  }

  @Test func `takes what lacks from the largest remainder, then the lower class`() throws {
    // 7 · (30, 20, 10) / 60 = 3½, 2⅓, 1⅙.
    #expect(try shares(of: 7) == [4, 2, 1])
    // 10 · (30, 20, 10) / 60 = 5, 3⅓, 1⅔.
    #expect(try shares(of: 10) == [5, 3, 2])
    // 3 · (15, 15, 15, 15) / 60: four remainders of ¾, the last class goes without.
    let even = Self.dataset(labels: (0..<60).map { UInt16($0 % 4) })
    #expect(try shares(of: 3, in: even) == [1, 1, 1, 0])
  }

  @Test func `leaves a class without images alone`() throws {
    let dataset = Self.dataset(labels: (0..<20).map { [1, 3][$0 % 2] })
    #expect(try shares(of: 10, in: dataset) == [0, 5, 0, 5])
  }

  @Test func `is balanced in every first part of the hold-out`() throws {
    let split = try split(dataset, holdOut: 30)
    for count in 1...30 {
      let labels = split.holdOut.prefix(count).map { Int(dataset.labels[$0]) }
      for (label, share) in [15.0, 10, 5].enumerated() {
        let expected = share * Double(count) / 30
        #expect(abs(Double(labels.count { $0 == label }) - expected) <= 1)
      }
    }
  }

  @Test func `follows from the seed, for ever`() throws {
    let first = try split(dataset, holdOut: 6, seed: 1)
    #expect(try first == split(dataset, holdOut: 6, seed: 1))
    #expect(first.holdOut == [10, 29, 8, 45, 7, 14])
    #expect(first.fingerprint == "6189839c10c571b2")
    #expect(try first.fingerprint != split(dataset, holdOut: 6, seed: 2).fingerprint)
  }

  @Test func `draws every image equally often`() throws {
    var counts = [Int](repeating: 0, count: 60)
    for seed in 0..<2000 {
      for index in try split(dataset, holdOut: 12, seed: UInt64(seed)).holdOut {
        counts[index] += 1
      }
    }
    // Each is drawn 400 times on average, with a deviation of 18; the band is four of those.
    #expect(counts.allSatisfy { (328...472).contains($0) })
  }

  @Test(arguments: [60, 61])
  func `refuses to leave nothing to train on`(count: Int) {
    let error = #expect(throws: DatasetError.self) { try split(dataset, holdOut: count) }
    #expect(
      error?.description == "A hold-out of \(count) images leaves none of 60 to train on; "
        + "hold out 59 or fewer.")
  }

  // MARK: - Steps

  static func dataset(labels: [UInt16]) -> ImageDataset {
    ImageDataset(
      pixels: labels.map { UInt8($0) }, labels: labels, height: 1, width: 1, channels: 1,
      classes: Int(labels.max() ?? 0) + 1)
  }

  @discardableResult
  private func split(
    _ dataset: ImageDataset, holdOut: Int, seed: UInt64 = 7
  ) throws -> HoldOutSplit {
    var rng = SeededGenerator(seed: seed)
    return try HoldOutSplit(of: dataset, holdOut: holdOut, using: &rng)
  }

  private func shares(of count: Int, in other: ImageDataset? = nil) throws -> [Int] {
    let dataset = other ?? dataset
    let labels = try split(dataset, holdOut: count).holdOut.map { Int(dataset.labels[$0]) }
    return (0..<dataset.classes).map { label in labels.count { $0 == label } }
  }
}
