import Datasets
import Evaluator
public import Export
import Foundation
import Kernels
import Networks
import SearchSpace
public import TrialStore

/// Hands over a network that a study found, and proves that it is the one.
public struct BundleExporter {
  private let reader: StudyReader

  /// - Parameter reader: The study.
  public init(_ reader: StudyReader) {
    self.reader = reader
  }

  /// How far two computations of one logit may lie apart.
  private static let tolerance = 1e-4

  /// How far the accuracy may lie from the one that the search recorded.
  private static let accuracyTolerance = 0.002

  /// Writes the bundle of a trial's network.
  ///
  /// The network, retrained or else cut from the supernet, is written, read back from the files and
  /// shown the whole hold-out; only if it answers as it did before does the bundle appear.
  ///
  /// - Parameters:
  ///   - trial: The trial.
  ///   - path: The folder of the bundle.
  ///   - replacing: Whether it may take the place of what is there.
  /// - Returns: What the bundle says about itself.
  /// - Throws: ``ExportError`` if the bundle cannot be written or disagrees; ``DatasetError`` if the
  ///   study's data is gone.
  public func export(
    _ trial: Trial, to path: String, replacing: Bool
  ) throws -> ExportReport {
    guard reader.plan.table == nil else {
      throw StudyError.noWeights(study: reader.study.name)
    }
    let folder = try BundleFolder(path: path, replacing: replacing)
    let material = try StudyMaterial(reader.plan)
    guard material.description == reader.study.space else {
      throw StudyError.materialChanged(study: reader.study.name)
    }
    let engine = try Engine.chosen()
    let architecture = try reader.architecture(of: trial)
    let recipe = material.recipe(images: material.images.holdOut.count)
    let (trained, inside, weights, fidelity) =
      try retrained(trial, of: material, recipe, engine)
      ?? slice(architecture, of: trial, material, recipe, engine)

    let file = ArchitectureFile(
      name: material.space.name, network: trained.network,
      sizes: material.space.sizes(of: architecture).map {
        .init(decision: $0.name, size: $0.size)
      })
    try folder.write(file.text.utf8, to: "architecture.yaml")
    try folder.write(
      trained.safetensors(metadata: ["format": "pt"]).encoded(), to: "weights.safetensors")

    let outside = try answers(of: folder, images: material.images, recipe: recipe, engine: engine)
    let difference = inside.largestDifference(from: outside)
    guard difference <= Self.tolerance, inside.score.correct == outside.score.correct else {
      throw ExportError.disagrees(
        largestDifference: difference, supernet: inside.score.accuracy,
        bundle: outside.score.accuracy)
    }

    // Another number of threads or another library may turn the odd image, and no more.
    let recorded = try recordedAccuracy(
      of: trial, images: outside.score.images, weights: weights)
    if let recorded, abs(recorded - outside.score.accuracy) > Self.accuracyTolerance {
      throw ExportError.disagrees(
        largestDifference: difference, supernet: recorded, bundle: outside.score.accuracy)
    }

    let interval = wilsonInterval(correct: outside.score.correct, of: outside.score.images)
    let normalization = material.images.maker.normalization
    let report = ExportReport(
      study: reader.study.name, trial: trial.number, strategy: reader.study.strategy,
      seed: reader.study.seed, fidelity: fidelity.rawValue, macs: trained.network.cost.macs,
      params: trained.network.cost.parameters,
      accuracy: .init(
        images: outside.score.images, recorded: recorded, supernet: inside.score.accuracy,
        bundle: outside.score.accuracy, low: interval.lowerBound, high: interval.upperBound),
      largestLogitDifference: difference,
      calibration: .init(
        images: recipe.calibration, batch: recipe.batch,
        method: "exact mean of the moments of batches of training images, not augmented"),
      preprocessing: .init(mean: normalization.mean, deviation: normalization.deviation),
      planHash: reader.study.planHash, dataHash: material.dataFingerprint,
      holdOutHash: material.images.holdOutFingerprint, weightsHash: weights)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    try folder.write(try encoder.encode(report), to: "report.json")
    try folder.write(report.readme.utf8, to: "README.md")
    try folder.finish()
    return report
  }

  /// A network before it is written, with its answers, the hash of its weights and whose these are.
  private typealias Source = (
    trained: TrainedNetwork, answers: Answers, weights: String, fidelity: Fidelity
  )

