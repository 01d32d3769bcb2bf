import Datasets
import Evaluator
import Export
import Kernels
import Networks
import SearchSpace
import TrialStore

/// A network that is to be trained on its own.
struct Retraining {
  /// The name of the teacher's weights in the store, and of its curve.
  static let teacher = "teacher"

  /// Marks weights as those at the end of a training.
  static let finishedKey = "nas.finished"

  /// Names all that a teacher's weights follow from, so that another study may take them over.
  static let originKey = "nas.origin"

  /// The name of its weights in the store, and of its curve.
  let name: String

  /// The trial that it is the network of; `nil` for the teacher.
  let trial: Trial?

  let network: Network
  let recipe: TrainingRecipe
  let origin: Plan.Retrain.Origin

  /// Multiply-adds of the whole training, roughly.
  let work: Double

  /// The training of a trial's network.
  init(of trial: Trial, network: Network, by retrain: Plan.Retrain, in material: StudyMaterial) {
    self.init(
      name: Self.name(of: trial.number, from: retrain.from), trial: trial, network: network,
      recipe: material.trainingRecipe(of: network, by: retrain), origin: retrain.from, in: material)
  }

  /// The training of the network that teaches the others.
  init(ofTeacherBy retrain: Plan.Retrain, in material: StudyMaterial) {
    let network = material.largestNetwork
    self.init(
      name: Self.teacher, trial: nil, network: network,
      recipe: material.trainingRecipe(of: network, by: retrain).ofTeacher, origin: .scratch,
      in: material)
  }

  private init(
    name: String, trial: Trial?, network: Network, recipe: TrainingRecipe,
    origin: Plan.Retrain.Origin, in material: StudyMaterial
  ) {
    self.name = name
    self.trial = trial
    self.network = network
    self.recipe = recipe
    self.origin = origin
    let images = Double(recipe.epochs * material.images.training.count)
    // Backward takes twice as much as forward.
    let passes = 3 * Double(network.cost.macs)
    let teaching = recipe.distillation == nil ? 0 : Double(material.largestNetwork.cost.macs)
    work = images * (passes + teaching)
  }

  /// The name of the weights that a trial's network came to.
  static func name(of trial: Int, from origin: Plan.Retrain.Origin) -> String {
    "trial \(trial)" + (origin == .scratch ? "" : " \(origin.rawValue)")
  }

  /// How it was trained, for the record.
  var record: Record { Record(from: origin.rawValue, recipe: recipe) }

  struct Record: Encodable {
    let from: String
    let recipe: TrainingRecipe
  }
}

extension StudyMaterial {
  var largestNetwork: Network { space.network(of: space.largest) }

  /// The hash of all that a teacher's weights follow from, but for the rounding of another processor
  /// or number of threads.
  func teacherFingerprint(
    of recipe: TrainingRecipe, from start: PretrainedWeights?, engine: Engine
  ) -> String {
    struct Origin: Encodable {
      let data: String
      let holdOut: String
      let seed: UInt64
      let recipe: TrainingRecipe
      let start: String?
      let library: String
    }
    let origin = Origin(
      data: dataFingerprint, holdOut: images.holdOutFingerprint, seed: plan.seed, recipe: recipe,
      start: start?.fingerprint,
      library: engine.backend.rawValue)
    let text =
      json(origin)
      + ArchitectureFile(name: Retraining.teacher, network: largestNetwork, sizes: []).text
    return fingerprint(of: Array(text.utf8))
  }

  /// How the plan has a network trained on its own.
  func trainingRecipe(of network: Network, by retrain: Plan.Retrain) -> TrainingRecipe {
    var recipe = TrainingRecipe()
    recipe.epochs = retrain.epochs.of(
      macs: network.cost.macs, largest: largestNetwork.cost.macs)
    recipe.batch = retrain.batch
    recipe.optimizer = retrain.optimizer
    recipe.labelSmoothing = retrain.labelSmoothing
    recipe.augmentation = Augmentation(retrain.augment)
    recipe.averaging = retrain.averaging
    recipe.distillation = retrain.distill
    recipe.precision = retrain.precision.elementType
    return recipe
  }

  /// Reads what only retrained networks meet.
  ///
  /// - Parameter report: Told how reading goes where it takes long.
  /// - Returns: The images; `nil` if the data has no such part.
  /// - Throws: ``DatasetError`` if it is damaged.
  func testImages(report: (StudyEvent) -> Void) throws -> BatchMaker? {
    try plan.data.readTest(matching: images.maker.dataset, report).map { dataset in
      BatchMaker(of: dataset, normalization: images.maker.normalization)
    }
  }
}

extension TrialStore {
  /// Whether weights of this name were trained to their end.
  func isRetrained(_ name: String, _ study: Study) throws -> Bool {
    try weights(named: name, of: study)?.metadata[Retraining.finishedKey] != nil
  }

  /// A network with the weights that it was trained to.
  ///
  /// - Throws: ``StudyError/damagedState(study:what:)`` if they are not there or not the network's.
  func retrainedNetwork(
    _ network: Network, named name: String, _ study: Study
  ) throws -> TrainedNetwork {
    guard let file = try weights(named: name, of: study),
      let trained = try? TrainedNetwork(network, from: file)
    else { throw StudyError.damagedState(study: study.name, what: "the checkpoint '\(name)'") }
    return trained
  }
}
