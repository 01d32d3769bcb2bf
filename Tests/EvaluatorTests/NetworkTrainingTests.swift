import Datasets
import Evaluator
import Kernels
import Networks
import SearchSpace
import TestSupport
import Testing

@Suite struct NetworkTrainingTests {
  private func network() throws -> Network {
    let space = try SearchSpace(name: "small", input: Shape(channels: 1, height: 8, width: 8)) {
      Convolution(name: "stem", width: 8, kernel: 3)
      Stage(.basic(inner: [8]), width: 12, depth: 1, stride: 2)
      GlobalAveragePool()
      Linear(classes: 4)
    }
    return space.network(of: space.largest)
  }

  private func images() throws -> StudyImages {
    let synthetic = SyntheticImages(count: 800)
    return try StudyImages(
      ImageDataset(
        pixels: synthetic.pixels, labels: synthetic.labels, height: 8, width: 8, channels: 1,
        classes: 4), holdOut: 200, augmentation: .none, seed: 3)
  }

  /// Everything that a recipe can ask for.
  private var recipe: TrainingRecipe {
    var recipe = TrainingRecipe()
    recipe.epochs = 10
    recipe.batch = 40
    recipe.labelSmoothing = 0.1
    recipe.augmentation = Augmentation(crop: 1, flip: false, cutout: 2)
    recipe.optimizer.warmUp = 0.1
    recipe.averaging = 0.9
    return recipe
  }

  private let scoring = ScoringRecipe(images: 200, calibration: 90, batch: 40)

  private func training(
    by recipe: TrainingRecipe, from start: TrainedNetwork? = nil,
    taughtBy teacher: TrainedNetwork? = nil
  ) throws -> NetworkTraining {
    try NetworkTraining(
      of: network(), on: images(), by: recipe, from: start, taughtBy: teacher, engine: Engine())
  }

  private func accuracy(of trained: TrainedNetwork) throws -> Double {
    try Answers(
      of: trained.network, statistics: trained.statistics,
      runner: trained.makeRunner(engine: Engine()),
      images: images(), recipe: scoring
    ).score.accuracy
  }

  private func teacher() throws -> TrainedNetwork {
    let training = try training(by: recipe)
    while !training.isTrained { try training.trainStep() }
    return try training.trainedNetwork(with: scoring)
  }

  @Test func `learns from labels, and from a teacher alone`() throws {
    let teacher = try teacher()
    #expect(try accuracy(of: teacher) > 0.8)
    var taught = recipe
    taught.distillation = Distillation()
    taught.distillation?.alpha = 1
    let student = try training(by: taught, taughtBy: teacher)
    while !student.isTrained { try student.trainStep() }
    #expect(try accuracy(of: student.trainedNetwork(with: scoring)) > 0.7)
  }

  @Test(arguments: [true, false])
  func `goes on from a checkpoint as if it had never stopped`(distills: Bool) throws {
    let teacher = distills ? try teacher() : nil
    var recipe = recipe
    recipe.distillation = distills ? Distillation() : nil
    let whole = try training(by: recipe, taughtBy: teacher)
    for _ in 0..<7 { try whole.trainStep() }
    let file = try Safetensors(decoding: whole.checkpoint().encoded())
    let resumed = try training(by: recipe, taughtBy: teacher)
    try resumed.restore(file)
    #expect(resumed.step == 7)
    for _ in 0..<7 { #expect(try whole.trainStep() == resumed.trainStep()) }
    #expect(whole.checkpoint().encoded() == resumed.checkpoint().encoded())
    #expect(
      try whole.trainedNetwork(with: scoring).safetensors().encoded()
        == resumed.trainedNetwork(with: scoring).safetensors().encoded())
  }

  @Test func `trains to the same weights from the same seed`() throws {
    let weights = try (0..<2).map { _ in
      let training = try training(by: recipe)
      for _ in 0..<10 { try training.trainStep() }
      return training.checkpoint().encoded()
    }
    #expect(weights[0] == weights[1])
  }

  @Test func `steps as the largest network of a supernet does`() throws {
    let space = SearchSpace(name: "one", fixed: try network())
    var settings = Supernet.Settings()
    (settings.batch, settings.paths) = (40, .sandwich(random: 0, distills: false))
    let images = try images()
    let supernet = try Supernet(
      space: space, images: images, settings: settings, engine: Engine())
    var recipe = TrainingRecipe()
    (recipe.batch, recipe.optimizer) = (40, settings.optimizer)
    let training = try training(by: recipe)
    #expect(try training.trainStep().loss == supernet.trainStep().first)
  }

  @Test func `begins with the weights that it is given`() throws {
    let teacher = try teacher()
    let training = try training(by: recipe, from: teacher)
    let file = training.checkpoint()
    #expect(teacher.arrays.allSatisfy { file[$0.name] == $0 })
    #expect(teacher.arrays.allSatisfy { file["average." + $0.name]?.values == $0.values })
  }

  @Test func `averages the weights as the formula says`() throws {
    let training = try training(by: recipe)
    let name = "stem.weight"
    func values(_ prefix: String = "") -> [Float] {
      training.checkpoint()[prefix + name]?.values ?? []
    }
    var expected = values()
    for step in 1...20 {
      try training.trainStep()
      let kept = Float(min(0.9, Double(step) / Double(step + 9)))
      expected = zip(expected, values()).map { kept * $0 + (1 - kept) * $1 }
    }
    #expect(relativeDifference(values("average."), expected) < 1e-5)
    // What comes of it is the average.
    let trained = try training.trainedNetwork(with: scoring)
    #expect(trained.arrays.first { $0.name == name }?.values == values("average."))
  }

  @Test func `refuses the checkpoint of another training and stays as it is`() throws {
    let averaging = try training(by: recipe)
    var plain = recipe
    plain.averaging = nil
    let other = try training(by: plain)
    let before = averaging.checkpoint().encoded()
    #expect(throws: WeightsError.self) { try averaging.restore(other.checkpoint()) }
    #expect(averaging.checkpoint().encoded() == before)
  }
}
