public import SearchSpace

extension Plan {
  /// A table that answers in place of a supernet.
  public struct Table: Sendable {
    /// `table`, required: the file, its path relative to the search file's; see
    /// Documentation/tables.md.
    public var path: String

    /// `input`: the shape of the images that the networks were measured on.
    public var input = Shape(channels: 3, height: 32, width: 32)

    /// `classes`: how many classes they tell apart, 2 to 1,000,000.
    public var classes = 10

    /// `images`: how many images each accuracy was measured on, 1 to 1,000,000,000: what is known of
    /// its noise.
    public var images = 10_000

    /// Where the file is, seen from where the program runs.
    var place: String

    init(path: String, place: String) {
      self.path = path
      self.place = place
    }

    /// Whether a search file takes its answers from a table, or at least not from a supernet.
    static func isNamed(in file: Form) -> Bool {
      guard case .mapping(let entries) = file.content else { return false }
      return entries.contains { $0.key == "evaluator" && $0.value.word != "supernet" }
    }

    /// Reads what `evaluator` says; `nil` if it names no table.
    static func read(_ form: Form?, _ reader: inout FormReader) -> Table? {
      guard let form, form.word != "supernet" else { return nil }
      let keys = reader.mapping(
        form, keys: ["table", "input", "classes", "images"],
        required: ["table": "table: networks.csv"])
      var path = ""
      reader.text(keys["table"], expecting: "the path of a table", longest: 4095, into: &path)
      var table = Table(path: path, place: reader.path(beside: path))
      table.input = reader.shape(keys["input"]) ?? table.input
      reader.integer(keys["classes"], 2...1_000_000, into: &table.classes)
      reader.integer(keys["images"], 1...1_000_000_000, into: &table.images)
      return table
    }
  }
}

/// What the file says, wherever the program runs.
extension Plan.Table: Hashable {
  public static func == (left: Plan.Table, right: Plan.Table) -> Bool {
    left.path == right.path && left.input == right.input && left.classes == right.classes
      && left.images == right.images
  }

  public func hash(into hasher: inout Hasher) { hasher.combine(path) }
}
