public import SearchSpace

/// Weights from elsewhere for the layers of a network or a supernet, such as those of torchvision.
///
/// Arrays are found by the names that ``ParameterNames`` gives them, `module.` before all of them
/// left off, and must be of the largest layers' shapes. Statistics of batch normalisations and
/// PyTorch's counters of batches are passed over: a subnet gathers its own.
public struct PretrainedWeights: Sendable {
  /// By the name of an array of ``Parameters``.
  fileprivate let values: [String: [Float]]

  /// The hash of all that was in the file.
  public let fingerprint: String

  /// Finds the arrays of layers in a file.
  ///
  /// - Parameters:
  ///   - file: The weights.
  ///   - layers: The layers that they shall fill, all of them.
  ///   - names: What the arrays are called in the file.
  /// - Throws: ``WeightsError`` listing every array that is missing, unknown, of another shape or
  ///   not of numbers.
  public init(
    _ file: Safetensors, for layers: [Layer], named names: ParameterNames
  ) throws(WeightsError) {
    let prefix = "module."
    let isWrapped = file.tensors.allSatisfy { $0.name.hasPrefix(prefix) }
    var tensors: [String: Safetensors.Tensor] = [:]
    for tensor in file.tensors {
      tensors[isWrapped ? String(tensor.name.dropFirst(prefix.count)) : tensor.name] = tensor
    }
    var problems: [String] = []
    var values: [String: [Float]] = [:]
    for layer in layers {
      for (suffix, _, sizes) in layer.parameterArrays {
        let name = names.name(of: layer, suffix)
        guard let tensor = tensors.removeValue(forKey: name) else {
          problems.append("'\(name)' of shape \(sizes) is missing")
          continue
        }
        if tensor.shape != sizes {
          problems.append("'\(name)' has shape \(tensor.shape), not \(sizes)")
        } else if !tensor.values.allSatisfy(\.isFinite) {
          problems.append("'\(name)' holds numbers that are not finite")
        }
        values["\(layer.name).\(suffix)"] = tensor.values
      }
      guard layer.isNormalized else { continue }
      for statistic in ["running_mean", "running_var", "num_batches_tracked"] {
        tensors[names.name(of: layer, "norm.\(statistic)")] = nil
      }
    }
    problems += tensors.keys.sorted().map { "'\($0)' belongs to no layer of the network" }
    guard problems.isEmpty else { throw WeightsError(problems: problems) }
    self.values = values
    var fingerprint = Fingerprint()
    fingerprint.add(bytes: file.encoded().span)
    self.fingerprint = fingerprint.hexadecimal
  }
}

extension Parameters {
  /// Takes over weights for every array.
  ///
  /// - Precondition: They are for the layers of these parameters.
  public func set(_ weights: PretrainedWeights) {
    for entry in entries {
      guard let values = weights.values[entry.name] else {
        preconditionFailure("there are no weights for '\(entry.name)'")
      }
      set(entry, to: values)
    }
  }
}
