import Datasets
import Evaluator
import Foundation
import Kernels
import SearchSpace

/// What a plan names, made real: its images and its space.
///
/// Whoever works on a study, to search or to export, makes the same material from the same plan.
struct StudyMaterial {
  let plan: Plan
  let images: StudyImages
  let space: SearchSpace

  /// The hash of the data set.
  let dataFingerprint: String

  /// Reads the plan's data and makes its space.
  ///
  /// - Throws: ``DatasetError`` if the data is missing, damaged or too little; ``SearchSpaceError``
  ///   if the space does not fit it; ``StudyError`` if this machine is too small.
  init(_ plan: Plan) throws {
    self.plan = plan
    let dataset = try ImageDataset(idxFolder: plan.data.path)
    dataFingerprint = dataset.fingerprint
    let augment = plan.data.augment
    images = try StudyImages(
      dataset, holdOut: plan.data.holdOut,
      augmentation: Augmentation(crop: augment.crop, flip: augment.flip, cutout: augment.cutout),
      seed: plan.seed)
    space = try plan.space.makeSpace(input: images.shape, classes: dataset.classes)
    guard plan.supernet.batch <= images.training.count else {
      throw DatasetError.batchTooLarge(
        batch: plan.supernet.batch, images: images.training.count)
    }
    try memory(of: space.largest).requireFit()
  }

  /// What the plan's work needs of memory for one of its networks.
  func memory(of architecture: Architecture) -> MemoryEstimate {
    MemoryEstimate(
      of: space.network(of: architecture), weights: space.supernetLayers,
      batch: plan.supernet.batch,
      precision: plan.supernet.precision == .bfloat16 ? .bfloat16 : .float32)
  }

  /// Creates the plan's supernet with new weights.
  func makeSupernet(engine: Engine) throws -> Supernet {
    try Supernet(space: space, images: images, settings: supernetSettings, engine: engine)
  }

  /// How the plan has the supernet trained.
  var supernetSettings: Supernet.Settings {
    var settings = Supernet.Settings()
    settings.epochs = plan.supernet.epochs
    settings.batch = plan.supernet.batch
    settings.randomSubnets = plan.supernet.sandwich
    settings.distills = plan.supernet.distill
    settings.optimizer = plan.supernet.optimizer
    settings.learnsMixtures = plan.strategy.learnsMixtures
    settings.precision =
      switch plan.supernet.precision {
      case .auto: nil
      case .float32: .float32
      case .bfloat16: .bfloat16
      }
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
      let holdOut: String
      let decisions: [Decision]
    }
    return json(
      Description(
        space: space.name, input: space.input, classes: space.classes, data: dataFingerprint,
        holdOut: images.holdOutFingerprint, decisions: space.decisions))
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
