import Datasets
import SearchSpace
import Testing

@Suite struct TrainingBatchesTests {
  /// A batch as it came out.
  struct Batch: Equatable {
    var images: [Float]
    var labels: [Int32]
  }

  /// Values whose whole-number arithmetic on floats is exact: a pixel becomes itself less 1.
  static let pixelLessOne = Normalization(mean: [1.0 / 255], deviation: [1.0 / 255])

  @Test(arguments: [
    (5, 4, 1, Augmentation(crop: 2)), (5, 4, 1, Augmentation(flip: true)),
    (4, 7, 1, Augmentation(crop: 1, flip: true, cutout: 3)), (3, 3, 1, Augmentation(crop: 5)),
    (6, 5, 1, Augmentation(cutout: 4)), (1, 1, 1, Augmentation(crop: 1, flip: true, cutout: 9)),
    (5, 6, 3, Augmentation(crop: 2, flip: true, cutout: 2)), (28, 28, 1, Augmentation()),
  ])
  func `varies images exactly as the reference does`(
    height: Int, width: Int, channels: Int, augmentation: Augmentation
  ) throws {
    let dataset = Self.dataset(count: 9, height: height, width: width, channels: channels)
    let normalization = Normalization(
      mean: Array(repeating: 1.0 / 255, count: channels),
      deviation: Array(repeating: 1.0 / 255, count: channels))
    let batches = try batches(
      BatchMaker(of: dataset, normalization: normalization), batchSize: 4,
      augmentation: augmentation)

    for step in 0..<30 {
      let batch = batch(step, of: batches)
      for row in 0..<4 {
        // The label tells which image it is.
        var rng = generator("augmentation", step * 4 + row)
        let variation = augmentation.variation(height: height, width: width, using: &rng)
        let expected = referenceVariation(
          dataset, Int(batch.labels[row]), variation, padding: augmentation.crop)
        let size = dataset.imageSize
        #expect(Array(batch.images[row * size..<(row + 1) * size]) == expected)
      }
    }
  }

  @Test func `draws every place of the cut and both sides`() {
    let augmentation = Augmentation(crop: 2, flip: true, cutout: 3)
    var rng = SeededGenerator(seed: 3)
    var counts: [Augmentation.Variation: Int] = [:]
    for _ in 0..<10_000 {
      var variation = augmentation.variation(height: 8, width: 8, using: &rng)
      #expect((0...3).contains(variation.blottedRows.count))
      (variation.blottedRows, variation.blottedColumns) = (0..<0, 0..<0)
      counts[variation, default: 0] += 1
    }
    // 5 · 5 · 2 outcomes of 200 each on average, with a deviation of 14; the band is four of those.
    #expect(counts.count == 50)
    #expect(counts.values.allSatisfy { (144...256).contains($0) })
  }

  @Test func `leaves crops and flips as they were when cutout is added`() {
    var first = SeededGenerator(seed: 5)
    var second = SeededGenerator(seed: 5)
    let plain = Augmentation(crop: 2, flip: true).variation(height: 8, width: 8, using: &first)
    var cut = Augmentation(crop: 2, flip: true, cutout: 3)
      .variation(height: 8, width: 8, using: &second)
    (cut.blottedRows, cut.blottedColumns) = (0..<0, 0..<0)
    #expect(plain == cut)
  }

  @Test(arguments: [false, true])
  func `stretches a part of an image as the reference does`(flips: Bool) throws {
    let dataset = Self.dataset(count: 9, height: 7, width: 7, channels: 3)
    let scale = [Double](repeating: 1.0 / 255, count: 3)
    let augmentation = Augmentation(flip: flips, resizedCrop: 0.3)
    let batches = try batches(
      BatchMaker(of: dataset, normalization: Normalization(mean: scale, deviation: scale)),
      batchSize: 4, augmentation: augmentation)
    for step in 0..<20 {
      let batch = batch(step, of: batches)
      for row in 0..<4 {
        var rng = generator("augmentation", step * 4 + row)
        let variation = augmentation.variation(height: 7, width: 7, using: &rng)
        let expected = referenceStretch(dataset, Int(batch.labels[row]), variation)
        for (value, wanted) in zip(batch.images[row * 147..<(row + 1) * 147], expected) {
          // Pixels are whole numbers, so a half may be rounded either way.
          #expect(abs(Double(value) - (wanted - 1)) < 0.51)
        }
      }
    }
  }

