import Datasets
import Foundation
import SearchSpace
import Testing

/// What is known about the real data; skipped where they are not installed.
@Suite(.enabled(if: FileManager.default.fileExists(atPath: ImageDataset.fashionMNISTFolder)))
struct FashionMNISTTests {
  static let training = Result { try ImageDataset(idxFolder: ImageDataset.fashionMNISTFolder) }

  @Test func `has the shape, the balance and the fingerprint of the published set`() throws {
    let training = try Self.training.get()
    let test = try ImageDataset(
      idxFolder: ImageDataset.fashionMNISTFolder, part: .test, matching: training)

    #expect((training.count, training.height, training.width) == (60_000, 28, 28))
    #expect((test.count, test.height, test.width) == (10_000, 28, 28))
    #expect(training.classes == 10)
    for label in UInt16(0)..<10 {
      #expect(training.labels.count { $0 == label } == 6000)
      #expect(test.labels.count { $0 == label } == 1000)
    }
    // Found with the same steps in Python.
    #expect(training.fingerprint == "e4c7b28d8dbe735d")
    #expect(test.fingerprint == "6149288a312ce4e0")
  }

  @Test func `has the mean and the deviation that everybody normalises with`() throws {
    let training = try Self.training.get()
    let normalization = Normalization(measuring: training, examples: Array(0..<60_000))
    // numpy: 0.2860405969887955, 0.3530242445149226
    #expect(abs(normalization.mean[0] - 0.2860405969887955) < 1e-12)
    #expect(abs(normalization.deviation[0] - 0.3530242445149226) < 1e-12)
  }

  @Test func `is divided evenly`() throws {
    let training = try Self.training.get()
    var rng = SeededGenerator(seed: 1)
    let split = try HoldOutSplit(of: training, holdOut: 5000, using: &rng)
    #expect(split.training.count == 55_000)
    for label in UInt16(0)..<10 {
      #expect(split.holdOut.count { training.labels[$0] == label } == 500)
    }
    #expect(split.fingerprint == "adf741057b081a13")
  }
}
