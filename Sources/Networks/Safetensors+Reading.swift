extension Safetensors {
  /// Reads the bytes of a file.
  ///
  /// The types `F32`, `F16` and `BF16` become floats without loss; `I64` and `U8`, in which some
  /// files keep counters, become the nearest floats. Other types are refused. Tensors come in the
  /// order of their values in the file.
  ///
  /// The reader is as strict as the format's own: all the bytes belong to exactly one tensor. If
  /// there is a checksum, it must be right.
  ///
  /// - Throws: ``SafetensorsError`` with the first reason why `bytes` is not such a file.
  /// - Complexity: O(`bytes.count`), in time and in memory, whatever the header claims.
  public init(decoding bytes: [UInt8]) throws(SafetensorsError) {
    guard bytes.count >= 8 else { throw .tooShort(bytes: bytes.count) }
    let declared = bytes[..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard declared <= Self.highestHeaderSize else { throw .headerTooLarge(declared: declared) }
    let dataStart = 8 + Int(declared)
    guard dataStart <= bytes.count else {
      throw .headerIncomplete(declared: Int(declared), found: bytes.count - 8)
    }

    var header = HeaderReader(bytes: bytes[8..<dataStart])
    try header.read()
    self.init(metadata: header.metadata)
    let data = bytes.span.extracting(dataStart..<bytes.count)
    // Tensors without values begin where another begins; among those the header's order counts.
    let entries = header.entries.enumerated().sorted { a, b in
      (a.element.begin, a.element.end, a.offset) < (b.element.begin, b.element.end, b.offset)
    }.map(\.element)
    var end = 0
    for entry in entries {
      guard entry.begin == end else {
        throw .misplaced(tensor: entry.name, begin: entry.begin, expected: end)
      }
      end = entry.end
    }
    guard end == data.count else { throw .dataSize(declared: end, found: data.count) }
    if let checksum = metadata.removeValue(forKey: Self.checksumKey) {
      guard checksum == Self.checksum(of: data) else { throw .wrongChecksum }
    }
    for entry in entries {
      append(
        Tensor(
          name: entry.name, shape: entry.shape,
          values: entry.type.floats(in: data.extracting(entry.begin..<entry.end))))
    }
  }
}

/// A type of number that can be read.
private enum ElementType: String {
  case float32 = "F32"
  case float16 = "F16"
  case bfloat16 = "BF16"
  case int64 = "I64"
  case uint8 = "U8"

  /// The bytes of one number.
  var size: Int {
    switch self {
    case .int64: 8
    case .float32: 4
    case .float16, .bfloat16: 2
    case .uint8: 1
    }
  }

  /// Returns the numbers in `bytes`, whose count is a multiple of ``size``.
  func floats(in bytes: Span<UInt8>) -> [Float] {
    func numbers(_ float: (UInt64) -> Float) -> [Float] {
      stride(from: 0, to: bytes.count, by: size).map { start in
        var bits: UInt64 = 0
        for byte in 0..<size { bits |= UInt64(bytes[start &+ byte]) << UInt64(8 &* byte) }
        return float(bits)
      }
    }
    return switch self {
    case .float32: numbers { Float(bitPattern: UInt32(truncatingIfNeeded: $0)) }
    case .float16: numbers { Float(Float16(bitPattern: UInt16(truncatingIfNeeded: $0))) }
    case .bfloat16: numbers { Float(bitPattern: UInt32(truncatingIfNeeded: $0) << 16) }
    case .int64: numbers { Float(Int64(bitPattern: $0)) }
    case .uint8: numbers { Float($0) }
    }
  }
}

/// What the header says about one tensor, checked as far as that goes without its neighbours.
private struct Entry {
  let name: String
  let type: ElementType
  let shape: [Int]
  let begin: Int
  let end: Int
}

/// A reader of the JSON that headers consist of, and of no other.
///
/// It is our own because common readers of JSON keep the last of two equal keys in silence, where
/// the format forbids them.
private struct HeaderReader {
  private(set) var entries: [Entry] = []
  private(set) var metadata: [String: String] = [:]

  private let bytes: ArraySlice<UInt8>
  private var position: Int

  init(bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
    position = bytes.startIndex
  }

  /// Reads the whole header.
  mutating func read() throws(SafetensorsError) {
    guard bytes.first == UInt8(ascii: "{") else { throw invalid("'{'") }
    try object { (reader, key) throws(SafetensorsError) in
      guard key == Safetensors.metadataKey else { return try reader.readEntry(called: key) }
      try reader.object { (reader, key) throws(SafetensorsError) in
        reader.metadata[key] = try reader.string()
      }
    }
    skipSpace()
    guard position == bytes.endIndex else { throw invalid("nothing but spaces") }
  }

  private mutating func readEntry(called name: String) throws(SafetensorsError) {
    guard entries.count < Safetensors.highestTensorCount else { throw .tooManyTensors }
    var type: String?
    var shape: [Int]?
    var offsets: [Int]?
    try object { (reader, key) throws(SafetensorsError) in
      switch key {
      case "dtype": type = try reader.string()
      case "shape": shape = try reader.numbers()
      case "data_offsets": offsets = try reader.numbers()
      default: throw reader.invalid("no key but dtype, shape and data_offsets")
      }
    }
    guard let type, let shape, let offsets, offsets.count == 2, offsets[0] <= offsets[1] else {
      throw invalid("dtype, shape and two ascending data_offsets before this")
    }
    guard let elementType = ElementType(rawValue: type) else {
      throw .unsupportedType(tensor: name, type: type)
    }
    var size = elementType.size
    for length in shape {
      let (product, overflow) = size.multipliedReportingOverflow(by: length)
      guard !overflow else { throw .shapeTooLarge(tensor: name, shape: shape) }
      size = product
    }
    let (begin, end) = (offsets[0], offsets[1])
    guard end - begin == size else {
      throw .sizeMismatch(tensor: name, expected: size, found: end - begin)
    }
    entries.append(Entry(name: name, type: elementType, shape: shape, begin: begin, end: end))
  }

  // MARK: - JSON

  /// Reads an object, of which `member` reads each value, given the key.
  private mutating func object(
    _ member: (inout HeaderReader, String) throws(SafetensorsError) -> Void
  ) throws(SafetensorsError) {
    var keys: Set<String> = []
    try expect("{")
    if skip("}") { return }
    repeat {
      let key = try string()
      guard keys.insert(key).inserted else { throw .duplicateKey(key) }
      try expect(":")
      try member(&self, key)
    } while skip(",")
    try expect("}")
  }

  /// Reads an array of at most 32 whole numbers that are not negative.
  private mutating func numbers() throws(SafetensorsError) -> [Int] {
    var numbers: [Int] = []
    try expect("[")
    if skip("]") { return numbers }
    repeat {
      guard numbers.count < 32 else { throw invalid("no more than 32 numbers") }
      numbers.append(try number())
    } while skip(",")
    try expect("]")
    return numbers
  }

  private mutating func number() throws(SafetensorsError) -> Int {
    skipSpace()
    let digits = bytes[position...].prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    let isPlain = digits.count == 1 || digits.first != UInt8(ascii: "0")
    guard isPlain, let number = Int(String(decoding: digits, as: UTF8.self)) else {
      throw invalid("a whole number below 2⁶³")
    }
    position = digits.endIndex
    return number
  }

  private mutating func string() throws(SafetensorsError) -> String {
    try expect("\"")
    var units: [UInt8] = []
    while position < bytes.endIndex {
      let byte = bytes[position]
      switch byte {
      case UInt8(ascii: "\""):
        guard let text = String(validating: units, as: UTF8.self) else {
          throw invalid("UTF-8 before this")
        }
        position += 1
        return text
      case UInt8(ascii: "\\"):
        position += 1
        units.append(contentsOf: String(try escapedScalar()).utf8)
      case 0..<0x20:
        throw invalid("no control character in a string")
      default:
        units.append(byte)
        position += 1
      }
    }
    throw invalid("the end of a string")
  }

  /// Reads what follows a backslash.
  private mutating func escapedScalar() throws(SafetensorsError) -> Unicode.Scalar {
    guard position < bytes.endIndex else { throw invalid("the end of a string") }
    let letter = bytes[position]
    position += 1
    switch letter {
    case UInt8(ascii: "\""): return "\""
    case UInt8(ascii: "\\"): return "\\"
    case UInt8(ascii: "/"): return "/"
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{c}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"):
      let first = try codeUnit()
      guard UTF16.isLeadSurrogate(first) else {
        guard let scalar = Unicode.Scalar(first) else { throw invalid("a pair of surrogates") }
        return scalar
      }
      guard bytes[position...].starts(with: "\\u".utf8) else {
        throw invalid("a pair of surrogates")
      }
      position += 2
      let second = try codeUnit()
      guard UTF16.isTrailSurrogate(second) else { throw invalid("a pair of surrogates") }
      return UTF16.decode(UTF16.EncodedScalar([first, second]))
    default:
      throw invalid("an escape of JSON")
    }
  }

  private mutating func codeUnit() throws(SafetensorsError) -> UInt16 {
    let digits = String(decoding: bytes[position...].prefix(4), as: UTF8.self)
    guard digits.count == 4, digits.allSatisfy(\.isHexDigit), let unit = UInt16(digits, radix: 16)
    else { throw invalid("four hexadecimal digits") }
    position += 4
    return unit
  }

  private mutating func expect(_ character: Unicode.Scalar) throws(SafetensorsError) {
    guard skip(character) else { throw invalid("'\(character)'") }
  }

  /// Moves past `character`, if that comes next, and tells whether it did.
  private mutating func skip(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    guard position < bytes.endIndex, bytes[position] == UInt8(ascii: character) else {
      return false
    }
    position += 1
    return true
  }

  private mutating func skipSpace() {
    while position < bytes.endIndex, [0x20, 0x09, 0x0a, 0x0d].contains(bytes[position]) {
      position += 1
    }
  }

  private func invalid(_ expected: String) -> SafetensorsError {
    .invalidHeader(offset: position, expected: expected)
  }
}
