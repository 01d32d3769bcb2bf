import SearchSpace

/// The images of one part of a folder, found and not yet opened.
///
/// Each folder in `root/train` is a class, in the order of the names' bytes, and holds its images as
/// `.jpg`, `.jpeg` and `.png` files; what else lies there is passed over, folders too. The test part is
/// `root/test` or else `root/val`, and its classes are some of the training part's.
struct ImageFolder {
  let path: String
  let classNames: [String]
  let images: [Image]

  /// A file of an image.
  struct Image {
    let path: String
    let label: UInt16
    let size: Int
    /// Whether its name can be read; if not, neither can it.
    let isNameWhole: Bool
  }

  /// Changes if a name, a size or the time of a change does.
  let fingerprint: Fingerprint

  /// Finds the images of a part.
  ///
  /// - Parameters:
  ///   - root: The folder of both parts.
  ///   - part: The part.
  ///   - training: The names of the training part's classes, if this is the test part.
  /// - Throws: ``DatasetError`` if there are no classes or one is empty or unknown.
  init(
    root: String, part: ImageDataset.Part, matching training: [String]? = nil
  ) throws(DatasetError) {
    let top = try FolderListing(path: root)
    let names = part == .training ? ["train"] : ["test", "val"]
    guard let name = names.first(where: top.holds(folder:)) else {
      throw .missing(
        path: join(root, names[0]), remedy: "make that folder, with a folder for each class in it")
    }
    path = join(root, name)
    let classes = try FolderListing(path: path).entries.filter { $0.kind == .folder }
    let fewest = training == nil ? 2 : 1
    guard (fewest...ImageDataset.mostClasses).contains(classes.count) else {
      throw .malformed(
        file: path, .classFolders(count: classes.count, limit: ImageDataset.mostClasses))
    }
    classNames = training ?? classes.map(\.name)
    let labels = Dictionary(zip(classNames, 0...)) { first, _ in first }

    var fingerprint = Fingerprint()
    var images: [Image] = []
    for entry in classes {
      guard entry.isNameWhole else {
        throw .malformed(file: path, .nameNotUTF8(name: entry.name))
      }
      guard let label = labels[entry.name] else {
        throw .malformed(file: path, .unknownClass(name: entry.name))
      }
      let folder = join(path, entry.name)
      let files = try FolderListing(path: folder).entries.filter(\.isImage)
      guard !files.isEmpty else { throw .malformed(file: path, .emptyClass(name: entry.name)) }
      fingerprint.add(bytes: Array(entry.name.utf8).span)
      for file in files {
        fingerprint.add(bytes: Array(file.name.utf8).span)
        for number in [file.size, file.changed.0, file.changed.1] {
          fingerprint.add(UInt64(bitPattern: Int64(number)))
        }
        images.append(
          Image(
            path: join(folder, file.name), label: UInt16(label), size: file.size,
            isNameWhole: file.isNameWhole))
      }
    }
    self.images = images
    self.fingerprint = fingerprint
  }
}

extension ImageFolder.Image {
  /// The most bytes that a file of an image may have.
  private static let largestFile = 1 << 28

  /// Decodes the image and brings it to a square.
  func pixels(side: Int) throws(PictureError) -> [UInt8] {
    guard isNameWhole else { throw .unopened("its name is not UTF-8") }
    let bytes: [UInt8]
    do throws(DatasetError) {
      let file = try InputFile(path: path)
      guard file.size <= Self.largestFile else {
        throw DatasetError.unreadable(path: path, reason: "more than \(Self.largestFile) bytes")
      }
      var room = [UInt8](repeating: 0, count: file.size)
      let count = try file.read(into: &room, limit: room.count, at: 0)
      bytes = count == room.count ? room : Array(room.prefix(count))
    } catch {
      throw .unopened(error.reason)
    }
    return try Picture(decoding: bytes, for: side).square(side: side).pixels
  }
}

extension DatasetError {
  /// Why a file could not be read, as a clause without its path.
  fileprivate var reason: String {
    switch self {
    case .missing: "it is not there any more"
    case .unreadable(_, let reason): "it cannot be read: \(reason)"
    default: description
    }
  }
}
