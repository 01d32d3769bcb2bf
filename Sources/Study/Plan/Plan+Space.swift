import Export
import Foundation
public import SearchSpace

extension Plan {
  /// The networks to choose from.
  public struct Space: Hashable, Sendable {
    /// What they are made of.
    ///
    /// - `network`: a family, one of ``Family/names``, `resnet-N` of up to 1202 layers.
    /// - `layers`: a network of one's own, part by part; see ``Layers``.
    /// - `architecture`: one network, in a file that `nas export` wrote, its path relative to the
    ///   search file. `space: FILE` says the same.
    public var structure: Structure

    /// What is elastic about a family; each family takes only some of these.
    ///
    /// - `width`: `scale`, what the family's widths are multiplied by, 0.01 to 10, default 1;
    ///   `groups`, how many steps a width has, 1 to 1000, default 12; `divisor`, what all widths
    ///   are multiples of, 1 to 1024, default 8. In place of `groups`, `shares` lists the choices in
    ///   per cent of the widest, as TAS does: `[30%, 40%, 50%]` and the widest itself.
    /// - `depth`: `min`, the fewest blocks a stage keeps, at least 1; by default it keeps all. `step`,
    ///   how many blocks apart its depths are, 1 to 1000, default 1; keeping all is one of them.
    /// - `residual`: `tied`, the default, makes the widths of residual streams elastic too, each
    ///   stream as one; `fixed` does not; `shortcut` gives each block a width of its own.
    /// - `strides`: a list of 1 and 2 for the stem and each stage. By default the family's own;
    ///   most families leave out the first halvings where images are small.
    public var settings = Family.Settings()

    public enum Structure: Hashable, Sendable {
      case family(Family)
      case layers(Layers)
      case architecture(FixedNetwork)
    }

    /// One network, as a file describes it.
    public struct FixedNetwork: Hashable, Sendable {
      /// What the file holds.
      let file: ArchitectureFile

      init(_ file: ArchitectureFile) {
        self.file = file
      }
    }

    public init(network: Family) {
      structure = .family(network)
    }

    /// Makes the space.
    ///
    /// - Parameters:
    ///   - input: The shape of the data's images.
    ///   - classes: How many classes the data has.
    /// - Returns: The space.
    /// - Throws: ``SearchSpaceError`` if the plan does not fit the data.
    public func makeSpace(input: Shape, classes: Int) throws -> SearchSpace {
      switch structure {
      case .family(let family):
        return try family.space(input: input, classes: classes, settings: settings)
      case .layers(let layers):
        return try layers.space(input: input, classes: classes)
      case .architecture(let architecture):
        let network = architecture.file.network
        guard network.input == input else {
          throw SearchSpaceError.otherInput(input, expected: network.input)
        }
        guard network.classes == classes else {
          throw SearchSpaceError.otherClasses(scores: network.classes, classes: classes)
        }
        return SearchSpace(name: architecture.file.name, fixed: network)
      }
    }

    mutating func read(_ form: Form?, _ reader: inout FormReader) {
      guard let form else { return }
      if form.word != nil {
        readArchitecture(form, &reader)
        return
      }
      let kinds = ["network", "layers", "architecture"]
      let given = form.keys.filter(kinds.contains)
      let known: [String] =
        switch given.first {
        case "layers": ["layers", "input"]
        case "architecture": ["architecture"]
        case "network": ["network"] + Family.Setting.allCases.map(\.rawValue)
        default: kinds
        }
      let keys = reader.mapping(
        form, keys: known,
        required: given.isEmpty ? ["network": "network: mobilenet-v2"] : [:])
      switch given.first {
      case "layers":
        var layers = Layers()
        layers.read(keys, &reader)
        structure = .layers(layers)
      case "architecture": readArchitecture(keys["architecture"], &reader)
      default: readFamily(form, keys, &reader)
      }
    }

    private mutating func readFamily(
      _ form: Form, _ keys: [String: Form], _ reader: inout FormReader
    ) {
      let before = reader.problems.count
      var family = Family.mobileNetV2
      reader.scalar(
        keys["network"], expecting: "the name of a family", into: &family, by: Family.init(word:))
      structure = .family(family)
      if reader.problems.count == before {
        for setting in Family.Setting.allCases where !family.settings.contains(setting) {
          guard let form = keys[setting.rawValue] else { continue }
          reader.report(form.position, "\(family.name) has no use for \(setting.rawValue.quoted)")
        }
      }

      let width = reader.mapping(keys["width"], keys: ["scale", "groups", "shares", "divisor"])
      reader.decimal(width["scale"], .from(0.01, to: 10), into: &settings.width.scale)
      reader.integer(width["groups"], 1...1000, into: &settings.width.groups)
      reader.integer(width["divisor"], 1...1024, into: &settings.width.divisor)
      settings.width.shares = reader.shares(width["shares"])
      if let groups = width["groups"], width["shares"] != nil {
        reader.report(
          groups.position, "shares say what the choices are; leave out groups or shares")
      }

      let depth = reader.mapping(keys["depth"], keys: ["min", "step"], required: ["min": "min: 1"])
      if let form = depth["min"] {
        var smallest = 1
        reader.integer(form, 1...Int.max, into: &smallest)
        settings.smallestDepth = smallest
      }
      reader.integer(depth["step"], 1...1000, into: &settings.depthStep)
      reader.word(keys["residual"], into: &settings.residual)
      settings.strides = reader.list(keys["strides"], example: "[1, 1, 2, 2]")?.map { form in
        var stride = 1
        reader.integer(form, 1...2, into: &stride)
        return stride
      }

      // Whether the settings fit the family is the family's to say.
      guard reader.problems.count == before else { return }
      do {
        let image = Shape(channels: 3, height: 32, width: 32)
        _ = try family.space(input: image, classes: 10, settings: settings)
      } catch {
        reader.report(
          keys["strides"]?.position ?? form.position,
          "these settings do not fit \(family.name): \(error)")
      }
    }

    /// Reads a network from the file that is named, or from the text of such a file, which has more
    /// than one line.
    private mutating func readArchitecture(_ form: Form?, _ reader: inout FormReader) {
      guard let form else { return }
      guard case .scalar(let written, _) = form.content, !written.isEmpty else {
        reader.report(form.position, "\(form.path) must be the path of a file, but \(form.found)")
        return
      }
      do {
        let text =
          written.contains("\n") ? written : try Self.text(of: reader.path(beside: written))
        structure = .architecture(FixedNetwork(try ArchitectureFile(text: text)))
      } catch {
        reader.report(form.position, "\(written.quoted) is no architecture: \(error)")
      }
    }

    static func text(of path: String) throws -> String {
      let handle: FileHandle
      do {
        handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
      } catch {
        throw UnreadableFileError(path: path, error: error)
      }
      defer { try? handle.close() }
      let bytes = try handle.read(upToCount: SourceText.largest + 1) ?? Foundation.Data()
      guard bytes.count <= SourceText.largest, let text = String(bytes: bytes, encoding: .utf8)
      else {
        throw ExportError.badArchitecture(line: 1, reason: "it is no text of at most 1 MB")
      }
      return text
    }
  }
}

extension Form {
  /// The keys of a mapping, in the order of the file.
  fileprivate var keys: [String] {
    if case .mapping(let entries) = content { entries.map(\.key) } else { [] }
  }
}
