import CTurboJPEG

extension Picture {
  /// Decodes a JPEG file at the smallest of the library's scales whose shorter side is at least `side`.
  ///
  /// Whatever the library warns of counts as damage: the pixels behind it are made up. A progressive
  /// file of more scans than the library's limit is refused, as each takes as long as an image.
  static func decodeJPEG(
    _ bytes: [UInt8], for side: Int
  ) throws(PictureError) -> (Picture, Orientation) {
    guard let decoder = unsafe tjInitDecompress() else { throw .damaged("no memory to decode it") }
    defer { unsafe tjDestroy(decoder) }
    func failure() -> PictureError {
      .damaged(unsafe String(cString: tjGetErrorStr2(decoder)))
    }

    var (width, height, sampling, colors): (Int32, Int32, Int32, Int32) = (0, 0, 0, 0)
    guard
      unsafe tjDecompressHeader3(
        decoder, bytes, UInt(bytes.count), &width, &height, &sampling, &colors) == 0
    else { throw failure() }
    try check(width: Int(width), height: Int(height))
    guard colors != Int32(TJCS_CMYK.rawValue), colors != Int32(TJCS_YCCK.rawValue) else {
      throw .inks
    }

    // The scales are n/8; an eighth, a quarter and a half save the most.
    let shorter = Int(min(width, height))
    let divisor = [8, 4, 2].first { (shorter + $0 - 1) / $0 >= side } ?? 1
    let (columns, rows) = (
      (Int(width) + divisor - 1) / divisor, (Int(height) + divisor - 1) / divisor
    )
    var status: Int32 = -1
    let pixels = unsafe [UInt8](unsafeUninitializedCapacity: columns * rows * 3) { room, count in
      status = unsafe tjDecompress2(
        decoder, bytes, UInt(bytes.count), room.baseAddress, Int32(columns), 0, Int32(rows),
        Int32(TJPF_RGB.rawValue), TJFLAG_LIMITSCANS | TJFLAG_STOPONWARNING)
      // What was not decoded is not looked at: a failure is thrown below.
      count = status == 0 ? columns * rows * 3 : 0
    }
    guard status == 0 else { throw failure() }
    return (Picture(width: columns, height: rows, pixels: pixels), Orientation(ofJPEG: bytes))
  }
}
