import Datasets
public import Kernels
import Networks
public import SearchSpace

/// A network of random weights, which stay as they are, and the gradients of gates on its channels.
///
/// > Y. Wang et al. "Pruning from Scratch." AAAI 2020. arXiv:1909.12579, section 3.2.
///
/// Normalisations take the statistics of the batch. Batch and weights follow from the seed, the batch
/// also from the number of the step, so a question that is asked again gets the same answer.
public final class GateLearner {
  private let network: Network
  private let gating: ChannelGating
  private let runner: NetworkRunner
  private let batches: BatchLoader

  /// Draws the weights of the largest network.
  ///
  /// - Parameters:
  ///   - space: The space.
  ///   - counts: How many channels each of its gated groups has, which may be more than it allows.
  ///   - images: What to learn from.
  ///   - settings: Images in a step and precision, single where it is left open.
  ///   - engine: What computes.
  /// - Throws: `KernelError` if no memory can be reserved; `DatasetError` if the images do not fill a
  ///   batch.
  public init(
    space: SearchSpace, channels counts: [Int], images: StudyImages, settings: Supernet.Settings,
    engine: Engine
  ) throws {
    let gated = space.gatedNetwork(channels: counts)
    network = gated.network
    let parameters = try Parameters(of: network)
    parameters.initialize(seed: images.seed)
    gating = ChannelGating(gated, channels: counts, parameters: parameters)
    runner = try NetworkRunner(
      engine: engine, parameters: parameters, precision: settings.precision ?? .float32)
    batches = BatchLoader(
      of: try TrainingBatches(
        of: images.maker, examples: images.training, batchSize: settings.batch,
        augmentation: images.augmentation, seed: images.seed))
  }

  /// Shows the gated network a training batch.
  ///
  /// - Parameters:
  ///   - gates: The gates.
  ///   - step: The number of the batch, from 0.
  /// - Returns: The loss, and its derivative by each gate.
  /// - Throws: `KernelError` if a kernel fails.
  public func gradient(of gates: ChannelGates, step: Int) throws(KernelError) -> GateGradient {
    let mark = runner.arena.mark
    defer { runner.arena.release(to: mark) }
    let batch = runner.arena.tensor(network.input.tensorShape(batch: batches.batchSize))
    var labels = [Int32](repeating: 0, count: batches.batchSize)
    batch.withElements { elements in
      var labelSpan = labels.mutableSpan
      batches.fill(&elements, labels: &labelSpan, step: step)
    }
    gating.apply(gates)
    runner.parameters.clearGradients()
    let tape = try runner.forward(network, images: batch)
    let gradient = runner.arena.tensor(tape.outputs.shape)
    let loss = Probabilities(softmaxOf: tape.outputs).crossEntropy(
      labels: labels, gradient: gradient)
    try runner.backward(
      tape, outputGradient: gradient, weighing: gating.needsWeightGradient)
    return GateGradient(loss: loss.loss, gradient: gating.gradient())
  }
}
