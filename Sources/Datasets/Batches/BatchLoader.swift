import Dispatch
import Synchronization

/// The batches of a training, made ahead of time by a thread of their own.
///
///     let loader = BatchLoader(of: batches)
///     loader.fill(&images, labels: &labels, step: 0)  // starts on batches 1 and 2
///     loader.waited                                   // what the training lost by it so far
///
/// A batch is the same as that of ``TrainingBatches/fill(_:labels:step:)``, whatever was asked for
/// before. Whoever asks for one step after the other finds each batch made, as long as making it takes
/// less time than a step.
public final class BatchLoader {
  /// How many batches are made ahead.
  public static let depth = 2

  /// How long the training waited for its images, with the time to hand them over.
  public private(set) var waited = Duration.zero

  /// The number of batches in an epoch, at least 1.
  public let stepsPerEpoch: Int

  /// The number of images in every batch.
  public let batchSize: Int

  private let maker: Maker
  private let queue = DispatchQueue(label: "nas.batches", qos: .userInitiated)
  private var ahead: [Int: Batch] = [:]
  private var spare: [Batch] = []

  /// Creates a loader, which begins with the first batch that is asked for.
  public init(of batches: TrainingBatches) {
    stepsPerEpoch = batches.stepsPerEpoch
    batchSize = batches.batchSize
    maker = Maker(batches)
  }

  /// Writes batch `step` of the run, waiting for it if need be, and has the next ones made.
  ///
  /// - Parameters:
  ///   - images: The batch, of shape `[batchSize, height, width, channels]`. Overwritten.
  ///   - labels: The class of each image, of shape `[batchSize]`. Overwritten.
  ///   - step: The number of the batch from the beginning of the run, at least 0.
  /// - Precondition: Each span holds exactly as many elements as its shape.
  public func fill(
    _ images: inout MutableSpan<Float>, labels: inout MutableSpan<Int32>, step: Int
  ) {
    let start = ContinuousClock.now
    let batch = ahead.removeValue(forKey: step) ?? order(step, size: images.count)
    let next = step + 1...step + Self.depth
    // After a leap, what was made ahead is of no use.
    for unused in ahead.keys where !next.contains(unused) { ahead[unused] = nil }
    for step in next where ahead[step] == nil { ahead[step] = order(step, size: images.count) }
    batch.move(into: &images, labels: &labels)
    spare.append(batch)
    waited += ContinuousClock.now - start
  }

  /// Has a batch made.
  private func order(_ step: Int, size: Int) -> Batch {
    let batch = spare.popLast() ?? Batch(size: size, labels: batchSize)
    queue.async { [maker] in batch.make(step, by: maker) }
    return batch
  }
}

/// What fills batches, one at a time.
private final class Maker: Sendable {
  private let batches: Mutex<TrainingBatches>

  init(_ batches: TrainingBatches) { self.batches = Mutex(batches) }

  func fill(_ images: inout [Float], _ labels: inout [Int32], step: Int) {
    batches.withLock { batches in
      var imageView = images.mutableSpan
      var labelView = labels.mutableSpan
      batches.fill(&imageView, labels: &labelView, step: step)
    }
  }
}

/// A batch that is being made, or is ready to be taken.
private final class Batch: Sendable {
  private struct Content {
    var images: [Float]
    var labels: [Int32]
  }

  private let content: Mutex<Content>
  private let isReady = DispatchSemaphore(value: 0)

  init(size: Int, labels: Int) {
    content = Mutex(
      Content(
        images: [Float](repeating: 0, count: size), labels: [Int32](repeating: 0, count: labels)))
  }

  func make(_ step: Int, by maker: Maker) {
    content.withLock { maker.fill(&$0.images, &$0.labels, step: step) }
    isReady.signal()
  }

  /// Waits for the batch and copies it; it can then be made anew.
  func move(into images: inout MutableSpan<Float>, labels: inout MutableSpan<Int32>) {
    isReady.wait()
    content.withLock { content in
      copy(content.images.span, into: &images)
      copy(content.labels.span, into: &labels)
    }
  }
}

/// Copies numbers.
///
/// - Precondition: There are as many of both.
private func copy<Number: BitwiseCopyable>(
  _ source: Span<Number>, into target: inout MutableSpan<Number>
) {
  precondition(source.count == target.count, "\(source.count) numbers for \(target.count)")
  unsafe source.withUnsafeBufferPointer { source in
    unsafe target.withUnsafeMutableBufferPointer { target in
      _ = unsafe target.update(fromContentsOf: source)
    }
  }
}
