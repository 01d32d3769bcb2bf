import Datasets
import Testing

@Suite struct BatchLoaderTests {
  @Test func `gives the batches that are made without it, in whatever order they are asked for`()
    throws
  {
    var batches = try Self.batches()
    let loader = BatchLoader(of: batches)
    for step in [0, 1, 2, 3, 3, 2, 17, 18, 20, 0, 1] {
      let expected = Batch { batches.fill(&$0, labels: &$1, step: step) }
      #expect(Batch { loader.fill(&$0, labels: &$1, step: step) } == expected)
    }
    #expect((loader.stepsPerEpoch, loader.batchSize) == (4, 5))
  }

  @Test func `adds up how long it was waited for`() throws {
    let loader = BatchLoader(of: try Self.batches())
    for step in 0..<5 {
      let before = loader.waited
      _ = Batch { loader.fill(&$0, labels: &$1, step: step) }
      #expect(loader.waited > before)
    }
  }

  /// Five images of sixteen pixels, as `fill` leaves them.
  private struct Batch: Equatable {
    var images = [Float](repeating: .nan, count: 80)
    var labels = [Int32](repeating: -1, count: 5)

    init(_ fill: (inout MutableSpan<Float>, inout MutableSpan<Int32>) -> Void) {
      var (images, labels) = (images, labels)
      var imageView = images.mutableSpan
      var labelView = labels.mutableSpan
      fill(&imageView, &labelView)
      (self.images, self.labels) = (images, labels)
    }
  }

  private static func batches() throws -> TrainingBatches {
    let dataset = TrainingBatchesTests.dataset(count: 20, height: 4, width: 4, channels: 1)
    return try TrainingBatches(
      of: BatchMaker(of: dataset, normalization: TrainingBatchesTests.pixelLessOne),
      examples: Array(0..<20), batchSize: 5, augmentation: Augmentation(crop: 1, flip: true),
      seed: 3)
  }
}
