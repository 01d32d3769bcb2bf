/// A reason why bytes are not an ONNX file that can be computed here.
///
/// The description is one line without the file's name, which only the caller knows.
public struct ONNXError: Error, Hashable, Sendable, CustomStringConvertible {
  /// Where in the file the reason lies.
  public let place: Place

  /// What is wrong, as the end of a sentence that the place begins.
  public let reason: String

  public enum Place: Hashable, Sendable {
    case file
    case tensor(String)
    case node(String)
    case value(String)
  }

  init(_ place: Place, _ reason: String) {
    self.place = place
    self.reason = reason
  }

  public var description: String {
    switch place {
    case .file: "the file \(reason)"
    case .tensor(let name): "the tensor \(Self.quoted(name)) \(reason)"
    case .node(let name): "the node \(Self.quoted(name)) \(reason)"
    case .value(let name): "the value \(Self.quoted(name)) \(reason)"
    }
  }

  /// Returns `name` in quotation marks, shortened and without raw control characters.
  static func quoted(_ name: String) -> String {
    let start = name.unicodeScalars.prefix(80)
    return (String(start) + (start.endIndex < name.endIndex ? "…" : "")).debugDescription
  }
}
