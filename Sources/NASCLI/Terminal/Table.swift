/// Lines of cells, aligned for a terminal.
struct Table {
  /// A column's heading and the side to which its cells are aligned.
  struct Column {
    var heading: String
    var isNumeric: Bool

    init(_ heading: String, isNumeric: Bool = true) {
      self.heading = heading
      self.isNumeric = isNumeric
    }
  }

  var columns: [Column]
  var rows: [[String]] = []

  init(_ columns: [Column]) {
    self.columns = columns
  }

  var text: String {
    let widths = columns.indices.map { index in
      rows.map { $0[index].count }.reduce(columns[index].heading.count, max)
    }
    func line(_ cells: [String]) -> String {
      var parts: [String] = []
      for (index, cell) in cells.enumerated() {
        let padding = String(repeating: " ", count: widths[index] - cell.count)
        parts.append(columns[index].isNumeric ? padding + cell : cell + padding)
      }
      var line = parts.joined(separator: "  ")
      while line.last == " " { line.removeLast() }
      return line
    }
    return ([line(columns.map(\.heading))] + rows.map(line)).joined(separator: "\n")
  }
}
