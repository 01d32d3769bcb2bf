import Glibc
import SearchSpace

/// The file in which the decoded images of a folder are kept.
///
/// | bytes | what |
/// | --- | --- |
/// | 0 | `NASIMAGE` |
/// | 8 | words of eight bytes, the lowest first: the version, the fingerprint of the folder, height, width, channels, classes, images, the fingerprint of images and labels, the bytes of the text at the end, the fingerprint of all that is not images or labels |
/// | 128 | the images, of shape `[images, height, width, channels]` |
/// | | the labels, two bytes each |
/// | | the text: the names of the classes, then path and reason of each image that was left out; each its length in a word, then UTF-8 |
///
/// It is made beside its place and renamed, so it is whole or not there. One that was damaged later, or
/// was made of other images, by another version or for another size, is made anew.
struct ImageCache {
  let path: String
  private let folder: ImageFolder
  private let side: Int

  /// Two versions of which decode to different pixels have different numbers.
  private static let version: UInt64 = 1

  private static let magic = Array("NASIMAGE".utf8)
  private static let headerSize = 128
  private static let words = 10

  init(of folder: ImageFolder, root: String, side: Int) {
    self.folder = folder
    self.side = side
    let part = folder.path.split(separator: "/").last ?? ""
    let name = "\(part)-\(side).images"
    if let place = unsafe getenv("NAS_CACHE"), unsafe place.pointee != 0 {
      // Folders of the same name lie in many places.
      var fingerprint = Fingerprint()
      fingerprint.add(bytes: Array(Self.fullPath(of: folder.path).utf8).span)
      path = join(unsafe String(cString: place), "\(fingerprint.hexadecimal)-\(name)")
    } else {
      path = join(join(root, ".nas-cache"), name)
    }
  }

  /// The images of the folder as it is now, if the file has them.
  func read() -> ImageDataset? {
    guard let file = try? MappedFile(path: path), file.count >= Self.headerSize else { return nil }
    let header = file.withSpan { Header($0) }
    guard let header, header.version == Self.version, header.source == folder.fingerprint.word,
      (header.height, header.width, header.channels) == (side, side, 3),
      header.classes == folder.classNames.count, header.images > 0,
      header.images <= folder.images.count, header.textSize >= 0, header.textSize <= file.count
    else { return nil }
    let pixels = header.images * side * side * 3
    let textStart = Self.headerSize + pixels + 2 * header.images
    guard textStart + header.textSize == file.count,
      let text = file.withSpan({ Text($0.extracting(textStart..<file.count)) }),
      header.check
        == file.withSpan({
          Self.check(
            $0.extracting(0..<8 + 8 * (Self.words - 1)), $0.extracting(textStart..<file.count))
        }), Array(text.lines.prefix(header.classes)) == folder.classNames
    else { return nil }
    let labels = file.withSpan { bytes in
      (0..<header.images).map { index in
        let place = Self.headerSize + pixels + 2 * index
        return UInt16(bytes[place]) | UInt16(bytes[place + 1]) << 8
      }
    }
    guard labels.allSatisfy({ Int($0) < header.classes }) else { return nil }
    func dataset(_ fingerprint: String?) -> ImageDataset {
      ImageDataset(
        pixels: Pixels(of: file, Self.headerSize..<Self.headerSize + pixels), labels: labels,
        height: side, width: side, channels: 3, classes: header.classes, fingerprint: fingerprint)
    }
    let fingerprint = dataset(nil).contentFingerprint
    guard fingerprint == Fingerprint.hexadecimal(of: header.content) else { return nil }
    var result = dataset(fingerprint)
    result.classNames = folder.classNames
    let skipped = text.lines.dropFirst(header.classes)
    result.skipped = stride(from: skipped.startIndex, to: skipped.endIndex - 1, by: 2).map {
      SkippedImage(path: skipped[$0], reason: skipped[$0 + 1])
    }
    return result
  }

