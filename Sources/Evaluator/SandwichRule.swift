import Datasets
public import Kernels
import Networks
public import SearchSpace

// The sandwich rule with in-place distillation: how a step trains a supernet.
//
// > J. Yu, T. Huang. "Universally Slimmable Networks and Improved Training Techniques." ICCV 2019.
// > arXiv:1903.05134, algorithm 1.
//
// | Here | In the paper |
// | --- | --- |
// | `largest`, `smallest` | the network at the largest and smallest width |
// | `settings.randomSubnets` | n - 2 |
// | `teacher` | y', the prediction of the largest width as a label |
//
// Departs from the paper: a random subnet draws each decision on its own, widths and depths, as
// AutoSlim's supernet does, not one width for all layers.

extension Supernet {
  /// What the subnets of one step had for losses, in nats.
  public struct StepLosses: Hashable, Sendable {
    /// That of the largest network, against the labels.
    public var largest: Double

    /// That of the smallest network, against the largest one or the labels.
    public var smallest: Double

    /// Whether both are numbers.
    public var isFinite: Bool { largest.isFinite && smallest.isFinite }
  }

  /// Trains one step: largest, smallest and random subnets on one batch, then one update.
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
    var losses = StepLosses(largest: 0, smallest: 0)
    var teacher: Probabilities?
    try learn(space.largest, batch) { answer, gradient in
      losses.largest = answer.crossEntropy(labels: labels, gradient: gradient).loss
      if settings.distills { teacher = answer }
    }
    for (index, subnet) in subnets(ofStep: step).dropFirst().enumerated() {
      try learn(subnet, batch) { answer, gradient in
        let loss =
          if let teacher {
            answer.crossEntropy(teacher: teacher, gradient: gradient)
          } else {
            answer.crossEntropy(labels: labels, gradient: gradient).loss
          }
        if index == 0 { losses.smallest = loss }
      }
    }
    let rate = settings.optimizer.rate(at: step, of: stepCount)
    parameters.step(settings.optimizer, rate: rate, engine: runner.engine)
    step += 1
    return losses
  }

  /// The subnets that a step trains: the largest, the smallest, then the random ones.
  public func subnets(ofStep step: Int) -> [Architecture] {
    var generator = SeededGenerator(seed: images.seed, stream: "subnets", index: step)
    let random = (0..<settings.randomSubnets).map { _ in
      space.randomArchitecture(using: &generator)
    }
    return [space.largest, space.smallest] + random
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
