import Glibc

extension ImageDataset {
  /// Where Debian's package `dataset-fashion-mnist` puts its files.
  public static let fashionMNISTFolder = "/usr/share/datasets/fashion-mnist"

  /// Reads one part of MNIST, Fashion-MNIST or another set of the same form from a folder.
  ///
  /// The training part is `train-images-idx3-ubyte` and `train-labels-idx1-ubyte`, the test part
  /// `t10k-images-idx3-ubyte` and `t10k-labels-idx1-ubyte`; a dot before `idx` and `.gz` at the
  /// end are accepted. The images have one channel. The format does not tell the number of
  /// classes: it is one more than the highest label, or that of `training` if given.
  ///
  /// - Parameters:
  ///   - folder: The folder with both files.
  ///   - part: The part to read.
  ///   - training: The training part that this part must fit in image size and classes; `nil` to
  ///     take the file's word for both.
  /// - Throws: ``DatasetError`` if a file is missing, unreadable, damaged or does not fit its
  ///   companion or `training`.
  public init(
    idxFolder folder: String, part: Part = .training, matching training: ImageDataset? = nil
  ) throws(DatasetError) {
    try Self.checkFolder(folder)
    let stem = part == .training ? "train" : "t10k"
    let imagesPath = try Self.find("\(stem)-images", "idx3-ubyte", in: folder)
    let labelsPath = try Self.find("\(stem)-labels", "idx1-ubyte", in: folder)
    // The labels come first because they are small: a mistake there shows before the long read.
    let labels = try IDXFile(path: labelsPath, rank: 1).bytes
    let classes = training?.classes ?? Int(labels.max() ?? 0) + 1
    if let index = labels.firstIndex(where: { Int($0) >= classes }) {
      throw .malformed(
        file: labelsPath,
        .labelOutOfRange(label: Int(labels[index]), index: index, classes: classes))
    }

    let images = try IDXFile(path: imagesPath, rank: 3)
    let (count, height, width) = (images.dimensions[0], images.dimensions[1], images.dimensions[2])
    guard count == labels.count else {
      throw .malformed(file: labelsPath, .labelCount(labels: labels.count, images: count))
    }
    if let training, (height, width) != (training.height, training.width) {
      throw .malformed(
        file: imagesPath,
        .imageSize(
          height: height, width: width,
          expectedHeight: training.height, expectedWidth: training.width))
    }
    self.init(
      pixels: images.bytes, labels: labels.map(UInt16.init), height: height, width: width,
      channels: 1,
      classes: classes)
  }

  private static func checkFolder(_ folder: String) throws(DatasetError) {
    var status = stat()
    guard unsafe stat(folder, &status) != 0 else { return }
    guard errno == ENOENT || errno == ENOTDIR else { throw .unreadable(path: folder, errno) }
    throw .missing(
      path: folder,
      remedy: isFashionMNIST(folder)
        ? installationRemedy : "correct the path to the folder of the data")
  }

  /// Returns the path of the first file in `folder` that goes by one of the usual names.
  private static func find(
    _ stem: String, _ suffix: String, in folder: String
  ) throws(DatasetError) -> String {
    let names = ["\(stem)-\(suffix)", "\(stem).\(suffix)"].flatMap { [$0, $0 + ".gz"] }
    for name in names {
      let path = folder.hasSuffix("/") ? folder + name : "\(folder)/\(name)"
      // A file that is there but may not be read is found, and reported when it is opened.
      if unsafe access(path, F_OK) == 0 || errno != ENOENT && errno != ENOTDIR { return path }
    }
    throw .missing(
      path: "\(folder)/\(names[0])",
      remedy: isFashionMNIST(folder)
        ? installationRemedy : "put that file there, as it is or with .gz")
  }

  private static func isFashionMNIST(_ folder: String) -> Bool {
    folder == fashionMNISTFolder || folder == fashionMNISTFolder + "/"
  }

  private static let installationRemedy =
    "install the Debian package dataset-fashion-mnist (apt-get install dataset-fashion-mnist)"
}
