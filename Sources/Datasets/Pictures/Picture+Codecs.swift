import CSPNG
import CTurboJPEG

extension Picture {
  /// The libraries that decode images; libjpeg-turbo does not tell its version.
  package static var codecs: String {
    "libjpeg-turbo and libspng \(unsafe String(cString: spng_version_string()))"
  }

  /// Whether each library reads a small picture that it wrote.
  package static var codecsAgree: Bool {
    let picture = Picture(width: 16, height: 16, pixels: [UInt8](repeating: 200, count: 768))
    guard let jpeg = picture.jpeg, let decoded = try? Picture(decoding: jpeg) else { return false }
    // One even colour loses next to nothing.
    return (try? Picture(decoding: picture.png)) == picture
      && decoded.pixels.allSatisfy { 198...202 ~= $0 }
  }

  /// The picture as a JPEG file of high quality; `nil` if the library fails.
  private var jpeg: [UInt8]? {
    guard let encoder = unsafe tjInitCompress() else { return nil }
    defer { unsafe tjDestroy(encoder) }
    var file: UnsafeMutablePointer<UInt8>?
    var size: UInt = 0
    defer { unsafe tjFree(file) }
    let status = unsafe tjCompress2(
      encoder, pixels, Int32(width), 0, Int32(height), Int32(TJPF_RGB.rawValue), &file, &size,
      Int32(TJSAMP_444.rawValue), 95, 0)
    guard status == 0 else { return nil }
    return unsafe Array(UnsafeBufferPointer(start: file, count: Int(size)))
  }
}
