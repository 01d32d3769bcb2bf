import Networks
import Testing

@Suite struct SafetensorsTests {
  let weights = Safetensors(
    [
      .init(name: "z.weight", shape: [2, 3], values: [1, -2.5, 0, .infinity, .ulpOfOne, -0.0]),
      .init(name: "scalar", shape: [], values: [7]),
      .init(name: "empty", shape: [0, 4], values: []),
      .init(name: "a \"quoted\" \\ näme\n\u{1}🙂", shape: [1], values: [3]),
    ], metadata: ["nas.step": "12", "format": "pt", "line\n\"": "\u{7f}\u{1f}é"])

  @Test func `reads what it has written`() throws {
    let copy = try Safetensors(decoding: weights.encoded())
    #expect(copy == weights)
    #expect(copy.tensors.map(\.name) == weights.tensors.map(\.name))
    #expect(copy["z.weight"]?.values[5].sign == .minus)
    #expect(copy["none"] == nil)
  }

  @Test func `reads back no tensor at all`() throws {
    #expect(try Safetensors(decoding: Safetensors().encoded()) == Safetensors())
  }

  @Test func `keeps every bit of a number that is none`() throws {
    let value = Float(bitPattern: 0x7fc1_2345)
    let bytes = Safetensors([.init(name: "nan", shape: [1], values: [value])]).encoded()
    #expect(try Safetensors(decoding: bytes)["nan"]?.values[0].bitPattern == 0x7fc1_2345)
  }

  @Test func `writes the same bytes for the same content, for ever`() {
    let bytes = Safetensors(
      [.init(name: "w", shape: [2], values: [1, 2])], metadata: ["b": "2", "a": "1"]
    ).encoded()
    let header =
      #"{"__metadata__":{"a":"1","b":"2","nas.checksum":"ad6e2d4aeb4375be"},"#
      + #""w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#
    #expect(String(decoding: bytes[8...].prefix(header.utf8.count), as: UTF8.self) == header)
    #expect(bytes.count % 8 == 0)
    #expect(Int(bytes[0]) + 8 + 8 == bytes.count)
    #expect(bytes.suffix(8) == [0, 0, 0x80, 0x3f, 0, 0, 0, 0x40])
  }

  @Test func `widens small floats and reads counters`() throws {
    let header = """
      {"half": {"dtype": "F16", "shape": [3], "data_offsets": [0, 6]},
       "brain": {"dtype": "BF16", "shape": [2], "data_offsets": [6, 10]},
       "counter": {"dtype": "I64", "shape": [], "data_offsets": [10, 18]},
       "byte": {"dtype": "U8", "shape": [2], "data_offsets": [18, 20]}}
      """
    let read = try Safetensors(
      decoding: file(
        header,
        [0x00, 0x3c, 0x01, 0x00, 0x00, 0xfc, 0x80, 0x3f, 0x49, 0xc0]
          + [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 255]))
    #expect(read["half"]?.values == [1, 0x1p-24, -.infinity])
    #expect(read["brain"]?.values == [1, -3.140625])
    #expect(read["counter"]?.values == [-2])
    #expect(read["byte"]?.values == [0, 255])
  }

  @Test func `reads what the format allows and we never write`() throws {
    // Space anywhere, escapes, another order of members, and entries in another order than the
    // data they describe.
    let read = try Safetensors(
      decoding: file(
        "{ \"\\u0062\\ud83d\\ude42\\/\" :\t{\"data_offsets\":[4,8] , \"shape\":[ 1,1 ],\r\n"
          + "\"dtype\":\"F32\"},\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}   ",
        [0, 0, 0x80, 0x3f, 0, 0, 0, 0x40]))
    #expect(read.tensors.map(\.name) == ["a", "b🙂/"])
    #expect(read["b🙂/"]?.values == [2])
  }

  // MARK: - What the format's own reader refuses

