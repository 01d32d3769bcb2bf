import Datasets
public import Kernels
public import Networks
public import SearchSpace

/// The training of one network, with weights of its own.
///
///     let training = try NetworkTraining(of: network, on: images, by: recipe, engine: engine)
///     while !training.isTrained { try training.trainStep() }
///     let trained = try training.trainedNetwork(with: ScoringRecipe())
///
/// Order and variation of the images and new weights follow from the images' seed alone.
public final class NetworkTraining {
  public let network: Network
  public let images: StudyImages
  public let recipe: TrainingRecipe

  /// How many steps the weights have been trained for.
  public private(set) var step = 0

  private let runner: NetworkRunner
  private let batches: BatchLoader

  /// The moving average of the weights, where the recipe asks for one.
  private let average: Parameters?

  /// Whom the network learns from, where the recipe distills.
  private let teacher: (network: TrainedNetwork, runner: NetworkRunner)?

  private var parameters: Parameters { runner.parameters }

  /// Creates a training at its start.
  ///
  /// - Parameters:
  ///   - network: The network.
  ///   - images: What to train on; its seed is that of new weights too.
  ///   - recipe: How to train. Its augmentation counts, not that of the images.
  ///   - start: The same network with the weights to begin with; `nil` for new ones.
  ///   - teacher: Whom to learn from, if the recipe says so.
  ///   - engine: What computes.
  /// - Precondition: There is a teacher if the recipe distills.
  /// - Throws: ``KernelError`` if no memory can be reserved; ``DatasetError`` if the images do not
  ///   fill a batch.
  public init(
    of network: Network, on images: StudyImages, by recipe: TrainingRecipe,
    from start: TrainedNetwork? = nil, taughtBy teacher: TrainedNetwork? = nil, engine: Engine
  ) throws {
    precondition(network.input == images.shape, "\(network.input) for images of \(images.shape)")
    precondition(start == nil || start?.network == network, "the weights of another network")
    self.network = network
    self.images = images
    self.recipe = recipe
    let precision = recipe.precision ?? .float32
    if let start {
      runner = try start.makeRunner(engine: engine)
      runner.precision = precision
    } else {
      let parameters = try Parameters(of: network)
      parameters.initialize(seed: images.seed)
      runner = try NetworkRunner(engine: engine, parameters: parameters, precision: precision)
    }
    batches = BatchLoader(
      of: try TrainingBatches(
        of: images.maker, examples: images.training, batchSize: recipe.batch,
        augmentation: recipe.augmentation, seed: images.seed))
    average = recipe.averaging == nil ? nil : try Parameters(of: network)
    average?.approach(runner.parameters, by: 1)

    guard recipe.distillation != nil else {
      self.teacher = nil
      return
    }
    guard let teacher else { preconditionFailure("there is nobody to learn from") }
    self.teacher = (teacher, try teacher.makeRunner(engine: engine))
  }

  /// How many steps make the whole training.
  public var stepCount: Int { recipe.epochs * batches.stepsPerEpoch }

  /// How many steps make an epoch.
  public var stepsPerEpoch: Int { batches.stepsPerEpoch }

  public var isTrained: Bool { step >= stepCount }

  /// How long training has waited for images since this value was made.
  public var waited: Duration { batches.waited }

  // MARK: A step

  /// Trains one step.
  ///
  /// - Returns: The loss before the update, and how many images of the batch were classified
  ///   rightly.
  /// - Throws: ``KernelError`` if a kernel fails.
  @discardableResult
  public func trainStep() throws(KernelError) -> BatchLoss {
    let mark = runner.arena.mark
    defer { runner.arena.release(to: mark) }
    let batch = runner.arena.tensor(network.input.tensorShape(batch: recipe.batch))
    var labels = [Int32](repeating: 0, count: recipe.batch)
    batch.withElements { elements in
      var labelSpan = labels.mutableSpan
      batches.fill(&elements, labels: &labelSpan, step: step)
    }

    if step == 0, recipe.precision == nil {
      try runner.takeFasterPrecision(training: network, on: batch)
    }
    parameters.clearGradients()
    let tape = try runner.forward(network, images: batch)
    let gradient = runner.arena.tensor(tape.outputs.shape)
    let loss = try compare(tape.outputs, with: labels, of: batch, gradient: gradient)
    try runner.backward(tape, outputGradient: gradient)
    parameters.step(
      recipe.optimizer, rate: recipe.optimizer.rate(at: step, of: stepCount),
      engine: runner.engine)
    step += 1
    if let decay = recipe.averaging {
      // The first averages are of few steps, so that the weights drawn at the start soon count for
      // nothing.
      let kept = min(decay, Double(step) / Double(step + 9))
      average?.approach(parameters, by: Float(1 - kept))
    }
    return loss
  }

  private func compare(
    _ answers: Tensor, with labels: [Int32], of batch: Tensor, gradient: Tensor
  ) throws(KernelError) -> BatchLoss {
    guard let distillation = recipe.distillation, let teacher else {
      return Probabilities(softmaxOf: answers).crossEntropy(
        labels: labels, smoothing: recipe.labelSmoothing, gradient: gradient)
    }
    let arena = teacher.runner.arena
    let mark = arena.mark
    defer { arena.release(to: mark) }
    teacher.runner.precision = runner.precision
    let wanted = try teacher.runner.outputs(
      of: teacher.network.network, images: batch, statistics: teacher.network.statistics)
    return distillation.loss(
      of: answers, teacher: wanted, labels: labels, smoothing: recipe.labelSmoothing,
      gradient: gradient)
  }

  // MARK: What comes of it

  /// The network as it is now, with statistics gathered as a score's are.
  ///
  /// - Throws: ``KernelError`` if a kernel fails.
  public func trainedNetwork(
    with recipe: ScoringRecipe
  ) throws(KernelError) -> TrainedNetwork {
    let parameters = average ?? self.parameters
    // In single precision, in which whoever gets the network computes it.
    let scoring = Scoring(
      runner: try NetworkRunner(engine: runner.engine, parameters: parameters), images: images,
      recipe: recipe)
    return TrainedNetwork(
      network, slicing: parameters, statistics: try scoring.statistics(of: network))
  }

  /// Everything that training goes on from: weights, their momentum and average, the number of the
  /// step, precision.
  public func checkpoint() -> Safetensors {
    TrainingState(step: step, precision: runner.precision).file(of: parameters, average: average)
  }

  /// Goes back to a checkpoint.
  ///
  /// - Throws: ``WeightsError`` if it is that of another training; then nothing has changed.
  public func restore(_ file: Safetensors) throws(WeightsError) {
    let state = try TrainingState(restoring: parameters, average: average, from: file)
    step = state.step
    runner.precision = state.precision
  }
}
