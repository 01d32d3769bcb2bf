/// Where a search file says what, for messages about what it means.
///
/// All places are equal: two plans that say the same are the same plan, wherever they say it.
public struct Places: Hashable, Sendable {
  /// The file as it was given; `nil` for a plan that was not read from one.
  public let file: String?

  /// The positions of keys and entries by their paths, such as `space.width` and `budgets[0]`.
  private var positions: [String: Position] = [:]

  /// The places of a plan that was not read from a file.
  init() { file = nil }

  init(of form: Form, file: String) {
    self.file = file
    add(form, path: "")
  }

  private mutating func add(_ form: Form, path: String) {
    switch form.content {
    case .scalar: break
    case .list(let entries):
      for (index, entry) in entries.enumerated() {
        let path = "\(path)[\(index)]"
        positions[path] = entry.position
        add(entry, path: path)
      }
    case .mapping(let entries):
      for entry in entries {
        let path = path.isEmpty ? entry.key : "\(path).\(entry.key)"
        positions[path] = entry.position
        add(entry.value, path: path)
      }
    }
  }

  /// The place of a key or an entry, or `nil` if the file does not have it.
  package subscript(path: String) -> Position? { positions[path] }

  public static func == (left: Places, right: Places) -> Bool { true }

  public func hash(into hasher: inout Hasher) {}
}
