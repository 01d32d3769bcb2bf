import SearchSpace

extension Network {
  /// The layers with their shapes and costs, a line each.
  ///
  /// - Parameter latencies: What tells how long each of them takes, if anything does.
  /// - Returns: The lines.
  func layerTable(_ latencies: LatencyTable? = nil) -> String {
    var table = Table([
      .init("layer", isNumeric: false), .init("computes", isNumeric: false), .init("output"),
      .init("memory"), .init("MACs"), .init("params"),
    ])
    if latencies != nil { table.columns.append(.init("latency")) }
    table.rows = layers.map { layer in
      [
        layer.name, layer.operation.summary, "\(layer.output)", memory(layer.outputBytes),
        short(layer.cost.macs), short(layer.cost.parameters),
      ] + (latencies.map { [short(latency: Int($0.share(of: layer).rounded()))] } ?? [])
    }
    return table.text
  }
}
