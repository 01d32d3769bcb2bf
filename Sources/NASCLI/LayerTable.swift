import SearchSpace

extension Network {
  /// The layers with their shapes and costs, a line each.
  var layerTable: String {
    var table = Table([
      .init("layer", isNumeric: false), .init("computes", isNumeric: false), .init("output"),
      .init("memory"), .init("MACs"), .init("params"),
    ])
    table.rows = layers.map { layer in
      [
        layer.name, layer.operation.summary, "\(layer.output)", memory(layer.outputBytes),
        short(layer.cost.macs), short(layer.cost.parameters),
      ]
    }
    return table.text
  }
}
