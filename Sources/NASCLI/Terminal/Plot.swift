/// Points drawn with characters.
struct Plot {
  /// A point and how it is drawn.
  struct Point {
    var x: Double
    var y: Double
    var mark: Mark
  }

  /// What a point is drawn as; where several fall onto one place, the last of these is seen.
  enum Mark: Character, CaseIterable {
    case dot = "·"
    case ring = "○"
    case disc = "●"
  }

  var points: [Point]
  var width = 60
  var height = 12
  var xLabel: (Double) -> String
  var yLabel: (Double) -> String

  /// The picture, or nothing if there are fewer than two points.
  var text: String? {
    guard points.count > 1 else { return nil }
    let (left, right) = range(points.map(\.x))
    let (bottom, top) = range(points.map(\.y))
    var cells = [[Character]](
      repeating: [Character](repeating: " ", count: width), count: height)
    for mark in Mark.allCases {
      for point in points where point.mark == mark {
        let column = Int(((point.x - left) / (right - left) * Double(width - 1)).rounded())
        let row = Int(((point.y - bottom) / (top - bottom) * Double(height - 1)).rounded())
        cells[height - 1 - row][column] = mark.rawValue
      }
    }
    let labels = [yLabel(top), yLabel(bottom)]
    let margin = labels.map(\.count).max() ?? 0
    func padded(_ text: String) -> String {
      String(repeating: " ", count: margin - text.count) + text
    }
    var lines = cells.enumerated().map { index, row in
      let label = index == 0 ? labels[0] : index == height - 1 ? labels[1] : ""
      var line = padded(label) + " ┤" + String(row)
      while line.last == " " { line.removeLast() }
      return line
    }
    let (first, last) = (xLabel(left), xLabel(right))
    lines.append(padded("") + " └" + String(repeating: "─", count: width))
    let gap = String(repeating: " ", count: max(1, width - first.count - last.count))
    lines.append(padded("") + "  " + first + gap + last)
    return lines.joined(separator: "\n")
  }

  /// The smallest and largest value, apart from each other.
  private func range(_ values: [Double]) -> (Double, Double) {
    let low = values.min() ?? 0
    let high = values.max() ?? 1
    return low < high ? (low, high) : (low - 0.5, high + 0.5)
  }
}
