import Evaluator
package import Kernels
package import SearchSpace

/// What a network needs of memory, reckoned before anything is computed.
package struct MemoryEstimate {
  /// Bytes of a training step: activations, gradients, weights and momentum.
  package let trainingBytes: Int

  /// Bytes of scoring: activations of one batch, weights and momentum.
  package let scoringBytes: Int

  /// Bytes of a checkpoint: weights and momentum.
  let checkpointBytes: Int

  /// The most that one value in the database may have.
  static let largestCheckpoint = 1_000_000_000

  /// Reckons the work on a network; that on the largest of a space needs the most.
  ///
  /// In training a convolution keeps what it computes, and the residual sum if it makes one; of
  /// gradients some four of the largest are alive at once. Scoring keeps what each layer of the
  /// network computed, as other candidates may go on from there. Weights have gradients and momentum
  /// beside them throughout.
  ///
  /// - Parameters:
  ///   - network: The network.
  ///   - batch: Images in a training step.
  ///   - precision: How activations lie in memory.
  package init(of network: Network, batch: Int, precision: ElementType = .float32) {
    let outputs = network.layers.reduce(network.input.count) { $0 + $1.output.count }
    let sums = network.layers.reduce(0) { $0 + ($1.addend == nil ? 0 : $1.output.count) }
    let largest = network.layers.map(\.output.count).max() ?? 0
    let float = ElementType.float32.bytes
    let weights = 3 * float * network.cost.parameters
    checkpointBytes = 2 * float * network.cost.parameters
    trainingBytes = precision.bytes * batch * (outputs + sums + 4 * largest) + weights
    scoringBytes = precision.bytes * ScoringRecipe().batch * (outputs + largest) + weights
  }

  /// Refuses what this machine cannot do.
  ///
  /// - Throws: ``StudyError/tooLarge(needed:available:)`` or
  ///   ``StudyError/checkpointTooLarge(bytes:limit:)``.
  func requireFit() throws {
    // The rest is for the images, the program and the system.
    let available = Machine.memory / 10 * 9
    let needed = max(trainingBytes, scoringBytes)
    guard needed <= available else {
      throw StudyError.tooLarge(needed: needed, available: available)
    }
    guard checkpointBytes <= Self.largestCheckpoint else {
      throw StudyError.checkpointTooLarge(
        bytes: checkpointBytes, limit: Self.largestCheckpoint)
    }
  }
}
