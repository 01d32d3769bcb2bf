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

  /// How far two computations of one logit may lie apart; where logits are larger than 1, in
  /// proportion to the largest, as rounding is.
  private static let tolerance = 1e-4

  /// How far the accuracy may lie from the one that the search recorded, in single and in half
  /// precision.
  ///
  /// Another number of threads or another library may turn the odd image, rounded activations a few.
  private static let accuracyTolerance: [ElementType: Double] = [.float32: 0.002, .bfloat16: 0.01]

  /// Called when the files are written and not read back yet, so that a test can damage them.
  package var onWritten: (borrowing BundleFolder) throws -> Void = { _ in }

  /// What a bundle is to be like.
  public struct Options: Hashable, Sendable {
    /// Whether it may take the place of one that is there.
    public var replaces = false

    /// Whether `model.onnx` keeps batch normalisations as nodes.
    public var keepsNormalization = false

    /// Whether `model.onnx` takes pixels and normalises them itself.
    public var includesPreprocessing = false

    public init() {}
  }

  /// Writes the bundle of a trial's network.
  ///
  /// The network, retrained or else cut from the supernet, is written, read back from the files, from
  /// `weights.safetensors` and from `model.onnx`, and shown the whole hold-out; only if both answer
  /// as it did before does the bundle appear.
  ///
  /// - Parameters:
  ///   - trial: The trial.
  ///   - path: The folder of the bundle.
  ///   - options: What the bundle is to be like.
  /// - Returns: What the bundle says about itself.
  /// - Throws: ``ExportError`` if the bundle cannot be written or disagrees; ``DatasetError`` if the
  ///   study's data is gone.
  public func export(
    _ trial: Trial, to path: String, options: Options = Options()
  ) throws -> ExportReport {
    guard reader.plan.table == nil else {
      throw StudyError.noWeights(study: reader.study.name)
    }
    let folder = try BundleFolder(path: path, replacing: options.replaces)
    let material = try StudyMaterial(reader.plan)
    guard material.description == reader.study.space else {
      throw StudyError.materialChanged(study: reader.study.name)
    }
    let engine = try Engine.chosen()
    let architecture = try reader.architecture(of: trial)
    let recipe = material.recipe(images: material.images.holdOut.count)
    let (trained, inside, weights, fidelity, precision) =
      try retrained(trial, of: material, recipe, engine)
      ?? slice(architecture, of: trial, material, recipe, engine)

    let file = ArchitectureFile(
      name: material.space.name, network: trained.network,
      sizes: material.space.sizes(of: architecture).map {
        .init(decision: $0.name, size: $0.size)
      })
    let normalization = material.images.maker.normalization
    let interval = wilsonInterval(correct: inside.score.correct, of: inside.score.images)
    let preprocessing = ExportReport.Preprocessing(
      mean: normalization.mean, deviation: normalization.deviation,
      resize: reader.plan.data.size.map {
        "the middle square of each image was brought to \($0)×\($0) pixels"
      })
    let onnxOptions = ONNXOptions(
      keepsNormalization: options.keepsNormalization,
      preprocessing: options.includesPreprocessing ? preprocessing : nil)
    var report = ExportReport(
      study: reader.study.name, trial: trial.number, strategy: reader.study.strategy,
      seed: reader.study.seed, fidelity: fidelity.rawValue, macs: trained.network.cost.macs,
      params: trained.network.cost.parameters, latency: trial.latency,
      accuracy: .init(
        images: inside.score.images,
        recorded: try recordedAccuracy(
          of: trial, images: inside.score.images, weights: weights),
        supernet: inside.score.accuracy, bundle: 0, onnx: 0, low: interval.lowerBound,
        high: interval.upperBound),
      largestLogitDifference: 0, onnx: .init(onnxOptions),
      calibration: .init(
        images: recipe.calibration, batch: recipe.batch,
        method: "exact mean of the moments of batches of training images, not augmented"),
      preprocessing: preprocessing, planHash: reader.study.planHash,
      dataHash: material.dataFingerprint, holdOutHash: material.images.holdOutFingerprint,
      weightsHash: weights)
    report.classNames = material.images.maker.dataset.classNames

    try folder.write(file.text.utf8, to: "architecture.yaml")
    try folder.write(
      trained.safetensors(named: file.parameterNames, metadata: ["format": "pt"]).encoded(),
      to: "weights.safetensors")
    try folder.write(
      trained.onnx(
        name: material.space.name, options: onnxOptions, metadata: report.metadata(file)),
      to: "model.onnx")
    try onWritten(folder)

    let rebuilt = try answers(of: folder, images: material.images, recipe: recipe, engine: engine)
    report.accuracy.bundle = rebuilt.score.accuracy
    let onnx = try answersOfONNX(
      in: folder, images: material.images, recipe: recipe, engine: engine)
    report.accuracy.onnx = onnx.score.accuracy
    let tolerance = Self.tolerance * max(1, inside.largestLogit)
    for (part, outside) in [("weights.safetensors", rebuilt), ("model.onnx", onnx)] {
      let difference = inside.largestDifference(from: outside)
      report.largestLogitDifference = max(report.largestLogitDifference, difference)
      guard difference <= tolerance, inside.score.correct == outside.score.correct else {
        throw ExportError.disagrees(
          part: part, largestDifference: difference, expected: inside.score.accuracy,
          found: outside.score.accuracy)
      }
    }
    let allowance = Self.accuracyTolerance[precision, default: 0]
    if let recorded = report.accuracy.recorded,
      abs(recorded - rebuilt.score.accuracy) > allowance
    {
      throw ExportError.disagrees(
        part: "the store", largestDifference: report.largestLogitDifference,
        expected: recorded, found: rebuilt.score.accuracy)
    }

    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    try folder.write(try encoder.encode(report), to: "report.json")
    try folder.write(report.readme(of: file).utf8, to: "README.md")
    try folder.finish()
    return report
  }

  /// A network before it is written, with its answers, the hash of its weights, whose these are and
  /// what it was scored in.
  private typealias Source = (
    trained: TrainedNetwork, answers: Answers, weights: String, fidelity: Fidelity,
    precision: ElementType
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
      return (trained, answers, best.weightsHash, .retrained, .float32)
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
    return (
      trained, try supernet.answers(of: trained, with: recipe), weights, .shared, supernet.precision
    )
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
    let file = try ArchitectureFile(
      text: String(decoding: read("architecture.yaml"), as: UTF8.self))
    let trained = try TrainedNetwork(
      file.network, from: Safetensors(decoding: read("weights.safetensors")),
      named: file.parameterNames)
    return try Answers(
      of: file.network, statistics: trained.statistics, runner: trained.makeRunner(engine: engine),
      images: images, recipe: recipe)
  }

  /// Rebuilds the network from nothing but `model.onnx` and asks it.
  private func answersOfONNX(
    in folder: borrowing BundleFolder, images: StudyImages, recipe: ScoringRecipe, engine: Engine
  ) throws -> Answers {
    let bytes = try Data(contentsOf: URL(filePath: folder.path(of: "model.onnx")))
    let file = try ONNXFile(decoding: [UInt8](bytes))
    let runner = try ONNXRunner(file, engine: engine)
    return try Answers(
      to: images.holdOut.prefix(recipe.images),
      of: file.takesBytes ? images.maker.asBytes : images.maker, batch: recipe.batch,
      in: runner.arena
    ) { batch throws(KernelError) in try runner.outputs(of: batch) }
  }
}
