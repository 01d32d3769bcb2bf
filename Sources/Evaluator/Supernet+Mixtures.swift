import Datasets
public import Kernels
import Networks
public import SearchSpace

extension Supernet {
  /// Takes a step of the weights with a mixture, on images of the first half.
  ///
  /// - Returns: The loss before the step, in nats.
  /// - Throws: ``KernelError`` if a kernel fails.
  public func trainStep(with mixture: Mixture) throws(KernelError) -> Double {
    parameters.clearGradients()
    let gradient = try differentiate(mixture, on: batches, batch: step, weighing: true)
    let rate = settings.optimizer.rate(at: step, of: stepCount)
    parameters.step(settings.optimizer, rate: rate, engine: runner.engine)
    step += 1
    return gradient.loss
  }

  /// Differentiates a mixture's loss by its weights, on images of the second half.
  ///
  /// Which images, follows from how many steps the weights have been trained for.
  ///
  /// - Throws: ``KernelError`` if a kernel fails.
  /// - Precondition: The supernet learns mixtures.
  public func differentiate(_ mixture: Mixture) throws(KernelError) -> MixtureGradient {
    guard let otherHalf else { preconditionFailure("no images are kept for mixtures") }
    return try differentiate(mixture, on: otherHalf, batch: step, weighing: false)
  }

  private func differentiate(
    _ mixture: Mixture, on batches: BatchLoader, batch index: Int, weighing weighs: Bool
  ) throws(KernelError) -> MixtureGradient {
    let mark = runner.arena.mark
    defer { runner.arena.release(to: mark) }
    let batch = runner.arena.tensor(space.input.tensorShape(batch: settings.batch))
    var labels = [Int32](repeating: 0, count: settings.batch)
    batch.withElements { elements in
      var labelSpan = labels.mutableSpan
      batches.fill(&elements, labels: &labelSpan, step: index)
    }
    let tape = try runner.forward(space.network(mixing: mixture), images: batch)
    let gradient = runner.arena.tensor(tape.outputs.shape)
    let loss = Probabilities(softmaxOf: tape.outputs).crossEntropy(
      labels: labels, gradient: gradient)
    let slopes = try runner.backward(tape, outputGradient: gradient) { _ in weighs }
    return MixtureGradient(
      loss: loss.loss,
      weights: mixture.blends.enumerated().map { decision, blend in
        // A choice that is alone, or that sizes nothing, has no weight to be changed.
        slopes[decision] ?? blend.choices.map { _ in 0 }
      })
  }
}