  /// The trial's network with the best of the weights that it was retrained to; `nil` if it was not.
  private func retrained(
    _ trial: Trial, of material: StudyMaterial, _ recipe: ScoringRecipe, _ engine: Engine
  ) throws -> Source? {
    let best = try reader.store.scores(of: trial).filter {
      $0.fidelity == .retrained && !$0.isTest && $0.accuracy != nil
    }.max { $0.correct < $1.correct }
    guard let best else { return nil }
    let network = try reader.network(of: trial)
    for origin in Plan.Retrain.Origin.allCases {
      let name = Retraining.name(of: trial.number, from: origin)
      guard
        try reader.store.checkpoint(named: name, of: reader.study.id)?.checksum == best.weightsHash
      else { continue }
      let trained = try reader.store.retrainedNetwork(network, named: name, reader.study)
      let answers = try Answers(
        of: network, statistics: trained.statistics, runner: trained.makeRunner(engine: engine),
        images: material.images, recipe: recipe)
      return (trained, answers, best.weightsHash, .retrained)
    }
    throw StudyError.damagedState(
      study: reader.study.name, what: "the weights that trial \(trial.number) was retrained to")
  }

  /// The trial's network as it is inside the supernet.
  private func slice(
    _ architecture: Architecture, of trial: Trial, _ material: StudyMaterial,
    _ recipe: ScoringRecipe, _ engine: Engine
  ) throws -> Source {
    let supernet = try material.makeSupernet(engine: engine)
    let weights = try restoreWeights(of: supernet, for: trial)
    let trained = try supernet.trainedNetwork(of: architecture, with: recipe)
    return (trained, try supernet.answers(of: trained, with: recipe), weights, .shared)
  }

  /// Loads the weights that a trial's scores were made with.
  ///
  /// - Returns: Their hash.
  private func restoreWeights(of supernet: Supernet, for trial: Trial) throws -> String {
    let scores = try reader.store.scores(of: trial)
    guard !scores.isEmpty else { throw StudyError.unscored(study: reader.study.name) }
    _ = try TrainingCheckpoint(restoring: supernet, of: reader.study, from: reader.store)
    guard supernet.isTrained else { throw StudyError.unfinished(study: reader.study.name) }
    let weights = supernet.weightsFingerprint
    guard scores.contains(where: { $0.weightsHash == weights }) else {
      throw StudyError.damagedState(
        study: reader.study.name, what: "the weights that trial \(trial.number) was scored with")
    }
    return weights
  }

  /// The accuracy that was found with these weights on the same images, if it looked at all of them.
  private func recordedAccuracy(
    of trial: Trial, images: Int, weights: String
  ) throws -> Double? {
    try reader.store.scores(of: trial).last {
      $0.images == images && !$0.isTest && $0.weightsHash == weights
    }?.accuracy
  }

  /// Rebuilds the network from nothing but the bundle's files and asks it.
  private func answers(
    of folder: borrowing BundleFolder, images: StudyImages, recipe: ScoringRecipe, engine: Engine
  ) throws -> Answers {
    func read(_ name: String) throws -> [UInt8] {
      [UInt8](try Data(contentsOf: URL(filePath: folder.path(of: name))))
    }
    let network = try ArchitectureFile(
      text: String(decoding: read("architecture.yaml"), as: UTF8.self)
    ).network
    let trained = try TrainedNetwork(
      network, from: Safetensors(decoding: read("weights.safetensors")))
    return try Answers(
      of: network, statistics: trained.statistics, runner: trained.makeRunner(engine: engine),
      images: images, recipe: recipe)
  }
}

extension ExportReport {
  /// A page that tells a stranger what the bundle is.
  var readme: String {
    let percent = (accuracy.bundle * 1000).rounded() / 10
    let origin =
      fidelity == Fidelity.retrained.rawValue
      ? "trained on its own" : "inherited from the supernet of the search"
    return """
      # A network found by nas

      Trial \(trial) of study '\(study)': \(macs) multiply-adds and \(params) parameters.
      It classifies \(percent) % of \(accuracy.images) images held out of the training set, with
      weights \(origin).

      - `architecture.yaml`: every layer with its sizes, in the order in which they are computed.
      - `weights.safetensors`: for each convolution `NAME.weight` (output, input, height, width) and
        its batch normalisation `NAME.norm.{weight,bias,running_mean,running_var}` (eps 1e-5); for
        the classifier `weight` and `bias`.
      - `report.json`: costs, accuracies, preprocessing, and hashes of what it was made from.

      An image goes in as (pixel / 255 - mean) / deviation, with `preprocessing` of `report.json`.

      """
  }
}
