/// How a camera was held: what has to be done to its picture for up to be up.
///
/// > "Exchangeable image file format for digital still cameras: Exif Version 2.32." CIPA DC-008, 2019,
/// > tag 0x0112.
enum Orientation: Int {
  case upright = 1
  case mirrored
  case upsideDown
  case mirroredUpsideDown
  case transposed
  case turnedLeft
  case transversed
  case turnedRight

  /// Finds it in a JPEG file; without one, or where it cannot be read, the picture is upright.
  init(ofJPEG file: [UInt8]) {
    self = .upright
    var place = 2
    // Markers are 0xff, their kind and, where they have content, its length in two bytes.
    while place + 4 <= file.count, file[place] == 0xff {
      let kind = file[place + 1]
      // The compressed picture itself begins.
      guard kind != 0xda else { return }
      let length = Int(file[place + 2]) << 8 | Int(file[place + 3])
      guard length >= 2, place + 2 + length <= file.count else { return }
      let content = file[place + 4..<place + 2 + length]
      if kind == 0xe1, content.starts(with: Array("Exif\0\0".utf8)) {
        self.init(ofEXIF: content.dropFirst(6))
        return
      }
      place += 2 + length
    }
  }

  /// Finds it in EXIF data, which are a TIFF file without a picture.
  init(ofEXIF data: ArraySlice<UInt8>) {
    self = .upright
    let isLittle: Bool
    switch data.prefix(2) {
    case [0x49, 0x49]: isLittle = true
    case [0x4d, 0x4d]: isLittle = false
    default: return
    }
    /// A number of so many bytes at a place, if it lies within.
    func number(at place: Int, bytes count: Int) -> Int? {
      guard place >= 0, place <= data.count - count else { return nil }
      let bytes = data.dropFirst(place).prefix(count)
      return (isLittle ? Array(bytes.reversed()) : Array(bytes)).reduce(0) { $0 << 8 | Int($1) }
    }
    guard let directory = number(at: 4, bytes: 4), let count = number(at: directory, bytes: 2)
    else { return }
    for entry in 0..<count {
      let place = directory + 2 + 12 * entry
      guard let tag = number(at: place, bytes: 2) else { return }
      guard tag == 0x0112, let value = number(at: place + 8, bytes: 2) else { continue }
      self = Orientation(rawValue: value) ?? .upright
      return
    }
  }
}

extension Picture {
  /// The picture with up where it belongs.
  func turned(as orientation: Orientation) -> Picture {
    guard orientation != .upright else { return self }
    let (w, h) = (width, height)
    let isSwapped = orientation.rawValue >= Orientation.transposed.rawValue
    let (columns, rows) = isSwapped ? (h, w) : (w, h)
    var turned = [UInt8](repeating: 0, count: pixels.count)
    for y in 0..<rows {
      for x in 0..<columns {
        let (column, row) =
          switch orientation {
          case .upright: (x, y)
          case .mirrored: (w - 1 - x, y)
          case .upsideDown: (w - 1 - x, h - 1 - y)
          case .mirroredUpsideDown: (x, h - 1 - y)
          case .transposed: (y, x)
          case .turnedLeft: (y, h - 1 - x)
          case .transversed: (w - 1 - y, h - 1 - x)
          case .turnedRight: (w - 1 - y, x)
          }
        let (from, to) = ((row * w + column) * 3, (y * columns + x) * 3)
        for channel in 0..<3 { turned[to + channel] = pixels[from + channel] }
      }
    }
    return Picture(width: columns, height: rows, pixels: turned)
  }
}