  @Test func `draws parts of the areas and the shapes that are asked for`() {
    let augmentation = Augmentation(resizedCrop: 0.25)
    var rng = SeededGenerator(seed: 4)
    var areas: [Double] = []
    for _ in 0..<5000 {
      let part = augmentation.variation(height: 100, width: 100, using: &rng)
      #expect((0...100 - part.partHeight).contains(part.top))
      #expect((0...100 - part.partWidth).contains(part.left))
      areas.append(Double(part.partHeight * part.partWidth) / 10_000)
      let shape = Double(part.partWidth) / Double(part.partHeight)
      #expect((0.73...1.37).contains(shape))
    }
    #expect(areas.allSatisfy { (0.24...1).contains($0) })
    // Large parts of odd shapes do not fit and are drawn anew, so the mean is below 0.625.
    #expect((0.55...0.62).contains(areas.reduce(0, +) / 5000))
  }

  @Test func `goes once through the images in an epoch and leaves out the rest`() throws {
    let dataset = Self.dataset(count: 25, height: 2, width: 2, channels: 1)
    let batches = try batches(
      BatchMaker(of: dataset, normalization: Self.pixelLessOne), examples: Array(3..<25),
      batchSize: 5)
    #expect(batches.stepsPerEpoch == 4)
    let epochs = (0..<6).map { epoch in
      (0..<4).flatMap { batch(epoch * 4 + $0, of: batches).labels }
    }
    for epoch in epochs {
      #expect(Set(epoch).count == 20)
      #expect(epoch.allSatisfy { $0 >= 3 })
    }
    #expect(Set(epochs).count == 6)
    // Two of 22 are left out at a time, and not always the same two.
    #expect(Set(epochs.joined()).count == 22)
  }

