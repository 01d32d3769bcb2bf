import Foundation
import Study

/// A data set, ready to be shown.
struct DataView {
  let data: DataDescription

  /// How many classes are listed.
  private static let mostClasses = 100

  var text: String {
    let parts =
      "\(grouped(data.training.images)) training images, "
      + (data.test.map { "\(grouped($0.images)) test images" } ?? "no test images")
    var lines = [
      "\(data.format) in \(data.path.escapingControls): \(parts)",
      "\(data.channels)×\(data.height)×\(data.width), \(grouped(data.classes.count)) classes",
      "", classes.text,
    ]
    let more = data.classes.count - Self.mostClasses
    if more > 0 { lines.append("and \(grouped(more)) more; --json lists all") }
    lines += ["", scale.text, "of the training images, where black is 0 and white is 1"]
    let skipped = data.training.skipped + (data.test?.skipped ?? [])
    if !skipped.isEmpty {
      lines +=
        ["", "left out, as they cannot be read:"]
        + skipped.map { "  \($0.path.escapingControls): \($0.reason.escapingControls)" }
    }
    return lines.joined(separator: "\n")
  }

  private var classes: Table {
    var table = Table([.init("class", isNumeric: false), .init("training"), .init("test")])
    table.rows = data.classes.prefix(Self.mostClasses).map { entry in
      [entry.name.escapingControls, grouped(entry.training), entry.test.map { grouped($0) } ?? ""]
    }
    return table
  }

  private var scale: Table {
    let channels = data.channels == 3 ? ["red", "green", "blue"] : ["grey"]
    var table = Table([.init("channel", isNumeric: false), .init("mean"), .init("deviation")])
    table.rows = data.mean.indices.map { index in
      [
        index < channels.count ? channels[index] : "\(index)",
        String(format: "%.4f", data.mean[index]), String(format: "%.4f", data.deviation[index]),
      ]
    }
    return table
  }
}
