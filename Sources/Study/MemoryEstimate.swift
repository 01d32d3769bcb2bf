import Kernels
import SearchSpace

/// What a plan's training needs of memory, reckoned before it begins.
struct MemoryEstimate {
  /// Bytes of a training step: activations, gradients, weights and momentum.
  let bytes: Int

  /// Bytes of a checkpoint: weights and momentum.
  let checkpointBytes: Int

  /// The most that one value in the database may have.
  static let largestCheckpoint = 1_000_000_000

  /// Reckons the largest network's step, which no other exceeds.
  ///
  /// A layer keeps what it computes, and a convolution the residual sum if it makes one; of
  /// gradients some four of the largest are alive at once. In bfloat16 it is half of this.
  ///
  /// - Parameters:
  ///   - network: The largest network.
  ///   - layers: The layers that have weights, if there are more than the network's.
  ///   - batch: The images of a step.
  init(of network: Network, weights layers: [Layer]? = nil, batch: Int) {
    let kept = network.layers.reduce(network.input.count) { sum, layer in
      sum + (layer.addsOperand ? 2 : 1) * layer.output.count
    }
    let largest = network.layers.map(\.output.count).max() ?? 0
    let float = MemoryLayout<Float>.stride
    let parameters = (layers ?? network.layers).reduce(0) { $0 + $1.cost.parameters }
    checkpointBytes = 2 * float * parameters
    bytes = float * (batch * (kept + 4 * largest) + 3 * parameters)
  }

  /// Refuses what this machine cannot do.
  ///
  /// - Throws: ``StudyError/tooLarge(needed:available:)`` or
  ///   ``StudyError/checkpointTooLarge(bytes:limit:)``.
  func requireFit() throws {
    // The rest is for the images, the program and the system.
    let available = Arena.machineMemory / 10 * 9
    guard bytes <= available else {
      throw StudyError.tooLarge(needed: bytes, available: available)
    }
    guard checkpointBytes <= Self.largestCheckpoint else {
      throw StudyError.checkpointTooLarge(
        bytes: checkpointBytes, limit: Self.largestCheckpoint)
    }
  }
}

extension Layer {
  fileprivate var addsOperand: Bool {
    guard case .convolution = operation else { return false }
    return operand != nil
  }
}
