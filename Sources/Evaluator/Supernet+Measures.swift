import Networks
public import SearchSpace

extension Supernet {
  /// Values each channel of the largest network by its weights.
  ///
  /// - Parameter measure: The measure; scales are those of layers that normalise.
  /// - Returns: What each channel is worth.
  public func worth(by measure: ChannelMeasure) -> ChannelGates {
    let gated = space.gatedNetwork()
    return ChannelGates(
      zip(gated.sites, space.gatedGroups).map { sites, group in
        var worths = [Double](repeating: 0, count: group.widest)
        for site in sites {
          for (channel, value) in values(of: site, in: gated.network, measure).enumerated() {
            // Not `max`, which may lose what is no number.
            let known = worths[site.first + channel]
            worths[site.first + channel] = value <= known ? known : value
          }
        }
        return worths
      })
  }

  private func values(
    of site: GatedNetwork.Site, in network: Network, _ measure: ChannelMeasure
  ) -> [Double] {
    let name =
      switch measure {
      case .normalizationScale: "\(network.layers[site.layer].name).norm.weight"
      case .filterNorm: "\(network.layers[site.producer].name).weight"
      }
    guard let entry = parameters[name] else { preconditionFailure("there is no '\(name)'") }
    let values = parameters.values(of: entry)
    let size = entry.count / entry.sizes[0]
    let norms = stride(from: 0, to: values.count, by: size).map { start in
      values[start..<start + size].reduce(0.0) { $0 + Double($1.magnitude) }
    }
    switch measure {
    case .normalizationScale: return norms
    case .filterNorm:
      let mean = norms.reduce(0, +) / Double(norms.count)
      return norms.map { mean > 0 ? $0 / mean : $0 }
    }
  }
}
