import Kernels
public import SearchSpace

/// The parameters of a network with gates on its channels.
///
/// A gate g behind a normalisation turns γ · x̂ + β into g · (γ · x̂ + β), so it is the scale and the
/// shift that are multiplied, and a pass of the network as it is computes the gated one. Where there
/// is no normalisation, the channel's weights and bias are. With γ′ = g · γ and so on, the gradient of
/// a gate is γ · dγ′ + β · dβ′.
public struct ChannelGating {
  private let parameters: Parameters
  private let counts: [Int]
  private let arrays: [GatedArray]
  private let weighted: Set<String>

  /// An array of parameters whose channels are gated.
  private struct GatedArray {
    let entry: Parameters.Entry

    /// What the gates multiply.
    let values: [Float]

    /// The place of the first channel's gate among those of all groups.
    let first: Int

    /// How many numbers each channel has.
    var numbersPerChannel: Int { entry.count / entry.sizes[0] }
  }

  /// Remembers the parameters as those of open gates.
  ///
  /// - Parameters:
  ///   - gated: The network and where its gates are.
  ///   - counts: The channels of each group of gates.
  ///   - parameters: Those of the network.
  public init(_ gated: GatedNetwork, channels counts: [Int], parameters: Parameters) {
    self.parameters = parameters
    self.counts = counts
    var arrays: [GatedArray] = []
    var weighted: Set<String> = []
    var start = 0
    for (sites, count) in zip(gated.sites, counts) {
      for site in sites {
        let layer = gated.network.layers[site.layer]
        let suffixes = layer.isNormalized ? ["norm.weight", "norm.bias"] : ["weight", "bias"]
        if !layer.isNormalized { weighted.insert(layer.name) }
        for suffix in suffixes {
          guard let entry = parameters["\(layer.name).\(suffix)"] else { continue }
          arrays.append(
            GatedArray(
              entry: entry, values: parameters.values(of: entry), first: start + site.first))
        }
      }
      start += count
    }
    self.arrays = arrays
    self.weighted = weighted
  }

  /// Whether the gradient of a layer's weights takes part in that of gates.
  public func needsWeightGradient(of layer: Layer) -> Bool { weighted.contains(layer.name) }

  /// Multiplies the parameters by gates.
  public func apply(_ gates: ChannelGates) {
    precondition(gates.counts == counts, "gates of other channels")
    for array in arrays {
      let size = array.numbersPerChannel
      parameters.set(
        array.entry,
        to: array.values.enumerated().map { index, value in
          Float(gates.values[array.first + index / size]) * value
        })
    }
  }

  /// The gradient of the gates that follows from that of the parameters.
  public func gradient() -> ChannelGates {
    var gates = ChannelGates(repeating: 0, counts: counts)
    for array in arrays {
      let size = array.numbersPerChannel
      for (index, pair) in zip(array.values, parameters.gradient(of: array.entry)).enumerated() {
        gates.values[array.first + index / size] += Double(pair.0) * Double(pair.1)
      }
    }
    return gates
  }
}
