import Datasets
import Evaluator
package import Kernels
package import SearchSpace

/// What a network needs of memory, reckoned before anything is computed.
package struct MemoryEstimate {
  /// Bytes of a training step: activations, gradients, weights and momentum.
  package let trainingBytes: Int

  /// Bytes of scoring: activations of one batch, weights and momentum.
  package let scoringBytes: Int

  /// Bytes of answering a training batch as a teacher, beside the training of another network.
  let answeringBytes: Int

  /// Bytes of a checkpoint: weights and momentum.
  let checkpointBytes: Int

  /// The most that one value in the database may have.
  static let largestCheckpoint = 1_000_000_000

  /// Bytes that there are; the rest of the machine's is for the images, the program and the system.
  static var available: Int { Machine.memory / 10 * 9 }

  /// Reckons the work on a network; that on the largest of a space needs the most.
  ///
  /// In training a layer keeps what it computes and what it makes on the way; of gradients some four of
  /// the largest are alive at once, and some batches are made ahead. Scoring keeps what
  /// a layer computed for as long as other candidates may go on from there, at worst all of it. Weights
  /// have gradients and momentum beside them throughout.
  ///
  /// - Parameters:
  ///   - network: The network.
  ///   - layers: The layers that have weights, if there are more than the network's.
  ///   - batch: Images in a training step.
  ///   - precision: How activations lie in memory.
  package init(
    of network: Network, weights layers: [Layer]? = nil, batch: Int,
    precision: ElementType = .float32
  ) {
    let kept = network.layers.reduce(network.input.count) { $0 + $1.keptCount }
    let copied = network.layers.reduce(0) { $0 + $1.copiedCount }
    let largest = network.layers.map(\.output.count).max() ?? 0
    let float = ElementType.float32.bytes
    let parameters = (layers ?? network.layers).reduce(0) { $0 + $1.cost.parameters }
    let weights = 3 * float * parameters
    checkpointBytes = 2 * float * parameters
    let activations = precision.bytes * kept + float * copied
    // Passes of single precision have gradients of that type beside the others.
    let gradients = 4 * precision.bytes + (precision == .float32 || copied == 0 ? 0 : 3 * float)
    let batches = float * network.input.count * (BatchLoader.depth + 1)
    trainingBytes = batch * (activations + gradients * largest + batches) + weights
    answeringBytes = batch * (activations + float * largest) + weights
    scoringBytes = ScoringRecipe().batch * (activations + float * largest) + weights
  }

  /// Refuses what this machine cannot do.
  ///
  /// - Throws: ``StudyError/tooLarge(needed:available:)`` or
  ///   ``StudyError/checkpointTooLarge(bytes:limit:)``.
  func requireFit() throws {
    let needed = max(trainingBytes, scoringBytes)
    guard needed <= Self.available else {
      throw StudyError.tooLarge(needed: needed, available: Self.available)
    }
    guard checkpointBytes <= Self.largestCheckpoint else {
      throw StudyError.checkpointTooLarge(
        bytes: checkpointBytes, limit: Self.largestCheckpoint)
    }
  }
}

extension Layer {
  /// The elements kept as activations are: what is computed, a residual sum, and the result of an
  /// activation that is a pass of its own.
  fileprivate var keptCount: Int {
    guard case .convolution(let convolution) = operation else { return output.count }
    return output.count * (1 + (operand == nil ? 0 : 1) + (convolution.activation.isPass ? 1 : 0))
  }

  /// The elements copied in single precision for a pass of its own, forward or backward.
  fileprivate var copiedCount: Int {
    switch operation {
    case .convolution(let convolution): convolution.activation.isPass ? output.count : 0
    case .normalize(let activation): input.count + (activation.isPass ? output.count : 0)
    case .activate, .pool, .scale: input.count
    case .concatenate, .globalAveragePool, .linear: 0
    }
  }
}

extension Activation {
  fileprivate var isPass: Bool {
    switch self {
    case .none, .relu, .relu6: false
    case .swish, .hardSwish, .sigmoid: true
    }
  }
}
