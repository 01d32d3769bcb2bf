import SearchSpace

/// Named tensors and a few words about them, as they lie in a file of the safetensors format.
///
///     let weights = Safetensors([
///       .init(name: "linear.weight", shape: [2, 3], values: [1, 2, 3, 4, 5, 6])
///     ])
///     let copy = try Safetensors(decoding: weights.encoded())
///     copy["linear.weight"]?.shape  // [2, 3]
///
/// PyTorch, JAX, timm and others read and write the same files.
///
/// > [huggingface.co/docs/safetensors](https://huggingface.co/docs/safetensors/index), "Format".
public struct Safetensors: Hashable, Sendable {
  /// An array of floats with a name.
  public struct Tensor: Hashable, Sendable {
    /// The name, which only one tensor in a file has.
    public let name: String

    /// The length along each dimension; empty for a single number.
    public let shape: [Int]

    /// The values, row-major.
    public let values: [Float]

    /// Creates a tensor.
    ///
    /// - Precondition: There are exactly as many values as the shape has places, and the name is
    ///   not `__metadata__`, which the format keeps for itself.
    public init(name: String, shape: [Int], values: [Float]) {
      precondition(name != Safetensors.metadataKey, "a tensor cannot be called '\(name)'")
      precondition(shape.allSatisfy { $0 >= 0 }, "the shape \(shape) of '\(name)' is negative")
      precondition(
        values.count == shape.reduce(1, *),
        "'\(name)' has \(values.count) values for the shape \(shape)")
      self.name = name
      self.shape = shape
      self.values = values
    }
  }

  /// The most tensors in a file, a limit of ours that keeps a hostile header cheap.
  public static let highestTensorCount = 65_536

  /// The most bytes in a header, a limit of the format.
  public static let highestHeaderSize = 100_000_000

  static let metadataKey = "__metadata__"
  static let checksumKey = "nas.checksum"

  /// The tensors, in the order of the file.
  public private(set) var tensors: [Tensor] = []

  /// Words about the tensors.
  ///
  /// The key `nas.checksum` is not among them: it is written and checked, never shown.
  public var metadata: [String: String]

  private var places: [String: Int] = [:]

  /// Creates the content of a file.
  ///
  /// - Parameters:
  ///   - tensors: The tensors, in the order that the file shall have.
  ///   - metadata: Words about them.
  /// - Precondition: No two tensors have the same name, and there are at most
  ///   ``highestTensorCount``.
  public init(_ tensors: [Tensor] = [], metadata: [String: String] = [:]) {
    self.metadata = metadata
    for tensor in tensors { append(tensor) }
  }

  /// Adds a tensor at the end.
  ///
  /// - Precondition: There is no tensor of the same name yet, and fewer than
  ///   ``highestTensorCount`` in all.
  public mutating func append(_ tensor: Tensor) {
    precondition(tensors.count < Self.highestTensorCount, "there is no room for more tensors")
    let previous = places.updateValue(tensors.count, forKey: tensor.name)
    precondition(previous == nil, "there are two tensors called '\(tensor.name)'")
    tensors.append(tensor)
  }

  /// The tensor with the given name, or `nil` if there is none.
  public subscript(name: String) -> Tensor? {
    places[name].map { tensors[$0] }
  }

  // MARK: - Writing

  /// Returns the bytes of the file: the same for the same content.
  ///
  /// Every tensor is written as `F32`. The metadata get the key `nas.checksum`, from which
  /// ``init(decoding:)`` knows whether the values are still what they were.
  ///
  /// - Precondition: Names and metadata fit into a header of ``highestHeaderSize`` bytes.
  public func encoded() -> [UInt8] {
    var data = [UInt8](repeating: 0, count: tensors.reduce(0) { $0 + 4 * $1.values.count })
    var end = 0
    for tensor in tensors {
      for value in tensor.values {
        let bits = value.bitPattern
        for byte in 0..<4 { data[end &+ byte] = UInt8(truncatingIfNeeded: bits >> (8 &* byte)) }
        end += 4
      }
    }

    var header = Array(headerText(checksum: Self.checksum(of: data.span)).utf8)
    // Padding puts the values at a multiple of 8, where any reader may map them into memory.
    header.append(contentsOf: repeatElement(UInt8(ascii: " "), count: -header.count & 7))
    precondition(
      header.count <= Self.highestHeaderSize, "a header cannot have \(header.count) bytes")
    var file: [UInt8] = []
    file.reserveCapacity(8 + header.count + data.count)
    for byte in 0..<8 { file.append(UInt8(truncatingIfNeeded: header.count >> (8 * byte))) }
    file.append(contentsOf: header)
    file.append(contentsOf: data)
    return file
  }

  private func headerText(checksum: String) -> String {
    var words = metadata
    words[Self.checksumKey] = checksum
    let pairs = words.sorted { $0.key < $1.key }.map { "\(quoted($0.key)):\(quoted($0.value))" }
    var members = ["\(quoted(Self.metadataKey)):{\(pairs.joined(separator: ","))}"]
    var begin = 0
    for tensor in tensors {
      let end = begin + 4 * tensor.values.count
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      members.append(
        #"\#(quoted(tensor.name)):{"dtype":"F32","shape":[\#(shape)],"#
          + #""data_offsets":[\#(begin),\#(end)]}"#)
      begin = end
    }
    return "{\(members.joined(separator: ","))}"
  }

  /// Returns `text` as a string of JSON.
  private func quoted(_ text: String) -> String {
    let escaped = text.unicodeScalars.map { scalar in
      switch scalar {
      case "\"": "\\\""
      case "\\": "\\\\"
      case "\0"..<" ":
        "\\u00" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
      default: String(scalar)
      }
    }
    return "\"\(escaped.joined())\""
  }

  /// Returns a 64-bit hash of `bytes` as 16 hexadecimal digits.
  ///
  /// An adversary is not kept out.
  static func checksum(of bytes: Span<UInt8>) -> String {
    var fingerprint = Fingerprint()
    fingerprint.add(bytes: bytes)
    return fingerprint.hexadecimal
  }
}