  /// Writes the file anew.
  ///
  /// - Parameter body: Hands over each image with its label, and returns those that it left out.
  /// - Throws: ``DatasetError`` of `body`, or if the file cannot be written.
  func write(
    _ body: ((_ pixels: [UInt8], _ label: UInt16) throws(DatasetError) -> Void)
      throws(DatasetError) -> [SkippedImage]
  ) throws(DatasetError) {
    let file = try OutputFile(path: path)
    try file.write([UInt8](repeating: 0, count: Self.headerSize))
    var labels: [UInt16] = []
    let skipped = try body { (pixels, label) throws(DatasetError) in
      try file.write(pixels)
      labels.append(label)
    }
    try file.write(labels.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] })
    let text = Text(lines: folder.classNames + skipped.flatMap { [$0.path, $0.reason] }).bytes
    try file.write(text)

    let written = try MappedFile(path: file.draftPath)
    let dataset = ImageDataset(
      pixels: Pixels(
        of: written, Self.headerSize..<Self.headerSize + labels.count * side * side * 3),
      labels: labels, height: side, width: side, channels: 3, classes: folder.classNames.count)
    var header = Header(
      version: Self.version, source: folder.fingerprint.word, height: side, width: side,
      channels: 3,
      classes: folder.classNames.count, images: labels.count,
      content: UInt64(dataset.contentFingerprint, radix: 16) ?? 0, textSize: text.count)
    let checked = Array(header.bytes.dropLast(8))
    header.check = Self.check(checked.span, text.span)
    try file.write(header.bytes, at: 0)
    try file.finish()
  }

  private static func check(_ header: Span<UInt8>, _ text: Span<UInt8>) -> UInt64 {
    var fingerprint = Fingerprint()
    fingerprint.add(bytes: header)
    fingerprint.add(bytes: text)
    return fingerprint.word
  }

  /// The path from the root on, without links, or as it is if it leads nowhere.
  private static func fullPath(of path: String) -> String {
    guard let full = unsafe realpath(path, nil) else { return path }
    defer { unsafe free(full) }
    return unsafe String(cString: full)
  }

  // MARK: - The layout

  private struct Header {
    var version: UInt64
    var source: UInt64
    var height: Int
    var width: Int
    var channels: Int
    var classes: Int
    var images: Int
    var content: UInt64
    var textSize: Int
    var check: UInt64 = 0

    init(
      version: UInt64, source: UInt64, height: Int, width: Int, channels: Int, classes: Int,
      images: Int, content: UInt64, textSize: Int
    ) {
      (self.version, self.source, self.content) = (version, source, content)
      (self.height, self.width, self.channels) = (height, width, channels)
      (self.classes, self.images, self.textSize) = (classes, images, textSize)
    }

    /// Reads a header; `nil` if it is that of another kind of file or has a size that is none.
    init?(_ file: Span<UInt8>) {
      for (index, byte) in ImageCache.magic.enumerated() where file[index] != byte { return nil }
      let words = (0..<ImageCache.words).map { ImageCache.word(file, at: 8 + 8 * $0) }
      let sizes = [words[2], words[3], words[4], words[5], words[6], words[8]].map {
        $0 < 1 << 40 ? Int($0) : -1
      }
      guard !sizes.contains(-1) else { return nil }
      self.init(
        version: words[0], source: words[1], height: sizes[0], width: sizes[1], channels: sizes[2],
        classes: sizes[3], images: sizes[4], content: words[7], textSize: sizes[5])
      check = words[9]
    }

    var bytes: [UInt8] {
      let sizes = [height, width, channels, classes, images].map { UInt64($0) }
      let words = [version, source] + sizes + [content, UInt64(textSize), check]
      return ImageCache.magic + words.flatMap(ImageCache.bytes(of:))
    }
  }

  /// Lines of text, each with its length before it.
  private struct Text {
    let lines: [String]

    init(lines: [String]) { self.lines = lines }

    /// - Returns: `nil` if a line is longer than what is there.
    init?(_ bytes: Span<UInt8>) {
      var lines: [String] = []
      var place = 0
      while place < bytes.count {
        guard place + 8 <= bytes.count else { return nil }
        let length = ImageCache.word(bytes, at: place)
        place += 8
        guard length <= UInt64(bytes.count - place) else { return nil }
        let line = (0..<Int(length)).map { bytes[place + $0] }
        lines.append(String(decoding: line, as: UTF8.self))
        place += Int(length)
      }
      self.lines = lines
    }

    var bytes: [UInt8] {
      lines.flatMap { ImageCache.bytes(of: UInt64($0.utf8.count)) + Array($0.utf8) }
    }
  }

  private static func word(_ bytes: Span<UInt8>, at place: Int) -> UInt64 {
    (0..<8).reduce(0) { $0 | UInt64(bytes[place + $1]) << UInt64(8 * $1) }
  }

  private static func bytes(of word: UInt64) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(8 * $0)) }
  }
}
