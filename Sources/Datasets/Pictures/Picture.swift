/// A decoded image: red, green and blue of each pixel, from 0 to 255.
package struct Picture: Hashable, Sendable {
  package let width: Int
  package let height: Int

  /// The pixels, of shape `[height, width, 3]`.
  package let pixels: [UInt8]

  package init(width: Int, height: Int, pixels: [UInt8]) {
    precondition(pixels.count == width * height * 3, "\(pixels.count) bytes for \(width)×\(height)")
    self.width = width
    self.height = height
    self.pixels = pixels
  }

  /// The most pixels that an image may have: those of a photograph of 8,000×8,000.
  package static let largest = 64_000_000

  /// Decodes a JPEG or PNG file; which it is, shows in its first bytes and not in its name.
  ///
  /// It is turned as its EXIF orientation says. Transparency is left out.
  ///
  /// - Parameters:
  ///   - bytes: The file.
  ///   - side: What the shorter side will be made: a JPEG file may be decoded smaller than it is, but
  ///     not below this, which is much quicker. By default it is decoded as it is.
  /// - Throws: ``PictureError``.
  package init(decoding bytes: [UInt8], for side: Int = .max) throws(PictureError) {
    let decoded: (Picture, Orientation)
    switch bytes.first {
    case nil: throw .empty
    case 0xff: decoded = try Self.decodeJPEG(bytes, for: side)
    case 0x89: decoded = try Self.decodePNG(bytes)
    default: throw .unknownFormat
    }
    self = decoded.0.turned(as: decoded.1)
  }

  /// Refuses an image that is too large, before there is memory for it.
  static func check(width: Int, height: Int) throws(PictureError) {
    guard width > 0, height > 0, width <= largest, height <= largest / width else {
      throw .tooLarge(width: width, height: height)
    }
  }
}

/// Why an image cannot be had.
package enum PictureError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The file could not be opened or read, for the reason given.
  case unopened(String)
  case empty
  case unknownFormat
  case tooLarge(width: Int, height: Int)
  /// It has four inks; the colours that they give depend on the press.
  case inks
  /// What the library says about it.
  case damaged(String)

  package var description: String {
    switch self {
    case .unopened(let reason): reason
    case .empty: "the file is empty"
    case .unknownFormat: "it is neither JPEG nor PNG"
    case .tooLarge(let width, let height):
      "\(width)×\(height) pixels are more than \(Picture.largest)"
    case .inks: "it is in CMYK; convert it to RGB"
    case .damaged(let detail): "it is damaged (\(detail))"
    }
  }
}
