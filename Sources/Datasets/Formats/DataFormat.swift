/// How images are stored.
public enum DataFormat: String, Hashable, Codable, Sendable, CaseIterable {
  /// Arrays in files, as MNIST and its successors are distributed.
  case idx
  /// CIFAR-10 in its binary layout.
  case cifar10 = "cifar-10"
  /// CIFAR-100 in its binary layout.
  case cifar100 = "cifar-100"
  /// A folder for each class, with JPEG and PNG files.
  case imageFolder = "image-folder"

  /// Tells the format by what lies at a path.
  ///
  /// Names alone are looked at, those of files in a folder or those in an archive.
  ///
  /// - Parameter path: A folder or an archive.
  /// - Throws: ``DatasetError`` if there is nothing, or nothing that is known.
  public init(recognizing path: String) throws(DatasetError) {
    let format: DataFormat? =
      if isFolder(path) == false {
        try Self.recognize(archive: path)
      } else {
        Self.recognize(try FolderListing(path: path))
      }
    guard let format else { throw .unrecognized(path: path) }
    self = format
  }

  private static func recognize(_ listing: FolderListing) -> DataFormat? {
    let names = listing.entries.map(\.name)
    if names.contains(where: { $0.contains("-ubyte") }) { return .idx }
    for (variant, format) in [(CIFAR.ten, DataFormat.cifar10), (.hundred, .cifar100)]
    where listing.holds(folder: variant.folder) || holds(variant, names) {
      return format
    }
    return listing.holds(folder: "train") ? .imageFolder : nil
  }

  private static func recognize(archive path: String) throws(DatasetError) -> DataFormat? {
    var archive = try TarArchive(path: path)
    do {
      while let entry = try archive.next() {
        if holds(.ten, [entry.name]) { return .cifar10 }
        if holds(.hundred, [entry.name]) { return .cifar100 }
        try archive.pass(entry)
      }
      return nil
    } catch {
      switch error {
      // It is no archive from its very beginning.
      case .malformed(_, .archiveDamaged(offset: 0)): return nil
      default: throw error
      }
    }
  }

  private static func holds(_ variant: CIFAR, _ names: [String]) -> Bool {
    (variant.files(of: .training) + variant.files(of: .test)).contains(where: names.contains)
  }
}
