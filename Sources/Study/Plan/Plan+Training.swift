import Datasets
import Export
import SearchSpace
import Strategies

extension Plan {
  /// What a file is for.
  public enum Purpose: Hashable, Sendable {
    /// To search.
    case search

    /// To train the largest network of its space on its own; such a file has no `supernet`, no
    /// `strategy` and no `budgets`.
    case training
  }

  /// The plan of training the largest network of a space.
  private init(training space: Space, data: Data, study: String) {
    self.init(
      study: study, data: data, space: space, strategy: Strategy(LargestNetwork.self),
      budgets: [Limit(.parameters, .share(partsPerMillion: 1_000_000))])
    retrain = Retrain(augment: data.augment)
  }

  /// Reads the root of a training file.
  ///
  /// - Parameters:
  ///   - form: The root.
  ///   - name: The study's name if the file gives none.
  ///   - reader: Receives every problem. If there are any, the plan means nothing.
  init(training form: Form, name: String, reader: inout FormReader) {
    let keys = reader.mapping(
      form, keys: ["study", "seed", "data", "space", "retrain", "checkpoint-every"],
      required: ["data": "data: {path: images}", "space": "space: best/architecture.yaml"])
    var data = Data(path: "")
    data.read(keys["data"], &reader)
    var space = Space(network: .mobileNetV2)
    space.read(keys["space"], &reader)
    self.init(training: space, data: data, study: name)
    readName(keys["study"], of: form, &reader)
    reader.integer(keys["seed"], 0...UInt64.max, into: &seed)
    if keys["retrain"] != nil {
      retrain = Retrain.read(
        keys["retrain"], augment: data.augment, strategy: strategy, &reader)
    }
    readInterval(keys["checkpoint-every"], &reader)
  }

  /// The plan of training one network by the default recipe.
  ///
  /// - Parameters:
  ///   - path: Its `architecture.yaml`, after which the study is named.
  ///   - folder: The images, which are brought to the network's size where they have none.
  /// - Throws: ``UnreadableFileError`` or `ExportError` if there is no network to be read; `DatasetError`
  ///   if there are no images.
  public init(trainingNetworkAt path: String, onImagesIn folder: String) throws {
    let file = try ArchitectureFile(text: Space.text(of: path))
    var space = Space(network: .mobileNetV2)
    space.structure = .architecture(Space.FixedNetwork(file))
    var data = Data(path: folder)
    data.format = try DataFormat(recognizing: folder)
    if data.format == .imageFolder {
      data.size = file.network.input.height
    }
    self.init(training: space, data: data, study: Self.name(of: path))
  }
}
