import Datasets
import Evaluator
import Foundation
import Kernels
import Networks
import SearchSpace
import Strategies

/// What a plan names, made real: its space, and its images or its table.
///
/// Whoever works on a study, to search or to export, makes the same material from the same plan.
struct StudyMaterial {
  let plan: Plan

  /// The plan's space; latencies are known of it once it is ``time(by:)``.
  private(set) var space: SearchSpace

  /// What the answers are taken from.
  let source: Source

  enum Source {
    case images(StudyImages, fingerprint: String)
    case table(ArchitectureTable)
  }

  /// Reads the plan's data and makes its space.
  ///
  /// - Parameters:
  ///   - plan: The plan.
  ///   - report: Told how reading goes where it takes long.
  /// - Throws: ``DatasetError`` if the data is missing, damaged or too little; ``TableError`` if the
  ///   table is; ``SearchSpaceError`` if the space does not fit it; ``StudyError`` if this machine is
  ///   too small.
  init(_ plan: Plan, report: (StudyEvent) -> Void = { _ in }) throws {
    self.plan = plan
    if let place = plan.table {
      let table = try ArchitectureTable(
        contentsOf: place.place,
        space: plan.space.makeSpace(input: place.input, classes: place.classes),
        images: place.images)
      (space, source) = (table.space, .table(table))
      if plan.namesLatency { try requireLatencies(of: table) }
      return
    }
    let dataset = try plan.data.read(report)
    let images: StudyImages
    do throws(DatasetError) {
      images = try StudyImages(
        dataset, holdOut: plan.data.holdOut, augmentation: Augmentation(plan.data.augment),
        seed: plan.seed)
      let batch = max(plan.supernet.batch, plan.retrain?.batch ?? 0)
      guard batch <= images.training.count else {
        throw .batchTooLarge(batch: batch, images: images.training.count)
      }
    } catch {
      throw plan.placing(error)
    }
    source = .images(images, fingerprint: dataset.fingerprint)
    space = try plan.space.makeSpace(input: images.shape, classes: dataset.classes)
    try memory(of: space.largest).requireFit()
    try memoryOfRetraining?.requireFit()
  }

  /// Has the space tell latencies from now on.
  mutating func time(by table: LatencyTable) { space = space.timed(by: table) }

  /// The images to train and to score with.
  ///
  /// - Precondition: No table answers.
  var images: StudyImages {
    guard case .images(let images, _) = source else {
      preconditionFailure("\(plan.study) has a table and no images")
    }
    return images
  }

  /// The hash of the data set or of the table.
  var dataFingerprint: String {
    switch source {
    case .images(_, let fingerprint): fingerprint
    case .table(let table): table.fingerprint
    }
  }

  /// The scale on which networks see pixels, measured on the training images; `nil` where a table
  /// answers.
  var normalization: Datasets.Normalization? {
    if case .images(let images, _) = source { images.maker.normalization } else { nil }
  }

  /// What the plan's work needs of memory for one of its networks.
  func memory(of architecture: Architecture) -> MemoryEstimate {
    MemoryEstimate(
      of: space.network(of: architecture), weights: space.supernetLayers,
      batch: plan.supernet.batch,
      precision: plan.supernet.precision == .bfloat16 ? .bfloat16 : .float32)
  }

  /// What retraining needs of memory at most; `nil` if the plan has nothing retrained.
  var memoryOfRetraining: MemoryEstimate? {
    plan.retrain.map { retrain in
      MemoryEstimate(
        of: space.network(of: space.largest), batch: retrain.batch,
        precision: retrain.precision.elementType ?? .float32)
    }
  }

  /// Creates the plan's supernet with new weights.
  func makeSupernet(engine: Engine) throws -> Supernet {
    try Supernet(space: space, images: images, settings: supernetSettings, engine: engine)
  }

  /// Creates a network of random weights whose channels have gates.
  ///
  /// - Throws: ``StudyError/tooLarge(needed:available:)`` if this machine is too small for it.
  func makeGateLearner(for gates: ChannelGates, engine: Engine) throws -> GateLearner {
    try memory(of: gates).requireFit()
    return try GateLearner(
      space: space, channels: gates.counts, images: images, settings: supernetSettings,
      engine: engine)
  }

  /// What learning gates needs of memory.
  func memory(of gates: ChannelGates) -> MemoryEstimate {
    MemoryEstimate(
      of: space.gatedNetwork(channels: gates.counts).network, batch: plan.supernet.batch,
      precision: plan.supernet.precision == .bfloat16 ? .bfloat16 : .float32)
  }

  /// How the plan has the supernet trained.
  var supernetSettings: Supernet.Settings {
    var settings = Supernet.Settings()
    settings.epochs = plan.supernet.epochs
    settings.batch = plan.supernet.batch
    settings.paths = plan.supernet.paths
    settings.optimizer = plan.supernet.optimizer
    settings.learnsMixtures = plan.strategy.learnsMixtures
    settings.precision = plan.supernet.precision.elementType
    return settings
  }

  /// How an architecture is scored on the first images of the hold-out.
  func recipe(images count: Int) -> ScoringRecipe {
    ScoringRecipe(images: count, calibration: plan.supernet.calibration)
  }

