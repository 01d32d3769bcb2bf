public import Kernels
public import SearchSpace

/// A network with weights and statistics of its own: what a search hands over.
public struct TrainedNetwork: Sendable {
  public let network: Network

  /// The arrays of ``Parameters``, cut to this network's sizes, in the order of the layers.
  public let arrays: [Safetensors.Tensor]

  /// For each layer that normalises, the mean and variance it normalises with.
  public let statistics: [ChannelStatistics?]

  /// Cuts a network out of a supernet.
  ///
  /// - Parameters:
  ///   - network: A network whose layers `parameters` knows, at most as wide.
  ///   - parameters: The supernet's parameters.
  ///   - statistics: For each layer that normalises, its mean and variance.
  public init(
    _ network: Network, slicing parameters: Parameters, statistics: [ChannelStatistics?]
  ) {
    self.network = network
    self.statistics = statistics
    arrays = network.layers.flatMap { layer in
      layer.parameterArrays.compactMap { suffix, _, sizes in
        let name = "\(layer.name).\(suffix)"
        let source =
          suffix.hasPrefix("norm.")
          ? parameters.normalization(of: layer) + suffix.dropFirst("norm".count) : name
        return parameters[source].map {
          Safetensors.Tensor(
            name: name, shape: sizes, values: parameters.values(of: $0).part(sizes, of: $0.sizes))
        }
      }
    }
  }

  /// Creates a runner that knows this network and nothing else.
  ///
  /// - Throws: ``KernelError`` if no memory can be reserved.
  public func makeRunner(engine: Engine) throws(KernelError) -> NetworkRunner {
    let parameters = try Parameters(of: network)
    for array in arrays {
      guard let entry = parameters[array.name] else { continue }
      parameters.set(entry, to: array.values)
    }
    return try NetworkRunner(engine: engine, parameters: parameters)
  }

  // MARK: As a file

  /// The arrays of one layer by their suffixes: `weight`, `bias`, `norm.weight` and `norm.bias`.
  public func arrays(of layer: Layer) -> [String: [Float]] {
    let named = layer.parameterArrays.compactMap { suffix, _, _ in
      self["\(layer.name).\(suffix)"].map { (suffix, $0.values) }
    }
    return Dictionary(uniqueKeysWithValues: named)
  }

  private subscript(name: String) -> Safetensors.Tensor? { arrays.first { $0.name == name } }

  /// The arrays and statistics as a file.
  ///
  /// - Parameters:
  ///   - names: How they are called there.
  ///   - metadata: Strings for the file's header.
  /// - Returns: The content of the file.
  public func safetensors(
    named names: ParameterNames = .init(), metadata: [String: String] = [:]
  ) -> Safetensors {
    var file = Safetensors(metadata: metadata)
    for (layer, statistics) in zip(network.layers, statistics) {
      for (suffix, _, _) in layer.parameterArrays {
        guard let array = self["\(layer.name).\(suffix)"] else { continue }
        file.append(
          Safetensors.Tensor(
            name: names.name(of: layer, suffix), shape: array.shape, values: array.values))
      }
      guard let statistics else { continue }
      for (suffix, values) in [
        ("norm.running_mean", statistics.mean), ("norm.running_var", statistics.variance),
      ] {
        file.append(
          Safetensors.Tensor(
            name: names.name(of: layer, suffix), shape: [values.count], values: values))
      }
    }
    return file
  }

  /// Reads a network's arrays and statistics from a file.
  ///
  /// - Throws: ``WeightsError`` listing every array that is missing, unknown or of another shape.
  public init(
    _ network: Network, from file: Safetensors, named names: ParameterNames = .init()
  ) throws(WeightsError) {
    var problems: [String] = []
    var known: Set<String> = []
    func array(_ name: String, _ shape: [Int]) -> Safetensors.Tensor? {
      known.insert(name)
      guard let tensor = file[name] else {
        problems.append("'\(name)' is missing")
        return nil
      }
      guard tensor.shape == shape else {
        problems.append("'\(name)' has shape \(tensor.shape), not \(shape)")
        return nil
      }
      return tensor
    }
    var arrays: [Safetensors.Tensor] = []
    var statistics: [ChannelStatistics?] = []
    for layer in network.layers {
      for (suffix, _, sizes) in layer.parameterArrays {
        if let found = array(names.name(of: layer, suffix), sizes) {
          arrays.append(
            Safetensors.Tensor(
              name: "\(layer.name).\(suffix)", shape: sizes, values: found.values))
        }
      }
      guard layer.isNormalized else {
        statistics.append(nil)
        continue
      }
      let mean = array(names.name(of: layer, "norm.running_mean"), [layer.output.channels])
      let variance = array(names.name(of: layer, "norm.running_var"), [layer.output.channels])
      if let mean, let variance {
        statistics.append(ChannelStatistics(mean: mean.values, variance: variance.values))
      }
    }
    problems += file.tensors.filter { !known.contains($0.name) }.map {
      "'\($0.name)' belongs to no layer of the network"
    }
    guard problems.isEmpty else { throw WeightsError(problems: problems) }
    self.network = network
    self.arrays = arrays
    self.statistics = statistics
  }
}

/// Why a file of weights is not that of a network.
public struct WeightsError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What is wrong, one entry an array.
  public let problems: [String]

  public init(problems: [String]) {
    self.problems = problems
  }

  public var description: String {
    "the weights do not fit the network: " + problems.joined(separator: "; ")
  }
}

extension [Float] {
  /// What a smaller layer uses of an array of sizes `whole`: the first channels, and the middle of the
  /// windows.
  fileprivate func part(_ sizes: [Int], of whole: [Int], dimension: Int = 0) -> [Float] {
    guard dimension < sizes.count, sizes[dimension...] != whole[dimension...] else { return self }
    let stride = count / whole[dimension]
    let first = dimension < 2 ? 0 : (whole[dimension] - sizes[dimension]) / 2
    return (first..<first + sizes[dimension]).flatMap { index in
      Array(self[index * stride..<(index + 1) * stride]).part(
        sizes, of: whole, dimension: dimension + 1)
    }
  }
}
