/// Turns images of a data set into batches of normalised floats.
///
///     let maker = BatchMaker(of: dataset, normalization: normalization)
///     var images = [Float](repeating: 0, count: examples.count * dataset.imageSize)
///     var labels = [Int32](repeating: 0, count: examples.count)
///     var imageView = images.mutableSpan
///     var labelView = labels.mutableSpan
///     maker.fill(&imageView, labels: &labelView, with: examples)
///
/// Scoring and recalibration see images this way: in the order given and never varied.
public struct BatchMaker: Sendable {
  /// Where the images come from.
  public let dataset: ImageDataset

  /// The scale of the floats.
  public let normalization: Normalization

  // A byte p at place i of a row of an image becomes p · scale[i] + shift[i].
  private let scale: [Float]
  private let shift: [Float]

  /// Creates a maker of batches.
  ///
  /// - Parameters:
  ///   - dataset: Where the images come from.
  ///   - normalization: The scale of the floats.
  /// - Precondition: `normalization` has as many channels as `dataset`.
  public init(of dataset: ImageDataset, normalization: Normalization) {
    precondition(
      normalization.mean.count == dataset.channels,
      "the scale has \(normalization.mean.count) channels, the images \(dataset.channels)")
    self.dataset = dataset
    self.normalization = normalization
    let row = repeatElement(zip(normalization.mean, normalization.deviation), count: dataset.width)
    scale = row.joined().map { _, deviation in Float(1 / (255 * deviation)) }
    shift = row.joined().map { mean, deviation in Float(-mean / deviation) }
  }

  /// A maker of the same images as whole numbers from 0 to 255.
  public var asBytes: BatchMaker {
    BatchMaker(
      of: dataset,
      normalization: Normalization(
        mean: [Double](repeating: 0, count: dataset.channels),
        deviation: [Double](repeating: 1 / 255, count: dataset.channels)))
  }

  /// Writes the images at `examples` and their labels into a batch.
  ///
  /// - Parameters:
  ///   - images: The batch, of shape `[examples.count, height, width, channels]`. Overwritten.
  ///   - labels: The class of each image, of shape `[examples.count]`. Overwritten.
  ///   - examples: The indices of the images.
  /// - Precondition: Each span holds exactly as many elements as its shape, and the data set has
  ///   each example.
  public func fill(
    _ images: inout MutableSpan<Float>, labels: inout MutableSpan<Int32>,
    with examples: some Collection<Int>
  ) {
    checkShapes(images: images.count, labels: labels.count, examples: examples.count)
    for (row, example) in examples.enumerated() {
      labels[row] = Int32(dataset.labels[example])
      write(example, .init(), into: &images, at: row)
    }
  }

  /// Stops the program unless a batch has room for exactly `examples` images.
  func checkShapes(images: Int, labels: Int, examples: Int) {
    precondition(
      images == examples * dataset.imageSize,
      "images holds \(images) elements, not "
        + "\(examples)×\(dataset.height)×\(dataset.width)×\(dataset.channels)")
    precondition(labels == examples, "labels holds \(labels) elements, not \(examples)")
  }

  /// Writes one image, varied, as row `row` of a batch.
  func write(
    _ example: Int, _ variation: Augmentation.Variation, into images: inout MutableSpan<Float>,
    at row: Int
  ) {
    let rowSize = dataset.width * dataset.channels
    let place = example * dataset.imageSize..<(example + 1) * dataset.imageSize
    // Of the row's own length all of them, so that the loop over it needs no checks.
    let scale = scale.span.extracting(0..<rowSize)
    let shift = shift.span.extracting(0..<rowSize)
    func normalize(_ bytes: Span<UInt8>, to start: Int) {
      precondition(bytes.count == rowSize && start >= 0 && start + rowSize <= images.count)
      for index in 0..<rowSize {
        images[start &+ index] = Float(bytes[index]) * scale[index] + shift[index]
      }
    }
    dataset.pixels.withSpan(of: place) { image in
      var line = [UInt8](repeating: 0, count: variation.movesPixels ? rowSize : 0)
      for y in 0..<dataset.height {
        let start = (row * dataset.height + y) * rowSize
        guard variation.movesPixels else {
          normalize(image.extracting(y * rowSize..<(y + 1) * rowSize), to: start)
          continue
        }
        if variation.partHeight > 0 {
          stretchRow(y, of: image, variation, into: &line)
        } else {
          copyRow(y + variation.top, of: image, variation, into: &line)
        }
        normalize(line.span, to: start)
      }
    }
    blotOut(variation, of: &images, at: row)
  }

