import Datasets
public import Kernels
import Networks
public import SearchSpace

// How a step trains a supernet: some of its subnets on one batch, then one update.
//
// By the sandwich rule with in-place distillation:
//
// > J. Yu, T. Huang. "Universally Slimmable Networks and Improved Training Techniques." ICCV 2019.
// > arXiv:1903.05134, algorithm 1.
//
// | Here | In the paper |
// | --- | --- |
// | largest, smallest | the network at the largest and smallest width |
// | `random` | n - 2 |
// | `teacher` | y', the prediction of the largest width as a label |
//
// Departs from the paper: a random subnet draws each decision on its own, widths and depths, as
// AutoSlim's supernet does, not one width for all layers.
//
// Or by single paths:
//
// > Z. Guo, X. Zhang, H. Mu, W. Heng, Z. Liu, Y. Wei, J. Sun. "Single Path One-Shot Neural
// > Architecture Search with Uniform Sampling." ECCV 2020. arXiv:1904.00420, section 3.2.
//
// Departs from the paper: widths share the first channels, and depths the first blocks, while the
// paper's choice blocks have weights of their own.
//
// Or the largest network alone, with sparse scales if wished:
//
// > Z. Liu, J. Li, Z. Shen, G. Huang, S. Yan, C. Zhang. "Learning Efficient Convolutional Networks
// > through Network Slimming." ICCV 2017. arXiv:1708.06519, equation 1.

extension Supernet {
  /// What the subnets of one step had for losses.
  public struct StepLosses: Hashable, Sendable {
    /// The mean cross-entropy of each in nats, in the order of ``Supernet/subnets(ofStep:)``.
    public var subnets: [Double]

    /// That of the first, which is learnt from the labels: by the sandwich rule the largest network.
    public var first: Double { subnets[0] }

    /// Whether all are numbers.
    public var areFinite: Bool { subnets.allSatisfy { $0.isFinite } }
  }

  /// Trains one step: each of its subnets on one batch, then one update.
  ///
  /// - Returns: The losses before the update.
  /// - Throws: ``KernelError`` if a kernel fails.
  @discardableResult
  public func trainStep() throws(KernelError) -> StepLosses {
    let mark = runner.arena.mark
    defer { runner.arena.release(to: mark) }
    let batch = runner.arena.tensor(space.input.tensorShape(batch: settings.batch))
    var labels = [Int32](repeating: 0, count: settings.batch)
    batch.withElements { elements in
      var labelSpan = labels.mutableSpan
      batches.fill(&elements, labels: &labelSpan, step: step)
    }

    if step == 0, settings.precision == nil {
      try runner.takeFasterPrecision(training: space.network(of: space.largest), on: batch)
    }
    parameters.clearGradients()
    var losses = StepLosses(subnets: [])
    var teacher: Probabilities?
    for subnet in subnets(ofStep: step) {
      try learn(subnet, batch) { answer, gradient in
        if let teacher {
          losses.subnets.append(answer.crossEntropy(teacher: teacher, gradient: gradient))
        } else {
          losses.subnets.append(answer.crossEntropy(labels: labels, gradient: gradient).loss)
          if settings.paths.distills { teacher = answer }
        }
      }
    }
    if case .largest(let sparsity) = settings.paths, sparsity > 0 {
      parameters.addPenalty(sparsity, on: .normalizationScale)
    }
    let rate = settings.optimizer.rate(at: step, of: stepCount)
    parameters.step(settings.optimizer, rate: rate, engine: runner.engine)
    step += 1
    return losses
  }

  /// The subnets that a step trains: by the sandwich rule the largest, the smallest, then the
  /// random ones.
  public func subnets(ofStep step: Int) -> [Architecture] {
    var generator = SeededGenerator(seed: images.seed, stream: "subnets", index: step)
    switch settings.paths {
    case .sandwich(let random, _):
      return [space.largest, space.smallest]
        + (0..<random).map { _ in space.randomArchitecture(using: &generator) }
    case .single:
      return [space.randomArchitecture(using: &generator)]
    case .largest:
      return [space.largest]
    }
  }

  /// Adds the gradients of one subnet, whose loss `compare` computes from what it answers.
  private func learn(
    _ architecture: Architecture, _ batch: Tensor, compare: (Probabilities, Tensor) -> Void
  ) throws(KernelError) {
    let mark = runner.arena.mark
    defer { runner.arena.release(to: mark) }
    let tape = try runner.forward(space.network(of: architecture), images: batch)
    let gradient = runner.arena.tensor(tape.outputs.shape)
    compare(Probabilities(softmaxOf: tape.outputs), gradient)
    try runner.backward(tape, outputGradient: gradient)
  }
}

extension Supernet.Paths {
  /// Whether the first subnet of a step teaches the others.
  fileprivate var distills: Bool {
    switch self {
    case .sandwich(_, let distills): distills
    case .single, .largest: false
    }
  }

  /// How many subnets a step trains.
  public var count: Int {
    switch self {
    case .sandwich(let random, _): 2 + random
    case .single, .largest: 1
    }
  }
}
