import Glibc

/// What lies in a folder, in the order of the names' bytes; what begins with a dot is left out.
struct FolderListing {
  let entries: [Entry]

  /// A file or folder, or what a link leads to.
  struct Entry {
    let name: String
    let kind: Kind
    /// Bytes of a file.
    let size: Int
    /// Seconds and nanoseconds of its last change.
    let changed: (Int, Int)
    /// Whether the name on disk is UTF-8, so that the file can be found by ``name``.
    let isNameWhole: Bool
  }

  enum Kind { case file, folder, other }

  /// Reads a folder.
  ///
  /// Links are followed one at a time, each to the file or folder that it leads to: whoever asks for
  /// one level of folders after the other goes into no loop.
  ///
  /// - Throws: ``DatasetError/missing(path:remedy:)`` if there is none,
  ///   ``DatasetError/unreadable(path:reason:)`` if it may not be read.
  init(path: String) throws(DatasetError) {
    guard let folder = unsafe opendir(path) else {
      throw errno == ENOENT
        ? .missing(path: path, remedy: "correct the path to the folder of the data")
        : .unreadable(path: path, errno)
    }
    defer { unsafe closedir(folder) }
    // The name is a tuple in Swift and has a place all the same.
    guard let namePlace = MemoryLayout<dirent>.offset(of: \dirent.d_name) else {
      preconditionFailure("entries of folders have no name")
    }
    var entries: [Entry] = []
    while let entry = unsafe readdir(folder) {
      let start = unsafe (UnsafeRawPointer(entry) + namePlace).assumingMemoryBound(to: CChar.self)
      guard unsafe start.pointee != CChar(bitPattern: UInt8(ascii: ".")) else { continue }
      var status = stat()
      // A link that leads nowhere, or round in circles, is neither file nor folder.
      let isThere = unsafe fstatat(dirfd(folder), start, &status, 0) == 0
      let kind: Kind =
        switch status.st_mode & S_IFMT {
        case S_IFREG where isThere: .file
        case S_IFDIR where isThere: .folder
        default: .other
        }
      entries.append(
        Entry(
          name: unsafe String(cString: start), kind: kind, size: Int(status.st_size),
          changed: (status.st_mtim.tv_sec, status.st_mtim.tv_nsec),
          isNameWhole: unsafe String(validatingCString: start) != nil))
    }
    self.entries = entries.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
  }

  /// Whether it has a file or folder of this name.
  func holds(_ name: String) -> Bool { entries.contains { $0.name == name } }

  func holds(folder name: String) -> Bool {
    entries.contains { $0.name == name && $0.kind == .folder }
  }
}

extension FolderListing.Entry {
  /// Whether its name is one of an image.
  var isImage: Bool {
    guard kind != .folder, let dot = name.lastIndex(of: ".") else { return false }
    return ["jpg", "jpeg", "png"].contains(name[name.index(after: dot)...].lowercased())
  }
}

/// Whether a path leads to a folder; `nil` if it leads nowhere.
func isFolder(_ path: String) -> Bool? {
  var status = stat()
  guard unsafe stat(path, &status) == 0 else { return nil }
  return status.st_mode & S_IFMT == S_IFDIR
}

/// Puts a name behind the path of a folder.
func join(_ folder: String, _ name: String) -> String {
  folder.hasSuffix("/") ? folder + name : "\(folder)/\(name)"
}
