/// A fast 64-bit hash that tells one body of data from another, the same on every machine.
///
///     var fingerprint = Fingerprint()
///     fingerprint.add(bytes: [1, 2, 3].span)
///     fingerprint.hexadecimal  // "9efa3f30797e0ffc"
///
/// Every word goes in by a step that can be undone, so bodies of data that differ in a single
/// word never share a fingerprint. It guards against mistakes, not against an adversary.
package struct Fingerprint {
  private var state: UInt64 = 0xcbf2_9ce4_8422_2325

  package init() {}

  /// Adds one word.
  package mutating func add(_ word: UInt64) {
    state = (state ^ word) &* 0x9e37_79b9_7f4a_7c15
    state ^= state >> 32
  }

  /// Adds the number of bytes, then the bytes as little-endian words, the last filled up with 0.
  package mutating func add(bytes: Span<UInt8>) {
    add(UInt64(bytes.count))
    let whole = bytes.count & ~7
    for start in stride(from: 0, to: whole, by: 8) {
      var word: UInt64 = 0
      for offset in 0..<8 { word |= UInt64(bytes[start &+ offset]) << UInt64(8 &* offset) }
      add(word)
    }
    guard whole < bytes.count else { return }
    var word: UInt64 = 0
    for index in whole..<bytes.count { word |= UInt64(bytes[index]) << UInt64(8 * (index - whole)) }
    add(word)
  }

  /// Everything added so far as a number.
  package var word: UInt64 { state }

  /// Everything added so far as 16 hexadecimal digits.
  package var hexadecimal: String { Self.hexadecimal(of: state) }

  /// A fingerprint's number as 16 hexadecimal digits.
  package static func hexadecimal(of word: UInt64) -> String {
    let digits = String(word, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
