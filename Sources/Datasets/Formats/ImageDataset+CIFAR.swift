extension ImageDataset {
  /// Reads one part of CIFAR-10 or CIFAR-100.
  ///
  /// `path` is the folder of the files, the folder that holds it under the name that it is distributed
  /// with, or the archive as it is distributed, which is not unpacked to disk.
  /// The training part of CIFAR-10 is five files, of which the last ones may be absent.
  ///
  /// - Parameters:
  ///   - variant: Which of the two.
  ///   - path: The folder or the archive.
  ///   - part: The part to read.
  /// - Throws: ``DatasetError`` if a file is missing, unreadable or damaged.
  public init(
    cifar variant: CIFAR, at path: String, part: Part = .training
  ) throws(DatasetError) {
    let wanted = variant.files(of: part)
    let found =
      isFolder(path) == false
      ? try Self.files(wanted + [variant.namesFile], inArchive: path)
      : try Self.files(wanted, of: variant, inFolder: path)

    let batches = wanted.filter { found[$0] != nil }
    // With none, the first is missed; with a gap, the one in the gap.
    guard batches == Array(wanted.prefix(batches.count)), !batches.isEmpty else {
      let missing = wanted.first { found[$0] == nil } ?? ""
      if batches.isEmpty, isFolder(path) != false {
        throw .missing(path: join(path, missing), remedy: "put that file there")
      }
      throw .malformed(
        file: path, batches.isEmpty ? .notInArchive(name: missing) : .gap(missing: missing))
    }
    let (pixels, labels) = try variant.read(batches.compactMap { found[$0] })
    self.init(
      pixels: pixels, labels: labels, height: CIFAR.side, width: CIFAR.side, channels: 3,
      classes: variant.classes)
    if let names = found[variant.namesFile] {
      classNames = try variant.names(names.bytes, of: names.path)
    }
  }

  private typealias Files = [String: (path: String, bytes: [UInt8])]

  /// Reads those of some files that a folder holds, each only if its size is right.
  private static func files(
    _ names: [String], of variant: CIFAR, inFolder path: String
  ) throws(DatasetError) -> Files {
    var listing = try FolderListing(path: path)
    var folder = path
    if !names.contains(where: listing.holds(_:)), listing.holds(folder: variant.folder) {
      folder = join(path, variant.folder)
      listing = try FolderListing(path: folder)
    }
    var files: Files = [:]
    for name in names + [variant.namesFile] where listing.holds(name) {
      let path = join(folder, name)
      var content = try FileContent(path: path)
      if name != variant.namesFile, !content.isCompressed {
        try variant.check(size: content.file.size, of: path)
      }
      files[name] = (path, try content.read(min(content.capacity, TarArchive.largest)))
      try content.finish(promised: TarArchive.largest)
    }
    return files
  }

  /// Reads those of some files that an archive holds.
  private static func files(
    _ names: [String], inArchive path: String
  ) throws(DatasetError) -> Files {
    var archive = try TarArchive(path: path)
    var files: Files = [:]
    while let entry = try archive.next() {
      if entry.isFile, names.contains(entry.name) {
        files[entry.name] = ("\(path)/\(entry.name)", try archive.bytes(of: entry))
      } else {
        try archive.pass(entry)
      }
    }
    return files
  }
}
