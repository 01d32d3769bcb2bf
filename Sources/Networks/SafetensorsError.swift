/// A reason why bytes are not a file of the safetensors format that can be used.
///
/// The descriptions are one line without the file's name, which only the caller knows.
public enum SafetensorsError: Error, Hashable, Sendable {
  /// There are fewer than the 8 bytes in which the size of the header stands.
  case tooShort(bytes: Int)
  /// The header declares itself larger than ``Safetensors/highestHeaderSize``.
  case headerTooLarge(declared: UInt64)
  /// The file ends within the header.
  case headerIncomplete(declared: Int, found: Int)
  /// The header is not JSON of the expected form.
  case invalidHeader(offset: Int, expected: String)
  /// Two tensors, or two entries of one object, have the same key.
  case duplicateKey(String)
  /// There are more than ``Safetensors/highestTensorCount`` tensors.
  case tooManyTensors
  /// A tensor consists of numbers that cannot be read as floats.
  case unsupportedType(tensor: String, type: String)
  /// The bytes of a tensor of that shape cannot be counted.
  case shapeTooLarge(tensor: String, shape: [Int])
  /// A tensor has another number of bytes than its type and shape demand.
  case sizeMismatch(tensor: String, expected: Int, found: Int)
  /// A tensor does not begin where the one before ends.
  case misplaced(tensor: String, begin: Int, expected: Int)
  /// The file does not end where the last tensor ends.
  case dataSize(declared: Int, found: Int)
  /// The values are not those that the checksum was made of.
  case wrongChecksum
}

extension SafetensorsError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .tooShort(let bytes):
      "\(bytes) bytes are too few for a safetensors file; copy the file again."
    case .headerTooLarge(let declared):
      "The header declares \(declared) bytes, more than the format allows; "
        + "this is no safetensors file."
    case .headerIncomplete(let declared, let found):
      "The file ends after \(found) of \(declared) bytes of its header; copy the file again."
    case .invalidHeader(let offset, let expected):
      "The header is broken at byte \(offset), which should have \(expected); "
        + "write the file again."
    case .duplicateKey(let key):
      "The key \(quoted(key)) occurs twice; write the file again."
    case .tooManyTensors:
      "There are more than \(Safetensors.highestTensorCount) tensors; this is no network of ours."
    case .unsupportedType(let tensor, let type):
      "The tensor \(quoted(tensor)) is of type \(quoted(type)); "
        + "convert it to F32, F16, BF16, I64 or U8."
    case .shapeTooLarge(let tensor, let shape):
      "The tensor \(quoted(tensor)) of \(shape.count) dimensions is too large to count; "
        + "write the file again."
    case .sizeMismatch(let tensor, let expected, let found):
      "The tensor \(quoted(tensor)) has \(found) bytes where its shape needs \(expected); "
        + "write the file again."
    case .misplaced(let tensor, let begin, let expected):
      "The tensor \(quoted(tensor)) begins at byte \(begin) of the data, not at \(expected); "
        + "write the file again."
    case .dataSize(let declared, let found):
      "The file has \(found) bytes of data where its header declares \(declared); "
        + "copy the file again."
    case .wrongChecksum:
      "The values do not match their checksum; copy the file again from a good one."
    }
  }

  /// Returns `name` in quotation marks, shortened and without raw control characters.
  private func quoted(_ name: String) -> String {
    let start = name.unicodeScalars.prefix(80)
    return (String(start) + (start.endIndex < name.endIndex ? "…" : "")).debugDescription
  }
}
