/// Where a data set is, and how it is stored.
///
///     let source = DataSource(format: .cifar10, path: "cifar-10-binary.tar.gz")
///     let training = try source.read()
///     let test = try source.readTest(matching: training)
///
public struct DataSource: Hashable, Sendable {
  public let format: DataFormat

  /// The folder, or the archive.
  public let path: String

  /// The side in pixels that the images of a folder are brought to.
  public let side: Int

  public init(format: DataFormat, path: String, side: Int = 64) {
    self.format = format
    self.path = path
    self.side = side
  }

  /// Reads the training part.
  ///
  /// - Parameter progress: Told, while images are decoded, how many of how many are.
  /// - Returns: The training part.
  /// - Throws: ``DatasetError``.
  public func read(
    progress: (_ done: Int, _ count: Int) -> Void = { _, _ in }
  ) throws(DatasetError) -> ImageDataset {
    switch format {
    case .idx: try ImageDataset(idxFolder: path)
    case .cifar10: try ImageDataset(cifar: .ten, at: path)
    case .cifar100: try ImageDataset(cifar: .hundred, at: path)
    case .imageFolder: try ImageDataset(imageFolder: path, side: side, progress: progress)
    }
  }

  /// Reads the test part.
  ///
  /// - Parameters:
  ///   - training: The training part that it must fit.
  ///   - progress: Told, while images are decoded, how many of how many are.
  /// - Returns: The test part, or `nil` if there is none.
  /// - Throws: ``DatasetError`` if it is there and cannot be read.
  public func readTest(
    matching training: ImageDataset, progress: (_ done: Int, _ count: Int) -> Void = { _, _ in }
  ) throws(DatasetError) -> ImageDataset? {
    do {
      return switch format {
      case .idx: try ImageDataset(idxFolder: path, part: .test, matching: training)
      case .cifar10: try ImageDataset(cifar: .ten, at: path, part: .test)
      case .cifar100: try ImageDataset(cifar: .hundred, at: path, part: .test)
      case .imageFolder:
        try ImageDataset(
          imageFolder: path, side: side, part: .test, matching: training, progress: progress)
      }
    } catch {
      switch error {
      case .missing, .malformed(_, .notInArchive): return nil
      default: throw error
      }
    }
  }
}

extension ImageDataset {
  /// A part of a data set.
  public enum Part: Hashable, Sendable {
    /// What networks are trained on and candidates scored with.
    case training
    /// What only finished networks meet.
    case test
  }
}