  /// Copies a row of an image, moved and mirrored; beyond the image all is black.
  private func copyRow(
    _ sourceRow: Int, of image: Span<UInt8>, _ variation: Augmentation.Variation,
    into line: inout [UInt8]
  ) {
    for index in line.indices { line[index] = 0 }
    let (width, channels) = (dataset.width, dataset.channels)
    // The columns of the cut that show the image.
    let inside = (-variation.left..<width - variation.left).clamped(to: 0..<width)
    guard (0..<dataset.height).contains(sourceRow), !inside.isEmpty else { return }

    let start = (sourceRow * width + variation.left + inside.lowerBound) * channels
    let source = image.extracting(start..<start + inside.count * channels)
    var target = line.mutableSpan
    if variation.isMirrored {
      let last = (width - 1 - inside.lowerBound) * channels
      for channel in 0..<channels {
        var place = last + channel
        for index in stride(from: channel, to: source.count, by: channels) {
          target[place] = source[index]
          place &-= channels
        }
      }
    } else {
      let first = inside.lowerBound * channels
      for index in 0..<source.count { target[first &+ index] = source[index] }
    }
  }

  /// Computes row `y` of a part of an image that is stretched to the image's size, mirrored or not.
  ///
  /// A part is never larger than the image, so each new pixel lies between two old ones on each axis.
  private func stretchRow(
    _ y: Int, of image: Span<UInt8>, _ variation: Augmentation.Variation,
    into line: inout [UInt8]
  ) {
    let (width, channels) = (dataset.width, dataset.channels)
    let row = Between(y, of: dataset.height, in: variation.partHeight, from: variation.top)
    let (upper, lower) = (row.first * width, row.second * width)
    for x in 0..<width {
      let column = Between(x, of: width, in: variation.partWidth, from: variation.left)
      let target = (variation.isMirrored ? width - 1 - x : x) * channels
      for channel in 0..<channels {
        func pixel(_ row: Int, _ column: Int) -> Float {
          Float(image[(row + column) * channels + channel])
        }
        let above = column.mix(pixel(upper, column.first), pixel(upper, column.second))
        let below = column.mix(pixel(lower, column.first), pixel(lower, column.second))
        line[target + channel] = UInt8(row.mix(above, below) + 0.5)
      }
    }
  }

  /// Sets the square that a variation blots out to 0.
  private func blotOut(
    _ variation: Augmentation.Variation, of images: inout MutableSpan<Float>, at row: Int
  ) {
    let columns = variation.blottedColumns
    for y in variation.blottedRows {
      let start = (row * dataset.height + y) * dataset.width
      let first = (start + columns.lowerBound) * dataset.channels
      for index in first..<first + columns.count * dataset.channels { images[index] = 0 }
    }
  }
}

/// The two old pixels between which a new one lies on an axis that is stretched.
private struct Between {
  let first: Int
  let second: Int
  private let share: Float

  /// - Parameters:
  ///   - index: The new pixel.
  ///   - count: How many new pixels there are.
  ///   - part: How many old ones are stretched.
  ///   - start: The first of these.
  init(_ index: Int, of count: Int, in part: Int, from start: Int) {
    // Pixels have their middles at halves; beyond the outermost middles the outermost pixel goes on.
    let middle = (Float(index) + 0.5) * Float(part) / Float(count) - 0.5
    let clamped = min(max(0, middle), Float(part - 1))
    first = start + Int(clamped)
    second = min(first + 1, start + part - 1)
    share = clamped - Float(Int(clamped))
  }

  func mix(_ a: Float, _ b: Float) -> Float { a + (b - a) * share }
}