  @Test func `gives the same batch for the same step, whatever came before`() throws {
    let dataset = Self.dataset(count: 25, height: 6, width: 6, channels: 1)
    let maker = BatchMaker(of: dataset, normalization: Self.pixelLessOne)
    let augmentation = Augmentation(crop: 2, flip: true, cutout: 2)
    var inOrder = try batches(maker, batchSize: 4, augmentation: augmentation)
    let expected = (0..<20).map { fill(&inOrder, step: $0) }

    var backwards = try batches(maker, batchSize: 4, augmentation: augmentation)
    for step in (0..<20).reversed() {
      #expect(fill(&backwards, step: step) == expected[step])
      #expect(
        batch(step, of: try batches(maker, batchSize: 4, augmentation: augmentation))
          == expected[step])
    }
    #expect(Set(expected.map(\.images)).count == 20)
  }

  @Test func `fills a batch from a list, in its order and without variation`() {
    let dataset = Self.dataset(count: 9, height: 2, width: 3, channels: 1)
    let maker = BatchMaker(of: dataset, normalization: Self.pixelLessOne)
    var images = [Float](repeating: .nan, count: 18)
    var labels = [Int32](repeating: -1, count: 3)
    var imageView = images.mutableSpan
    var labelView = labels.mutableSpan
    maker.fill(&imageView, labels: &labelView, with: [8, 0, 8])
    #expect(labels == [8, 0, 8])
    for (row, example) in [8, 0, 8].enumerated() {
      let pixels = dataset.pixels[example * 6..<example * 6 + 6]
      #expect(Array(images[row * 6..<row * 6 + 6]) == pixels.map { Float($0) - 1 })
    }
  }

  @Test func `normalises each channel by its own scale`() {
    let dataset = ImageDataset(
      pixels: Array(0...255) + Array((0...255).reversed()), labels: [0], height: 16, width: 16,
      channels: 2, classes: 1)
    let normalization = Normalization(mean: [0.2860, 0.5], deviation: [0.3530, 0.25])
    var images = [Float](repeating: 0, count: 512)
    var labels: [Int32] = [0]
    var imageView = images.mutableSpan
    var labelView = labels.mutableSpan
    BatchMaker(of: dataset, normalization: normalization)
      .fill(&imageView, labels: &labelView, with: 0..<1)
    for (index, value) in images.enumerated() {
      let pixel = Double(dataset.pixels[index]) / 255
      let expected = (pixel - normalization.mean[index % 2]) / normalization.deviation[index % 2]
      #expect(abs(Double(value) - expected) < 1e-6)
    }
  }

  @Test func `refuses a batch larger than the data`() {
    let maker = BatchMaker(
      of: Self.dataset(count: 3, height: 1, width: 1, channels: 1),
      normalization: Self.pixelLessOne)
    let error = #expect(throws: DatasetError.batchTooLarge(batch: 4, images: 3)) {
      try batches(maker, batchSize: 4)
    }
    #expect(
      error?.description == "A batch of 4 images cannot be filled from 3; use a smaller batch.")
  }

  @Test func `traps when a batch has another size`() async {
    await #expect(processExitsWith: .failure) {
      let maker = BatchMaker(
        of: TrainingBatchesTests.dataset(count: 3, height: 2, width: 2, channels: 1),
        normalization: TrainingBatchesTests.pixelLessOne)
      var images = [Float](repeating: 0, count: 8)
      var labels: [Int32] = [0]
      var imageView = images.mutableSpan
      var labelView = labels.mutableSpan
      maker.fill(&imageView, labels: &labelView, with: [0])
    }
  }

  // MARK: - Steps

  /// Images whose label is their index and whose pixels are 2 or more, for none to become 0.
  static func dataset(count: Int, height: Int, width: Int, channels: Int) -> ImageDataset {
    var rng = SeededGenerator(seed: 11)
    let size = count * height * width * channels
    return ImageDataset(
      pixels: (0..<size).map { _ in UInt8.random(in: 2...255, using: &rng) },
      labels: (0..<count).map { UInt16($0) }, height: height, width: width, channels: channels,
      classes: count)
  }

  private func generator(_ stream: String, _ index: Int) -> SeededGenerator {
    SeededGenerator(seed: 1, stream: stream, index: index)
  }

  private func batches(
    _ maker: BatchMaker, examples: [Int]? = nil, batchSize: Int,
    augmentation: Augmentation = .none
  ) throws -> TrainingBatches {
    try TrainingBatches(
      of: maker, examples: examples ?? Array(0..<maker.dataset.count), batchSize: batchSize,
      augmentation: augmentation, seed: 1)
  }

  private func batch(_ step: Int, of batches: TrainingBatches) -> Batch {
    var batches = batches
    return fill(&batches, step: step)
  }

  private func fill(_ batches: inout TrainingBatches, step: Int) -> Batch {
    let size = batches.maker.dataset.imageSize
    var images = [Float](repeating: .nan, count: batches.batchSize * size)
    var labels = [Int32](repeating: -1, count: batches.batchSize)
    var imageView = images.mutableSpan
    var labelView = labels.mutableSpan
    batches.fill(&imageView, labels: &labelView, step: step)
    return Batch(images: images, labels: labels)
  }

  /// Stretches a part of an image, a value at a time, by the definition of linear interpolation.
  private func referenceStretch(
    _ dataset: ImageDataset, _ example: Int, _ variation: Augmentation.Variation
  ) -> [Double] {
    func pixel(_ y: Int, _ x: Int, _ channel: Int) -> Double {
      let row = variation.top + min(max(y, 0), variation.partHeight - 1)
      let column = variation.left + min(max(x, 0), variation.partWidth - 1)
      let place = (example * dataset.height + row) * dataset.width + column
      return Double(dataset.pixels[place * dataset.channels + channel])
    }
    var values: [Double] = []
    for y in 0..<dataset.height {
      for x in 0..<dataset.width {
        let column = variation.isMirrored ? dataset.width - 1 - x : x
        let v = (Double(y) + 0.5) * Double(variation.partHeight) / Double(dataset.height) - 0.5
        let u = (Double(column) + 0.5) * Double(variation.partWidth) / Double(dataset.width) - 0.5
        let (low, left) = (Int(v.rounded(.down)), Int(u.rounded(.down)))
        let (b, a) = (v - v.rounded(.down), u - u.rounded(.down))
        for channel in 0..<dataset.channels {
          values.append(
            (1 - b) * ((1 - a) * pixel(low, left, channel) + a * pixel(low, left + 1, channel))
              + b
              * ((1 - a) * pixel(low + 1, left, channel) + a * pixel(low + 1, left + 1, channel)))
        }
      }
    }
    return values
  }

  /// Pads, cuts, mirrors, normalises and blots out one image, a step at a time.
  private func referenceVariation(
    _ dataset: ImageDataset, _ example: Int, _ variation: Augmentation.Variation, padding: Int
  ) -> [Float] {
    let (height, width, channels) = (dataset.height, dataset.width, dataset.channels)
    var padded = [[[UInt8]]](
      repeating: Array(repeating: Array(repeating: 0, count: channels), count: width + 2 * padding),
      count: height + 2 * padding)
    for y in 0..<height {
      for x in 0..<width {
        for channel in 0..<channels {
          padded[y + padding][x + padding][channel] =
            dataset.pixels[((example * height + y) * width + x) * channels + channel]
        }
      }
    }
    let (top, left) = (variation.top + padding, variation.left + padding)
    var cut = padded[top..<top + height].map { Array($0[left..<left + width]) }
    if variation.isMirrored { cut = cut.map { $0.reversed() } }
    var normalised = cut.map { $0.map { $0.map { Float($0) - 1 } } }
    for y in variation.blottedRows {
      for x in variation.blottedColumns { normalised[y][x] = Array(repeating: 0, count: channels) }
    }
    return normalised.flatMap { $0.flatMap { $0 } }
  }
}
