public import SearchSpace

/// The names under which a network's arrays lie in a file of weights.
///
/// Networks of the families that PyTorch knows have the names of its modules, so that one of the
/// same widths loads the file as it is:
///
/// | family | module | convolution and its normalisation |
/// | --- | --- | --- |
/// | `resnet-N`, `resnext-N` | torchvision's `ResNet` | `conv1`, `bn1`; `layer1.0.conv2`, `layer1.0.bn2`; `layer2.0.downsample.0`, `.1`; `fc` |
/// | `mobilenet-v2` | torchvision's `MobileNetV2` | `features.0.0`, `.1`; `features.2.conv.0.0`, `.0.1`; `features.2.conv.2`, `.3`; `classifier.1` |
/// | `mobilenet-v1` | a list `model` and `fc` | `model.0.0`, `.1`; `model.1.0`, `.1` depthwise and `model.1.3`, `.4` pointwise; `fc` |
///
/// Residual networks for small images have three `layer`s in place of four and are else the same.
/// All other networks, and those of a family that have layers its module lacks, such as gates or
/// untied shortcuts, keep the names of their layers: `stem` and `stem.norm`.
public struct ParameterNames: Hashable, Sendable {
  /// By the name of a layer, the modules of its weights and of its normalisation.
  private var modules: [String: Modules] = [:]

  private struct Modules: Hashable, Sendable {
    var weights: String
    var normalization: String

    init(_ weights: String, _ normalization: String = "") {
      self.weights = weights
      self.normalization = normalization
    }
  }

  /// The names of the layers themselves.
  public init() {}

  /// Chooses the names for the layers of a network or of a supernet.
  ///
  /// - Parameters:
  ///   - layers: The layers, in their order.
  ///   - family: The name of the space that they are of, such as `mobilenet-v2`.
  public init(of layers: [Layer], family: String) {
    let scheme: ((Layer, Place) -> Modules?)? =
      if family.hasPrefix("resnet-") || family.hasPrefix("resnext-") {
        Self.resNet
      } else {
        switch family {
        case "mobilenet-v1": Self.mobileNetV1
        case "mobilenet-v2": Self.mobileNetV2
        default: nil
        }
      }
    guard let scheme else { return }
    var block = (name: Substring(), index: 0)
    let classifier = layers.last { if case .linear = $0.operation { true } else { false } }?.name
    for layer in layers where !layer.parameterArrays.isEmpty {
      let place = Place(layer, isClassifier: layer.name == classifier)
      if place.isInBlock && place.blockName != block.name {
        block = (place.blockName, block.index + 1)
      }
      var counted = place
      counted.blockIndex = block.index
      counted.hasExpansion = layers.contains { $0.name == "\(place.blockName).expand" }
      guard layer.hasWeightsOfPyTorch, let modules = scheme(layer, counted) else {
        self.modules = [:]
        return
      }
      self.modules[layer.name] = modules
    }
  }

  /// Whether they are those of a module of PyTorch's.
  public var areOfPyTorch: Bool { !modules.isEmpty }

  /// The module that holds a layer's `weight` and `bias`.
  public func weights(of layer: Layer) -> String { modules[layer.name]?.weights ?? layer.name }

  /// The module that holds the `weight`, `bias`, `running_mean` and `running_var` of a layer's
  /// normalisation.
  public func normalization(of layer: Layer) -> String {
    modules[layer.name]?.normalization ?? "\(layer.name).norm"
  }

  /// The name in a file of an array of ``Parameters`` that ends in `suffix`.
  func name(of layer: Layer, _ suffix: String) -> String {
    suffix.hasPrefix("norm.")
      ? normalization(of: layer) + suffix.dropFirst("norm".count)
      : "\(weights(of: layer)).\(suffix)"
  }

  // MARK: Families

  /// Where a layer stands: `stage2.block1.conv1` in the second stage's first block.
  private struct Place {
    var stage: Int?
    var block: Int?
    var blockName = Substring()

    /// What is behind the block's name, or the whole name.
    var part: Substring

    /// Which block of the network it is, from 1; that before it if it is in none.
    var blockIndex = 0
    var hasExpansion = false
    var isClassifier: Bool

    var isInBlock: Bool { block != nil }

    init(_ layer: Layer, isClassifier: Bool) {
      self.isClassifier = isClassifier
      part = Substring(layer.name)
      let parts = layer.name.split(separator: ".", maxSplits: 2)
      guard parts.count == 3, parts[0].hasPrefix("stage"), parts[1].hasPrefix("block"),
        let stage = Int(parts[0].dropFirst("stage".count)),
        let block = Int(parts[1].dropFirst("block".count))
      else { return }
      self.stage = stage
      self.block = block
      blockName = layer.name[..<parts[1].endIndex]
      part = parts[2]
    }
  }

  private static func resNet(_ layer: Layer, _ place: Place) -> Modules? {
    if place.isClassifier { return Modules("fc") }
    guard let stage = place.stage, let block = place.block else {
      return place.part == "stem" ? Modules("conv1", "bn1") : nil
    }
    let module = "layer\(stage).\(block - 1)"
    return switch place.part {
    case "conv1", "conv2", "conv3":
      Modules("\(module).\(place.part)", "\(module).bn\(place.part.suffix(1))")
    case "shortcut": Modules("\(module).downsample.0", "\(module).downsample.1")
    default: nil
    }
  }

  private static func mobileNetV2(_ layer: Layer, _ place: Place) -> Modules? {
    func pair(_ module: String) -> Modules { Modules("\(module).0", "\(module).1") }
    if place.isClassifier { return Modules("classifier.1") }
    guard place.isInBlock else {
      switch place.part {
      case "stem": return pair("features.0")
      case "head": return pair("features.\(place.blockIndex + 1)")
      default: return nil
      }
    }
    let module = "features.\(place.blockIndex).conv"
    let depthwise = place.hasExpansion ? 1 : 0
    return switch place.part {
    case "expand": pair("\(module).0")
    case "depthwise": pair("\(module).\(depthwise)")
    case "project": Modules("\(module).\(depthwise + 1)", "\(module).\(depthwise + 2)")
    default: nil
    }
  }

  private static func mobileNetV1(_ layer: Layer, _ place: Place) -> Modules? {
    if place.isClassifier { return Modules("fc") }
    guard place.isInBlock else {
      return place.part == "stem" ? Modules("model.0.0", "model.0.1") : nil
    }
    let module = "model.\(place.blockIndex)"
    return switch place.part {
    case "depthwise": Modules("\(module).0", "\(module).1")
    case "pointwise": Modules("\(module).3", "\(module).4")
    default: nil
    }
  }
}

extension Layer {
  /// Whether the layer holds what the modules of PyTorch's families do: every convolution is
  /// normalised.
  fileprivate var hasWeightsOfPyTorch: Bool {
    switch operation {
    case .convolution(let convolution): convolution.completion == .normalization
    case .linear: true
    case .normalize, .activate, .pool, .globalAveragePool, .scale, .concatenate: false
    }
  }
}
