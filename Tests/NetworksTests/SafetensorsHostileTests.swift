import Foundation
import Networks
import SearchSpace
import Testing

/// Files that no one writes who means well.
@Suite(.serialized) struct SafetensorsHostileTests {
  /// Turns a good file into others by a few changes a time; the checksum, which would find them all,
  /// is left out of it.
  @Test func `makes tensors or an error of anything`() throws {
    let seed: UInt64 = 20_261_121
    print("mutating a safetensors file with seed \(seed)")
    var generator = SeededGenerator(seed: seed)
    let header = """
      {"__metadata__":{"format":"pt","a\\u0062":"\\"é"},\
      "conv1.weight":{"dtype":"F32","shape":[2,1,1,3],"data_offsets":[0,24]},\
      "half":{"dtype":"F16","shape":[3],"data_offsets":[24,30]},\
      "brain":{"dtype":"BF16","shape":[1,1],"data_offsets":[30,32]},\
      "count":{"dtype":"I64","shape":[],"data_offsets":[32,40]},\
      "none":{"dtype":"F32","shape":[0,9],"data_offsets":[40,40]}}
      """
    let size = UInt64(header.utf8.count)
    let start =
      (0..<8).map { UInt8(truncatingIfNeeded: size >> (8 * $0)) } + Array(header.utf8)
      + (0..<40).map { UInt8($0) }
    #expect(try Safetensors(decoding: start).tensors.count == 5)

    let pieces = [
      "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u", "\\ud83d", "\\n", "9223372036854775807",
      "18446744073709551616", "-1", "0", "1e9", "null", "true", "\"shape\":[4294967296,4294967296]",
      "\"data_offsets\":[0,0]", "F64", "\u{0}", "é",
    ].map { Array($0.utf8) }
    let clock = ContinuousClock()
    let seconds = ProcessInfo.processInfo.environment["NAS_FUZZ_SECONDS"].flatMap { Int($0) }
    let end = clock.now + .seconds(seconds ?? 2)
    var (files, errors) = (0, 0)
    while clock.now < end {
      var bytes = start
      for _ in 0..<Int.random(in: 1...3, using: &generator) {
        let place = Int.random(in: 0..<bytes.count, using: &generator)
        let length = Int.random(in: 0...min(12, bytes.count - place), using: &generator)
        switch Int.random(in: 0..<6, using: &generator) {
        case 0: bytes[place] = UInt8.random(in: 0...255, using: &generator)
        case 1: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
        case 2: bytes.removeSubrange(place..<place + length)
        case 3: bytes.insert(contentsOf: pieces.randomElement(using: &generator) ?? [], at: place)
        case 4:
          let other = Int.random(in: 0..<bytes.count, using: &generator)
          bytes.insert(contentsOf: bytes[place..<place + length], at: other)
        default: bytes[place] = UInt8(ascii: "0") + UInt8.random(in: 0...9, using: &generator)
        }
        if bytes.isEmpty { bytes = start }
        // A header of another length is soon refused; most get the one that they have now.
        if bytes.count > 48, Bool.random(using: &generator) {
          let size = UInt64(bytes.count - 48)
          for index in 0..<8 { bytes[index] = UInt8(truncatingIfNeeded: size >> (8 * index)) }
        }
      }
      do {
        let file = try Safetensors(decoding: bytes)
        // What has been read can be written, and is the same when it is read again. Numbers that
        // are none are not equal to themselves.
        let again = try Safetensors(decoding: file.encoded())
        #expect(again.metadata == file.metadata)
        #expect(again.tensors.map(\.name) == file.tensors.map(\.name))
        #expect(again.tensors.map(\.shape) == file.tensors.map(\.shape))
        files += 1
      } catch {
        #expect("\(error)".unicodeScalars.allSatisfy { $0 >= " " })
        errors += 1
      }
    }
    print("of which \(files) were files and \(errors) were not")
    #expect(files > 10 && errors > 10)
  }
}
