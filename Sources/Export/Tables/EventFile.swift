package import Foundation
import SwiftProtobuf

/// The bytes of one of TensorBoard's event files.
///
/// A file is a run of records, each an event between its length and checksums:
///
///     length (8 bytes) · checksum of the length (4) · event · checksum of the event (4)
///
/// all little-endian. The first says which version the file is of. A reader stops at the first
/// record whose checksum is wrong, so a file that broke off is read up to there.
///
/// > [tensorboard/summary/writer/record_writer.py](https://github.com/tensorflow/tensorboard)
package struct EventFile {
  package private(set) var bytes: [UInt8] = []

  /// - Parameter start: When what it tells of began.
  package init(start: Date) {
    var event = TensorBoardEvent()
    event.wallTime = start.timeIntervalSince1970
    event.fileVersion = "brain.Event:2"
    append(event)
  }

  /// Adds numbers by their tags; those that are not finite are left out.
  package mutating func add(_ scalars: [(String, Double?)], step: Int, at time: Date) {
    var event = TensorBoardEvent()
    event.wallTime = time.timeIntervalSince1970
    event.step = Int64(step)
    event.summary.value = scalars.compactMap { tag, number in
      guard let number, number.isFinite else { return nil }
      var value = TensorBoardSummary.Value()
      value.tag = tag
      value.simpleValue = Float(number)
      return value
    }
    if !event.summary.value.isEmpty { append(event) }
  }

  /// Adds what the plugin for hyperparameters reads, under one of its tags.
  mutating func add(_ data: TensorBoardHyperparameterData, tag: String, at time: Date) {
    var value = TensorBoardSummary.Value()
    value.tag = "_hparams_/" + tag
    value.metadata.pluginData.pluginName = "hparams"
    value.metadata.pluginData.content = Self.encoded(data)
    value.metadata.dataClass = 2  // a tensor, of which this one holds nothing
    value.tensor.dtype = 1
    value.tensor.tensorShape.dim = [.init()]
    value.tensor.tensorShape.dim[0].size = 0
    var event = TensorBoardEvent()
    event.wallTime = time.timeIntervalSince1970
    event.summary.value = [value]
    append(event)
  }

  private mutating func append(_ event: TensorBoardEvent) {
    let content = [UInt8](Self.encoded(event))
    let length = Self.littleEndian(UInt64(content.count))
    bytes += length + Self.littleEndian(Self.maskedChecksum(of: length))
    bytes += content + Self.littleEndian(Self.maskedChecksum(of: content))
  }

  private static func encoded(_ message: some Message) -> Data {
    do {
      return try message.serializedData()
    } catch {
      // Only required fields and extensions can be missing, and there are none.
      preconditionFailure("\(message) cannot be written: \(error)")
    }
  }

  private static func littleEndian(_ number: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: number.littleEndian) { Array($0) }
  }

  // MARK: Checksums

  /// The checksum of a record: rotated and shifted, so that one of a checksum is no special case.
  static func maskedChecksum(of bytes: [UInt8]) -> UInt32 {
    let checksum = checksum(of: bytes)
    return (checksum >> 15 | checksum << 17) &+ 0xa282_ead8
  }

  /// The cyclic redundancy check of Castagnoli's polynomial, CRC-32C.
  ///
  /// > RFC 3720, appendix B.4.
  package static func checksum(of bytes: [UInt8]) -> UInt32 {
    ~bytes.reduce(~0 as UInt32) { rest, byte in
      table[Int(UInt8(truncatingIfNeeded: rest) ^ byte)] ^ rest >> 8
    }
  }

  private static let table: [UInt32] = (0..<256).map { byte in
    (0..<8).reduce(UInt32(byte)) { rest, _ in
      rest & 1 == 1 ? rest >> 1 ^ 0x82f6_3b78 : rest >> 1
    }
  }
}
