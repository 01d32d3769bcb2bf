import CSPNG
import CTurboJPEG
import Datasets
import Foundation

// Files of images as other programs would make them, and what is wrong with some.

/// A picture of one colour.
func plain(_ color: [UInt8], width: Int = 20, height: Int = 12) -> Picture {
  Picture(
    width: width, height: height,
    pixels: Array(repeatElement(color, count: width * height).joined()))
}

/// Red to the left and blue to the right, green above and black below.
func quarters(width: Int = 32, height: Int = 24) -> Picture {
  Picture(
    width: width, height: height,
    pixels: (0..<width * height).flatMap { index -> [UInt8] in
      let (x, y) = (index % width, index / width)
      return [x < width / 2 ? 255 : 0, y < height / 2 ? 255 : 0, x < width / 2 ? 0 : 255]
    })
}

/// Returns a picture as a JPEG file, in `colors` such as `TJPF_CMYK` of as many values a pixel.
func jpeg(
  _ picture: Picture, colors: TJPF = TJPF_RGB, isProgressive: Bool = false
) -> [UInt8] {
  let encoder = tjInitCompress()
  defer { tjDestroy(encoder) }
  var file: UnsafeMutablePointer<UInt8>?
  var size: UInt = 0
  let values =
    colors == TJPF_CMYK
    ? [UInt8](repeating: 90, count: picture.width * picture.height * 4) : picture.pixels
  tjCompress2(
    encoder, values, Int32(picture.width), 0, Int32(picture.height), Int32(colors.rawValue), &file,
    &size, Int32(TJSAMP_444.rawValue), 95, isProgressive ? TJFLAG_PROGRESSIVE : 0)
  defer { tjFree(file) }
  return Array(UnsafeBufferPointer(start: file, count: Int(size)))
}

/// Puts an orientation into a JPEG file, as cameras do.
func turned(_ jpeg: [UInt8], _ orientation: UInt8, isLittle: Bool = true) -> [UInt8] {
  let number: (Int, Int) -> [UInt8] = { value, count in
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    return isLittle ? bytes : bytes.reversed()
  }
  let tiff =
    Array((isLittle ? "II" : "MM").utf8) + number(42, 2) + number(8, 4) + number(2, 2)
    // Another entry before it: the camera's maker.
    + number(0x010f, 2) + number(2, 2) + number(4, 4) + Array("nas\0".utf8)
    + number(0x0112, 2) + number(3, 2) + number(1, 4) + number(Int(orientation), 2) + [0, 0]
    + number(0, 4)
  let content = Array("Exif\0\0".utf8) + tiff
  let length = content.count + 2
  return jpeg[..<2] + [0xff, 0xe1, UInt8(length >> 8), UInt8(length & 255)] + content + jpeg[2...]
}

/// Returns a PNG file of another kind than the product writes.
///
/// The values are those of all pixels as the file has them, the palette the colours that they stand for
/// if they do.
func png(
  _ values: [UInt8], width: Int, height: Int, bits: UInt8, color: spng_color_type,
  palette: [[UInt8]] = []
) -> [UInt8] {
  let encoder = spng_ctx_new(Int32(SPNG_CTX_ENCODER.rawValue))
  defer { spng_ctx_free(encoder) }
  var header = spng_ihdr()
  (header.width, header.height) = (UInt32(width), UInt32(height))
  (header.bit_depth, header.color_type) = (bits, UInt8(color.rawValue))
  spng_set_option(encoder, SPNG_ENCODE_TO_BUFFER, 1)
  spng_set_ihdr(encoder, &header)
  if !palette.isEmpty {
    var table = spng_plte()
    table.n_entries = UInt32(palette.count)
    withUnsafeMutableBytes(of: &table.entries) { bytes in
      for (index, entry) in palette.enumerated() {
        for channel in 0..<3 { bytes[4 * index + channel] = entry[channel] }
      }
    }
    spng_set_plte(encoder, &table)
  }
  var status = spng_encode_image(
    encoder, values, values.count, Int32(SPNG_FMT_RAW.rawValue),
    Int32(SPNG_ENCODE_FINALIZE.rawValue))
  var count = 0
  let file = spng_get_png_buffer(encoder, &count, &status)
  defer { free(file) }
  return Array(UnsafeRawBufferPointer(start: file, count: count))
}

extension TemporaryFolder {
  /// Writes a file into folders that are made if need be.
  @discardableResult
  func write(_ bytes: [UInt8], deep name: String) throws -> String {
    let folder = "\(path)/\(name.split(separator: "/").dropLast().joined(separator: "/"))"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    return try write(bytes, as: name)
  }

  /// Writes an image folder of two classes: red and blue ones, `count` of each.
  func writeImages(part: String = "train", count: Int = 3) throws {
    for index in 0..<count {
      try write(jpeg(plain([230, 10, 10])), deep: "\(part)/red/\(index).jpg")
      try write(plain([10, 10, 230]).png, deep: "\(part)/blue/\(index).PNG")
    }
  }
}

/// A record of CIFAR whose planes have a value each.
func cifarRecord(_ labels: [UInt8], red: UInt8 = 1, green: UInt8 = 2, blue: UInt8 = 3) -> [UInt8] {
  labels + [red, green, blue].flatMap { [UInt8](repeating: $0, count: 1024) }
}

/// A tar archive of some files; some have kinds of their own, such as `2` for a link.
func tar(_ files: [(name: String, bytes: [UInt8])], kinds: [String: Character] = [:]) -> [UInt8] {
  func field(_ text: String, _ count: Int) -> [UInt8] {
    Array(text.utf8) + [UInt8](repeating: 0, count: count - text.utf8.count)
  }
  func octal(_ number: Int, _ digits: Int) -> String {
    let text = String(number, radix: 8)
    return String(repeating: "0", count: digits - text.count) + text
  }
  return files.flatMap { file -> [UInt8] in
    var header =
      field(file.name, 100) + field(octal(0o644, 7), 8) + field("", 16)
      + field(octal(file.bytes.count, 11), 12) + field(octal(0, 11), 12)
      + Array("        ".utf8) + Array(String(kinds[file.name] ?? "0").utf8)
    header += [UInt8](repeating: 0, count: 512 - header.count)
    let sum = header.reduce(0) { $0 + Int($1) }
    header.replaceSubrange(148..<156, with: field(octal(sum, 6), 7) + [32])
    return header + file.bytes + [UInt8](repeating: 0, count: (512 - file.bytes.count % 512) % 512)
  } + [UInt8](repeating: 0, count: 1024)
}