  @Test func `refuses an empty file and one without a header`() {
    expect(.tooShort(bytes: 0), from: [])
    expect(.tooShort(bytes: 7), from: [0, 0, 0, 0, 0, 0, 0])
    expect(.invalidHeader(offset: 8, expected: "'{'"), from: [UInt8](repeating: 0, count: 8))
  }

  @Test func `refuses every truncation`() {
    let bytes = weights.encoded()
    for count in bytes.indices {
      #expect(throws: SafetensorsError.self) {
        try Safetensors(decoding: Array(bytes.prefix(count)))
      }
    }
  }

  @Test func `refuses a byte after the last tensor`() {
    expect(.dataSize(declared: 32, found: 33), from: weights.encoded() + [0])
  }

  @Test func `refuses a header larger than the format allows`() {
    expect(
      .headerTooLarge(declared: 1 << 63), from: [0, 0, 0, 0, 0, 0, 0, 0x80] + Array("{}".utf8))
    expect(.headerTooLarge(declared: .max), from: [UInt8](repeating: 0xff, count: 64))
    expect(.headerTooLarge(declared: 100_000_001), from: [0x01, 0xe1, 0xf5, 0x05, 0, 0, 0, 0])
  }

  @Test func `refuses a header longer than the file`() {
    expect(.headerIncomplete(declared: 3, found: 2), from: [3, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0x7d])
  }

  @Test func `refuses a tensor whose bytes do not fit its shape`() {
    expect(
      .sizeMismatch(tensor: "w", expected: 12, found: 8),
      from: file(tensor("w", [3], 0, 8), [UInt8](repeating: 0, count: 8)))
  }

  @Test func `refuses a shape whose bytes overflow`() {
    let shape = [1 << 62, 4, 0]
    expect(.shapeTooLarge(tensor: "w", shape: shape), from: file(tensor("w", shape, 0, 0), []))
  }

  @Test func `refuses overlaps and holes`() {
    expect(
      .misplaced(tensor: "b", begin: 4, expected: 8),
      from: file(tensor("a", [2], 0, 8) + tensor("b", [2], 4, 12), [UInt8](repeating: 0, count: 12))
    )
    expect(
      .misplaced(tensor: "b", begin: 8, expected: 4),
      from: file(tensor("a", [1], 0, 4) + tensor("b", [1], 8, 12), [UInt8](repeating: 0, count: 12))
    )
    expect(
      .misplaced(tensor: "a", begin: 4, expected: 0),
      from: file(tensor("a", [1], 4, 8), [UInt8](repeating: 0, count: 8)))
  }

  // MARK: - What else is refused

  @Test func `refuses the same key twice, anywhere`() {
    expect(
      .duplicateKey("w"),
      from: file(tensor("w", [1], 0, 4) + tensor("w", [1], 4, 8), [UInt8](repeating: 0, count: 8)))
    expect(.duplicateKey("a"), from: file(#"{"__metadata__":{"a":"1","\u0061":"2"}}"#, []))
    expect(.duplicateKey("dtype"), from: file(#"{"w":{"dtype":"F32","dtype":"F32"}}"#, []))
    expect(.duplicateKey("__metadata__"), from: file(#"{"__metadata__":{},"__metadata__":{}}"#, []))
  }

  @Test func `refuses types that are no floats`() {
    expect(
      .unsupportedType(tensor: "w", type: "F8_E4M3"),
      from: file(#"{"w":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}}"#, [0]))
  }

  @Test func `refuses a million tensors`() {
    let entries = (0..<1_000_000).map {
      #""\#($0)":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}"#
    }
    expect(.tooManyTensors, from: file("{\(entries.joined(separator: ","))}", []))
  }

  @Test(arguments: [
    "", " {}", "[]", "{", "{\"a", "{\"a\"", "{\"a\":", "{\"a\":1}", "{}x", "{},", "{,}",
    "{\"a\":{}}",
    #"{"__metadata__":{"a":1}}"#, #"{"__metadata__":{"a":null}}"#, #"{"__metadata__":"a"}"#,
    #"{"w":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},}"#,
    #"{"w":{"dtype":"F32","shape":[-1],"data_offsets":[0,0]}}"#,
    #"{"w":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}}"#,
    #"{"w":{"dtype":"F32","shape":[01],"data_offsets":[0,4]}}"#,
    #"{"w":{"dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,0]}}"#,
    #"{"w":{"dtype":"F32","shape":[0],"data_offsets":[0]}}"#,
    #"{"w":{"dtype":"F32","shape":[0],"data_offsets":[4,0]}}"#,
    #"{"w":{"dtype":"F32","shape":[0],"data_offsets":[0,0],"more":1}}"#,
    #"{"w":{"shape":[0],"data_offsets":[0,0]}}"#, #"{"\x":{}}"#, #"{"\ud800":{}}"#,
    #"{"\ud800\u0041":{}}"#, #"{"\udc00":{}}"#, #"{"\u00g0":{}}"#, "{\"a\nb\":{}}",
  ])
  func `refuses a header of another form`(header: String) {
    let error = #expect(throws: SafetensorsError.self) {
      try Safetensors(decoding: file(header, []))
    }
    guard case .invalidHeader = error else {
      Issue.record("another error: \(String(describing: error))")
      return
    }
  }

  @Test func `refuses a name that is not UTF-8`() {
    let header = Array("{\"".utf8) + [0xc0, 0x80] + Array("\":{}}".utf8)
    expect(
      .invalidHeader(offset: 12, expected: "UTF-8 before this"),
      from: [UInt8(header.count), 0, 0, 0, 0, 0, 0, 0] + header)
  }

  @Test func `refuses values that were changed`() {
    let bytes = weights.encoded()
    for index in (bytes.count - 32)..<bytes.count {
      var changed = bytes
      changed[index] ^= 0x10
      expect(.wrongChecksum, from: changed)
    }
  }

  @Test func `survives any single damaged byte`() {
    let bytes = weights.encoded()
    for index in bytes.indices {
      for change: UInt8 in [0x01, 0x20, 0x80, 0xff] {
        var changed = bytes
        changed[index] ^= change
        // It may be read, for a changed letter of a name is still a name, but must not trap.
        _ = try? Safetensors(decoding: changed)
      }
    }
  }

  @Test func `says on one line what is wrong and what to do`() {
    #expect(
      SafetensorsError.duplicateKey("a\n\"b").description
        == #"The key "a\n\"b" occurs twice; write the file again."#)
    let long = SafetensorsError.duplicateKey(String(repeating: "x", count: 1 << 20)).description
    #expect(long.count < 140)
  }

  @Test func `traps when two tensors have one name`() async {
    await #expect(processExitsWith: .failure) {
      _ = Safetensors([
        .init(name: "w", shape: [], values: [1]), .init(name: "w", shape: [], values: [2]),
      ])
    }
  }

  @Test func `traps when the values do not fit the shape`() async {
    await #expect(processExitsWith: .failure) {
      _ = Safetensors.Tensor(name: "w", shape: [2, 2], values: [1])
    }
  }

  // MARK: - Steps

  private func expect(
    _ expected: SafetensorsError, from bytes: [UInt8],
    at location: SourceLocation = #_sourceLocation
  ) {
    #expect(throws: expected, sourceLocation: location) { try Safetensors(decoding: bytes) }
  }

  /// Returns a file of the given header and data.
  private func file(_ header: String, _ data: [UInt8]) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: header.utf8.count >> (8 * $0)) } + header.utf8 + data
  }

  private func file(_ entries: [String], _ data: [UInt8]) -> [UInt8] {
    file("{\(entries.joined(separator: ","))}", data)
  }

  private func tensor(_ name: String, _ shape: [Int], _ begin: Int, _ end: Int) -> [String] {
    [#""\#(name)":{"dtype":"F32","shape":\#(shape),"data_offsets":[\#(begin),\#(end)]}"#]
  }
}
