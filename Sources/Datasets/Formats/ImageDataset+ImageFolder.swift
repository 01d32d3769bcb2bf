import Dispatch
import Synchronization

extension ImageDataset {
  /// Of so many images one may be left out because it cannot be read.
  static let imagesForOneUnreadable = 100

  /// How many images are decoded between two writes.
  private static let together = 256

  /// Reads one part of a folder of images, which are decoded once and kept in a file.
  ///
  /// Every image becomes a square of three channels: its middle, brought to `side` pixels. The squares
  /// are kept in `root/.nas-cache`, or in the folder that `NAS_CACHE` names, and come from there as
  /// long as no image has changed its name, its size or the time of its last change.
  ///
  /// An image that cannot be read is left out and listed in ``skipped``, unless these are more than
  /// one of a hundred.
  ///
  /// - Parameters:
  ///   - root: The folder, which holds `train` and perhaps `test` or `val`; see `ImageFolder`.
  ///   - side: The side of the squares in pixels.
  ///   - part: The part to read.
  ///   - training: The training part, if this is the test part.
  ///   - progress: Told how many images of how many are decoded.
  /// - Throws: ``DatasetError`` if there are no such images, too many cannot be read or the file cannot
  ///   be written.
  public init(
    imageFolder root: String, side: Int, part: Part = .training,
    matching training: ImageDataset? = nil,
    progress: (_ done: Int, _ count: Int) -> Void = { _, _ in }
  ) throws(DatasetError) {
    let folder = try ImageFolder(root: root, part: part, matching: training?.classNames)
    let cache = ImageCache(of: folder, root: root, side: side)
    if let known = cache.read() {
      self = known
      return
    }
    try cache.write { write throws(DatasetError) in
      var skipped: [SkippedImage] = []
      for start in stride(from: 0, to: folder.images.count, by: Self.together) {
        let images = folder.images[start..<min(start + Self.together, folder.images.count)]
        for (image, result) in zip(images, Self.decode(Array(images), side: side)) {
          switch result {
          case .success(let pixels): try write(pixels, image.label)
          case .failure(let error):
            skipped.append(SkippedImage(path: image.path, reason: error.description))
          }
        }
        progress(start + images.count, folder.images.count)
      }
      guard skipped.count <= folder.images.count / Self.imagesForOneUnreadable else {
        throw .malformed(
          file: folder.path,
          .tooManyUnreadable(
            count: skipped.count, images: folder.images.count, first: skipped[0]))
      }
      return skipped
    }
    guard let written = cache.read() else {
      throw .unreadable(path: cache.path, reason: "not what was written to it a moment ago")
    }
    self = written
  }

  /// Decodes some images on all cores, in their order.
  private static func decode(
    _ images: [ImageFolder.Image], side: Int
  ) -> [Result<[UInt8], PictureError>] {
    let results = Mutex([Result<[UInt8], PictureError>?](repeating: nil, count: images.count))
    DispatchQueue.concurrentPerform(iterations: images.count) { index in
      let result: Result<[UInt8], PictureError>
      do throws(PictureError) {
        result = .success(try images[index].pixels(side: side))
      } catch {
        result = .failure(error)
      }
      results.withLock { $0[index] = result }
    }
    return results.withLock { $0.compactMap { $0 } }
  }
}
