import CSPNG
import Glibc

extension Picture {
  /// The most bytes that a chunk of a PNG file other than its pixels may unpack to.
  private static let largestChunk = 1 << 24

  /// Decodes a PNG file of any kind to eight bits of red, green and blue.
  ///
  /// Palettes are looked up, grey is made colour, 16 bits are cut to 8, and of an animation the still
  /// image is taken.
  static func decodePNG(_ bytes: [UInt8]) throws(PictureError) -> (Picture, Orientation) {
    var problem: Int32 = 0
    var size = (width: 0, height: 0)
    var exif: [UInt8] = []
    // The decoder reads from the bytes for as long as it lives.
    let pixels: [UInt8]? = unsafe bytes.withUnsafeBytes { file in
      guard let decoder = unsafe spng_ctx_new(0) else {
        problem = Int32(SPNG_EMEM.rawValue)
        return nil
      }
      defer { unsafe spng_ctx_free(decoder) }
      unsafe spng_set_image_limits(decoder, UInt32(largest), UInt32(largest))
      unsafe spng_set_chunk_limits(decoder, largestChunk, largestChunk)
      unsafe spng_set_png_buffer(decoder, file.baseAddress, file.count)
      var header = spng_ihdr()
      problem = unsafe spng_get_ihdr(decoder, &header)
      guard problem == 0 else { return nil }
      size = (Int(header.width), Int(header.height))
      guard (try? check(width: size.width, height: size.height)) != nil else { return nil }

      let count = size.width * size.height * 3
      let pixels = unsafe [UInt8](unsafeUninitializedCapacity: count) { room, filled in
        problem = unsafe spng_decode_image(
          decoder, room.baseAddress, count, Int32(SPNG_FMT_RGB8.rawValue), 0)
        // The pixels may be there and wrong: the checksum behind them tells, and the end of the file.
        if problem == 0 { problem = unsafe spng_decode_chunks(decoder) }
        filled = problem == 0 ? count : 0
      }
      var found = unsafe spng_exif()
      if unsafe spng_get_exif(decoder, &found) == 0 {
        exif = unsafe Array(UnsafeRawBufferPointer(start: found.data, count: found.length))
      }
      return pixels
    }
    guard problem == 0 else { throw .damaged(unsafe String(cString: spng_strerror(problem))) }
    try check(width: size.width, height: size.height)
    guard let pixels else { throw .damaged("no memory to decode it") }
    return (
      Picture(width: size.width, height: size.height, pixels: pixels),
      Orientation(ofEXIF: exif[...])
    )
  }

  /// The picture as a PNG file.
  package var png: [UInt8] {
    guard let encoder = unsafe spng_ctx_new(Int32(SPNG_CTX_ENCODER.rawValue)) else {
      preconditionFailure("no memory for a PNG encoder")
    }
    defer { unsafe spng_ctx_free(encoder) }
    var header = spng_ihdr()
    (header.width, header.height) = (UInt32(width), UInt32(height))
    header.bit_depth = 8
    header.color_type = UInt8(SPNG_COLOR_TYPE_TRUECOLOR.rawValue)
    unsafe spng_set_option(encoder, SPNG_ENCODE_TO_BUFFER, 1)
    unsafe spng_set_ihdr(encoder, &header)
    var status = unsafe spng_encode_image(
      encoder, pixels, pixels.count, Int32(SPNG_FMT_PNG.rawValue),
      Int32(SPNG_ENCODE_FINALIZE.rawValue))
    var count = 0
    guard status == 0, let file = unsafe spng_get_png_buffer(encoder, &count, &status) else {
      preconditionFailure(
        "\(width)×\(height) pixels as PNG: \(unsafe String(cString: spng_strerror(status)))")
    }
    defer { unsafe free(file) }
    return unsafe Array(UnsafeRawBufferPointer(start: file, count: count))
  }
}