  /// Space and data as one text: a study goes on only with what it began with.
  var description: String {
    struct Description: Encodable {
      let space: String
      let input: Shape
      let classes: Int
      let data: String
      let holdOut: String?
      let decisions: [Decision]
    }
    let holdOut: String? =
      if case .images(let images, _) = source { images.holdOutFingerprint } else { nil }
    return json(
      Description(
        space: space.name, input: space.input, classes: space.classes, data: dataFingerprint,
        holdOut: holdOut, decisions: space.decisions))
  }

  /// The hash of all that the weights of the study's supernet follow from.
  ///
  /// But for the last bits: another processor or number of threads rounds otherwise.
  ///
  /// - Parameters:
  ///   - engine: What computes.
  ///   - pretrained: The weights that the training begins with, if they are not drawn.
  /// - Returns: Sixteen hexadecimal digits.
  func supernetFingerprint(engine: Engine, pretrained: PretrainedWeights?) -> String {
    let weights = plan.strategy.startingWeights == .trained ? "trained" : "drawn"
    let parts =
      [plan.supernetRecipe, description, weights, engine.backend.rawValue]
      + (pretrained.map { [$0.fingerprint] } ?? [])
    return fingerprint(of: Array(parts.joined(separator: "\n").utf8))
  }

  /// The sizes of an architecture as a JSON object, in the order of the decisions.
  func sizes(of architecture: Architecture) -> String {
    let entries = space.sizes(of: architecture).map { "\"\($0.name)\": \($0.size)" }
    return "{" + entries.joined(separator: ", ") + "}"
  }

  /// The architecture that a trial's JSON object names.
  ///
  /// - Throws: ``StudyError/damagedState(study:what:)`` if it names none of the space.
  func architecture(of sizes: String) throws -> Architecture {
    guard let sizes = try? JSONDecoder().decode([String: Int].self, from: Data(sizes.utf8)),
      let architecture = try? space.architecture(sizes: sizes)
    else { throw StudyError.damagedState(study: plan.study, what: "a trial") }
    return architecture
  }
}

extension Augmentation {
  init(_ augment: Plan.Augment) {
    self.init(
      crop: augment.crop, flip: augment.flip, cutout: augment.cutout,
      resizedCrop: augment.resizedCrop)
  }
}

extension Plan {
  /// What is wrong with a size, with the place of the key that says it, if the file has one.
  fileprivate func placing(_ error: DatasetError) -> any Error {
    let key: String
    switch error {
    case .holdOutTooLarge: key = "data.hold-out"
    case .batchTooLarge(supernet.batch, _): key = "supernet.batch"
    case .batchTooLarge: key = "retrain.batch"
    default: return error
    }
    guard let file = places.file, let place = places[key] ?? places["data"] else { return error }
    return PlanError(file: file, problems: [Problem(at: place, "\(error)")])
  }
}

extension Plan.Data {
  /// Reads the training images.
  ///
  /// - Parameter report: Told how it goes where it takes long, and which images are left out.
  /// - Returns: The images.
  /// - Throws: `DatasetError`.
  func read(_ report: (StudyEvent) -> Void = { _ in }) throws(DatasetError) -> ImageDataset {
    let dataset = try source.read { done, count in
      report(.decoding(path: path, done: done, count: count))
    }
    tell(dataset.skipped, report)
    return dataset
  }

  /// Reads the test images.
  ///
  /// - Parameters:
  ///   - training: The training images that they must fit.
  ///   - report: Told how it goes where it takes long, and which images are left out.
  /// - Returns: The images; `nil` if there are none.
  /// - Throws: `DatasetError`.
  func readTest(
    matching training: ImageDataset, _ report: (StudyEvent) -> Void = { _ in }
  ) throws(DatasetError) -> ImageDataset? {
    let dataset = try source.readTest(matching: training) { done, count in
      report(.decoding(path: path, done: done, count: count))
    }
    tell(dataset?.skipped ?? [], report)
    return dataset
  }

  private func tell(_ skipped: [SkippedImage], _ report: (StudyEvent) -> Void) {
    guard let first = skipped.first else { return }
    report(.skipped(count: skipped.count, example: first.description, path: path))
  }
}

extension Plan.Supernet.Precision {
  /// The type of activations; `nil` for whichever trains faster.
  var elementType: ElementType? {
    switch self {
    case .auto: nil
    case .float32: .float32
    case .bfloat16: .bfloat16
    }
  }
}

extension Engine {
  /// What `NAS_BACKEND` names, by default the engine's own loops.
  ///
  /// - Throws: ``StudyError/unknownBackend(_:)`` if it names none.
  static func chosen() throws -> Engine {
    guard let name = ProcessInfo.processInfo.environment["NAS_BACKEND"], !name.isEmpty else {
      return try Engine()
    }
    guard let backend = Backend(rawValue: name) else { throw StudyError.unknownBackend(name) }
    return try Engine(backend: backend)
  }
}

/// A value as JSON text that is the same for equal values.
///
/// - Precondition: The value holds no number that JSON lacks.
func json(_ value: some Encodable) -> String {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
  do {
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  } catch {
    preconditionFailure("\(value) is not to be had as JSON: \(error)")
  }
}

/// The hash of some bytes, sixteen hexadecimal digits.
func fingerprint(of bytes: [UInt8]) -> String {
  var fingerprint = Fingerprint()
  fingerprint.add(bytes: bytes.span)
  return fingerprint.hexadecimal
}
