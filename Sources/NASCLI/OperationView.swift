import Foundation
import Study

/// Where the time of a training pass goes, ready to be shown.
struct OperationView {
  let table: OperationTable

  var text: String {
    var lines = Table([
      .init("operation", isNumeric: false), .init("layers"), .init("forward"), .init("backward"),
      .init("GFLOP/s"), .init("GB/s"), .init("bound"), .init("of bound"),
    ])
    var forward = 0.0
    var backward = 0.0
    var bound = 0.0
    func cells(
      _ name: String, _ layers: Int, _ forward: Double, _ backward: Double, _ operations: Int,
      _ bytes: Int, _ bound: Double
    ) -> [String] {
      let time = forward + backward
      return [
        name, "\(layers)", milliseconds(forward), milliseconds(backward),
        String(format: "%.0f", Double(operations) / time / 1e9),
        String(format: "%.1f", Double(bytes) / time / 1e9), milliseconds(bound),
        String(format: "%.0f %%", 100 * bound / time),
      ]
    }
    for row in table.rows {
      forward += row.forward
      backward += row.backward
      bound += table.bound(of: row)
      lines.rows.append(
        cells(
          row.name, row.layers, row.forward, row.backward, row.operations, row.bytes,
          table.bound(of: row)))
    }
    lines.rows.append(
      cells(
        "all", table.rows.reduce(0) { $0 + $1.layers }, forward, backward,
        table.rows.reduce(0) { $0 + $1.operations }, table.rows.reduce(0) { $0 + $1.bytes }, bound))
    let ceilings = String(
      format: "bound: the longer of bytes at %.1f GB/s, a copy's, and operations at %.0f GFLOP/s, "
        + "OpenBLAS's", table.bandwidth / 1e9, table.peak / 1e9)
    return lines.text + "\n\n" + ceilings
  }

  private func milliseconds(_ time: Double) -> String { String(format: "%.2f ms", 1000 * time) }
}
