import CSPNG
import CTurboJPEG
import Datasets
import Testing

@Suite struct PictureTests {
  // MARK: - PNG

  @Test func `reads back the PNG that it writes`() throws {
    let picture = quarters()
    #expect(try Picture(decoding: picture.png) == picture)
  }

  @Test func `brings every kind of PNG to eight bits of three colours`() throws {
    let palette: [[UInt8]] = [[1, 2, 3], [40, 50, 60], [255, 0, 9], [7, 7, 7]]
    #expect(
      try decoded(
        png(
          [0b00_01_10_11], width: 4, height: 1, bits: 2, color: SPNG_COLOR_TYPE_INDEXED,
          palette: palette)) == Array(palette.joined()))
    #expect(
      try decoded(
        png([0b1010_0000], width: 3, height: 1, bits: 1, color: SPNG_COLOR_TYPE_GRAYSCALE))
        == [255, 255, 255, 0, 0, 0, 255, 255, 255])
    // Sixteen bits, the higher byte first.
    #expect(
      try decoded(
        png(
          [0x12, 0xff, 0x80, 0x00, 0xfe, 0x01], width: 1, height: 1, bits: 16,
          color: SPNG_COLOR_TYPE_TRUECOLOR)) == [0x12, 0x80, 0xfe])
    // What is transparent keeps its colour.
    #expect(
      try decoded(
        png(
          [9, 8, 7, 0], width: 1, height: 1, bits: 8, color: SPNG_COLOR_TYPE_TRUECOLOR_ALPHA))
        == [9, 8, 7])
  }

  @Test func `takes the still image of an animation`() throws {
    let file = quarters().png
    // acTL, which says that there are two images in all, before the first IDAT, after 8 + 25 bytes.
    let control = chunk("acTL", [0, 0, 0, 2, 0, 0, 0, 0])
    #expect(try Picture(decoding: file[..<33] + control + file[33...]) == quarters())
  }

  @Test func `refuses every truncation of a PNG file`() throws {
    let file = quarters(width: 8, height: 6).png
    // The last four bytes are the checksum of the mark that the file ends here.
    for count in 0..<file.count - 4 {
      #expect(throws: PictureError.self) { try Picture(decoding: Array(file.prefix(count))) }
    }
  }

  @Test func `reads no other pixels than were written, whatever byte of a PNG file is damaged`() {
    let file = quarters(width: 8, height: 6).png
    for index in file.indices {
      var damaged = file
      damaged[index] ^= 0x10
      let picture = try? Picture(decoding: damaged)
      #expect(picture == nil || picture == quarters(width: 8, height: 6))
    }
  }

  @Test func `refuses more pixels than there may be before it makes room for them`() throws {
    var header: [UInt8] = [0, 0, 0xff, 0xdc, 0, 0, 0xff, 0xdc, 8, 2, 0, 0, 0]
    let start = quarters().png.prefix(8)
    #expect(throws: PictureError.tooLarge(width: 65_500, height: 65_500)) {
      try Picture(decoding: start + chunk("IHDR", header) + chunk("IDAT", [0]))
    }
    header.replaceSubrange(0..<8, with: [0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 1])
    #expect(throws: PictureError.self) {
      try Picture(decoding: start + chunk("IHDR", header) + chunk("IDAT", [0]))
    }
    // A JPEG file tells its size in two bytes each, after its frame's marker, length and precision.
    var file = jpeg(quarters())
    let frame = try #require((0..<file.count).first { file[$0] == 0xff && file[$0 + 1] == 0xc0 })
    file.replaceSubrange(frame + 5..<frame + 9, with: [0xff, 0xdc, 0xff, 0xdc])
    #expect(throws: PictureError.tooLarge(width: 65_500, height: 65_500)) {
      try Picture(decoding: file)
    }
  }

  // MARK: - JPEG

  @Test(arguments: [false, true])
  func `reads a JPEG file, progressive or not`(isProgressive: Bool) throws {
    let picture = try Picture(decoding: jpeg(quarters(), isProgressive: isProgressive))
    #expect((picture.width, picture.height) == (32, 24))
    #expect(differ(picture.pixels, quarters().pixels) < 40)
  }

  @Test func `decodes no larger than need be, and not smaller`() throws {
    let file = jpeg(quarters(width: 320, height: 240))
    #expect(try Picture(decoding: file, for: 30).height == 30)
    #expect(try Picture(decoding: file, for: 31).height == 60)
    #expect(try Picture(decoding: file, for: 121).height == 240)
  }

  @Test(arguments: 1...8, [true, false])
  func `turns a picture as its camera was held`(orientation: Int, isLittle: Bool) throws {
    let upright = quarters()
    // How the camera would have stored it, pixel by pixel, by the figure of the EXIF standard.
    let (w, h) = (upright.width, upright.height)
    let isSwapped = orientation >= 5
    let (columns, rows) = isSwapped ? (h, w) : (w, h)
    var stored: [UInt8] = []
    for row in 0..<rows {
      for column in 0..<columns {
        // Where the stored row and column lie in the upright picture.
        let (x, y) =
          switch orientation {
          case 1: (column, row)
          case 2: (w - 1 - column, row)
          case 3: (w - 1 - column, h - 1 - row)
          case 4: (column, h - 1 - row)
          case 5: (row, column)
          case 6: (w - 1 - row, column)
          case 7: (w - 1 - row, h - 1 - column)
          default: (row, h - 1 - column)
          }
        stored += upright.pixels[(y * w + x) * 3..<(y * w + x) * 3 + 3]
      }
    }
    let file = jpeg(Picture(width: columns, height: rows, pixels: stored))
    let picture = try Picture(decoding: turned(file, UInt8(orientation), isLittle: isLittle))
    #expect((picture.width, picture.height) == (w, h))
    #expect(differ(picture.pixels, upright.pixels) < 40)
  }

  @Test func `takes no harm from an orientation that is cut off or none`() throws {
    let file = jpeg(quarters())
    for orientation in [UInt8(0), 9, 255] {
      let picture = try Picture(decoding: turned(file, orientation))
      #expect((picture.width, picture.height) == (32, 24))
    }
    let whole = turned(file, 6)
    for count in 4..<60 {
      // Everything behind is EXIF data that ends too early.
      var short = whole
      (short[4], short[5]) = (0, UInt8(count))
      _ = try? Picture(decoding: short)
    }
  }

  @Test func `refuses a JPEG file that is cut off, and four inks`() throws {
    let file = jpeg(quarters())
    for count in stride(from: 0, to: file.count - 2, by: 7) {
      #expect(throws: PictureError.self) { try Picture(decoding: Array(file.prefix(count))) }
    }
    #expect(throws: PictureError.inks) {
      try Picture(decoding: jpeg(quarters(), colors: TJPF_CMYK))
    }
  }

  @Test func `refuses a progressive file of ten thousand scans without computing them`() throws {
    let file = jpeg(quarters(), isProgressive: true)
    // The last scan, from its marker to the end of the image, again and again.
    let scan = try #require((0..<file.count - 1).last { file[$0] == 0xff && file[$0 + 1] == 0xda })
    let repeated = file[scan..<file.count - 2]
    let bomb =
      file[..<scan] + Array(repeatElement(repeated, count: 10_000).joined()) + [0xff, 0xd9]
    #expect(throws: PictureError.self) { try Picture(decoding: Array(bomb)) }
  }

  @Test func `says what is neither`() {
    #expect(throws: PictureError.empty) { try Picture(decoding: []) }
    #expect(throws: PictureError.unknownFormat) { try Picture(decoding: Array("a text".utf8)) }
    #expect(PictureError.unknownFormat.description == "it is neither JPEG nor PNG")
  }

  // MARK: - Size

  @Test func `keeps one colour one colour at every size`() {
    for side in [1, 5, 8, 33] {
      let square = plain([200, 100, 7]).square(side: side)
      #expect((square.width, square.height) == (side, side))
      #expect(square.pixels == Array(repeatElement([200, 100, 7], count: side * side).joined()))
    }
  }

  @Test func `takes the middle, and the mean of what a pixel covers`() {
    // Black, then columns of 0 and 240 in turn, then black: only the middle counts.
    var pixels: [UInt8] = []
    for _ in 0..<8 {
      for x in 0..<24 {
        pixels += Array(repeating: (8..<16).contains(x) && x % 2 == 0 ? 240 : 0, count: 3)
      }
    }
    let picture = Picture(width: 24, height: 8, pixels: pixels)
    let half = picture.square(side: 4)
    // Weights of a triangle over four columns: 1/8, 3/8, 3/8, 1/8, so a half of 240.
    #expect(Array(half.pixels[3..<9]) == [120, 120, 120, 120, 120, 120])
    #expect(picture.square(side: 8).pixels.prefix(6) == [240, 240, 240, 0, 0, 0])
  }

  @Test func `shows the classes of a data set in lines`() throws {
    let dataset = ImageDataset(
      pixels: [10, 20, 30], labels: [1, 0, 1], height: 1, width: 1, channels: 1, classes: 2)
    let sheet = Picture(sheetOf: dataset, columns: 2)
    // Two lines of two images of 48 pixels, between margins of two.
    #expect((sheet.width, sheet.height) == (102, 102))
    func grey(_ x: Int, _ y: Int) -> UInt8 { sheet.pixels[(y * 102 + x) * 3] }
    #expect((grey(2, 2), grey(52, 2), grey(2, 52), grey(52, 52)) == (20, 255, 10, 30))
    #expect(try Picture(decoding: sheet.png) == sheet)
  }

  // MARK: - Steps

  private func decoded(_ file: [UInt8]) throws -> [UInt8] { try Picture(decoding: file).pixels }

  /// The mean difference of two pictures' values.
  private func differ(_ a: [UInt8], _ b: [UInt8]) -> Double {
    zip(a, b).reduce(0) { $0 + abs(Double($1.0) - Double($1.1)) } / Double(a.count)
  }

  /// A chunk of a PNG file, with its checksum.
  private func chunk(_ name: String, _ content: [UInt8]) -> [UInt8] {
    func number(_ value: UInt32) -> [UInt8] {
      (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) }
    }
    let body = Array(name.utf8) + content
    var sum: UInt32 = .max
    for byte in body {
      sum ^= UInt32(byte)
      for _ in 0..<8 { sum = sum & 1 == 1 ? sum >> 1 ^ 0xedb8_8320 : sum >> 1 }
    }
    return number(UInt32(content.count)) + body + number(~sum)
  }
}
