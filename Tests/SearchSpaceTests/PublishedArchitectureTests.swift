import Foundation
import SearchSpace
import Testing

/// An architecture whose authors, or a recount of whose layers, say what it costs.
///
/// The files carried here are of AMC (mit-han-lab/amc-compressed-models, Apache-2.0), pycls
/// (facebookresearch/pycls, MIT), TAS (D-X-Y/AutoDL-Projects, MIT), NATS-Bench (D-X-Y/NATS-Bench,
/// MIT) and DMCP (open-mmlab/mmrazor, Apache-2.0). Set `NAS_PUBLISHED_ARCHITECTURES` to a folder
/// with more files of this form to try those too.
struct PublishedArchitecture: Decodable, Sendable, CustomTestStringConvertible {
  let name: String
  let input: [Int]
  let classes: Int
  let channels: Depths?
  let published: Published
  let recount: Recount
  let layers: [Entry]

  struct Published: Decodable {
    let macs: Double
    let macs_rounding: Double?
    let params: Double?
    let params_rounding: Double?
  }

  /// The same layers' cost in three conventions.
  struct Recount: Decodable {
    let macs_convention: String
    let macs_conv_fc_no_bias_no_se: Int
    let macs_conv_fc_se_no_bias: Int
    let macs_with_all_biases: Int
    let params_with_bn_affine: Int
  }

  /// How many blocks are kept, where depth was searched; elsewhere the file has other things here.
  struct Depths: Decodable {
    let kept: [Int]?

    init(from decoder: any Decoder) throws {
      let container = try? decoder.container(keyedBy: CodingKeys.self)
      kept = try container?.decodeIfPresent([Int].self, forKey: .kept)
    }

    private enum CodingKeys: String, CodingKey { case kept = "blocks_kept_per_stage" }
  }

  /// One layer: `[op, cin, cout, kernel, stride, groups, h_in, h_out, bias, bn]`.
  struct Entry: Decodable, Equatable, Comparable {
    var operation: String
    var sizes: [Int]

    init(from decoder: any Decoder) throws {
      var container = try decoder.unkeyedContainer()
      operation = try container.decode(String.self)
      sizes = []
      while !container.isAtEnd { sizes.append(try container.decode(Int.self)) }
    }

    /// Describes a layer as the files do; `nil` for one that has no weights.
    init?(_ layer: Layer) {
      switch layer.operation {
      case .convolution(let convolution):
        operation = "conv"
        sizes = [
          layer.input.channels, layer.output.channels, convolution.kernel, convolution.stride,
          convolution.grouping.count(channels: layer.input.channels), layer.input.height,
          layer.output.height, convolution.completion == .bias ? 1 : 0,
          convolution.completion == .normalization ? 1 : 0,
        ]
      case .linear:
        operation = layer.name.contains(".gate.") ? "se" : "fc"
        sizes = [layer.input.count, layer.output.channels, 1, 1, 1, 1, 1, 1, 0]
      case .normalize:
        operation = "bn"
        sizes = [
          layer.input.channels, layer.output.channels, 0, 1, 1, layer.input.height,
          layer.output.height, 0, 1,
        ]
      case .activate, .pool, .globalAveragePool, .scale, .concatenate: return nil
      }
    }

    static func < (left: Entry, right: Entry) -> Bool {
      left.operation == right.operation
        ? left.sizes.lexicographicallyPrecedes(right.sizes) : left.operation < right.operation
    }
  }

  var testDescription: String { name }

  /// The family whose space should contain the architecture.
  var family: String {
    let families = [
      ("autoslim-mobilenet-v2", "mobilenet-v2"), ("autoslim-mobilenet-v1", "mobilenet-v1"),
      ("autoslim-mnasnet", "mnasnet"), ("autoslim-resnet", "resnet-50"),
      ("amc-mobilenetv2", "mobilenet-v2"), ("amc-mobilenetv1", "mobilenet-v1"),
      ("dmcp-resnet50", "resnet-50"), ("nats-sss", "nats"), ("regnetx-1p6gf", "regnetx-1.6gf"),
      ("regnetx-3p2gf", "regnetx-3.2gf"),
    ]
    if let known = families.first(where: { name.hasPrefix($0.0) }) { return known.1 }
    if name.hasPrefix("tas-") { return name.hasSuffix("20") ? "resnet-20" : "resnet-32" }
    return name.replacing("-cifar10", with: "").replacing("-1x64d", with: "")
  }

  var settings: Family.Settings {
    var settings = Family.Settings()
    settings.width =
      switch name.prefix(while: { $0 != "-" }) {
      case "tas", "dmcp": WidthRule(groups: 100_000, divisor: 1)
      case "amc": WidthRule(groups: 10_000, divisor: 8)
      case "autoslim" where name.contains("resnet"): WidthRule(groups: 10_000, divisor: 8)
      case "autoslim": WidthRule(scale: name.contains("mobilenet-v1") ? 1.1 : 1.5)
      default: WidthRule(groups: 1, divisor: 1)
      }
    if name.hasPrefix("tas") {
      settings.residual = .shortcut
      settings.smallestDepth = 1
    }
    return settings
  }

  /// A file of another form among those that are not carried here.
  static let widthsFile = "us-mobilenet-widths.json"

  /// The folder with more files, if there is one.
  static let moreFiles = ProcessInfo.processInfo.environment["NAS_PUBLISHED_ARCHITECTURES"]
    .map { URL(filePath: $0) }

  static func all() throws -> [PublishedArchitecture] {
    let carried = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Published")
    return try ([carried] + (moreFiles.map { [$0] } ?? [])).flatMap { folder in
      try FileManager.default.contentsOfDirectory(atPath: folder.path)
        .filter { $0.hasSuffix(".json") && $0 != widthsFile }.sorted()
        .map { file in
          try JSONDecoder().decode(
            PublishedArchitecture.self, from: Data(contentsOf: folder.appending(path: file)))
        }
    }
  }

  /// Reads the architecture's sizes off its layers.
  ///
  /// A file lists the layers in the order in which they are computed, but for a block's shortcut,
  /// which comes before the block in some and after it in others; so shortcuts are passed over. Of
  /// all layers of the space those are passed over that the depths leave out.
  func sizes(in space: SearchSpace) -> [String: Int] {
    var sizes: [String: Int] = [:]
    for (stage, depth) in (channels?.kept ?? []).enumerated() {
      sizes["stage\(stage + 1).depth"] = depth
    }
    let weighted = space.supernetLayers.filter { layer in
      let parts = layer.name.split(separator: ".")
      guard Entry(layer) != nil, parts.last != "shortcut" else { return false }
      guard parts.count > 1, let depth = sizes["\(parts[0]).depth"] else { return true }
      return Int(parts[1].dropFirst("block".count)).map { $0 <= depth } ?? true
    }
    var channels: [String: Int] = [:]
    for (layer, entry) in zip(weighted, layers.withoutShortcuts) {
      channels[layer.name] = entry.sizes[1]
    }
    for group in space.groups {
      guard let decision = group.decision, let layer = group.members.first?.layer else { continue }
      sizes[space.decisions[decision].name] = channels[layer]
    }
    return sizes
  }
}

extension [PublishedArchitecture.Entry] {
  /// The layers without those that read what an earlier layer has read already.
  ///
  /// Of two convolutions that read one value, the shortcut is the one that no other continues: a
  /// layer of the main line reads what the layer before it computes.
  fileprivate var withoutShortcuts: [PublishedArchitecture.Entry] {
    indices.filter { index in
      let entry = self[index]
      guard entry.operation == "conv", entry.sizes[2] == 1, index > 0 else { return true }
      // After the block: its side is larger than the map before it, or its channels are not those.
      let before = self[index - 1].sizes
      let isAfter = before[1] != entry.sizes[0] || before[6] < entry.sizes[5]
      // Before the block: the next layer reads the same, and could not read what this one computes.
      guard index + 1 < count else { return !isAfter }
      let after = self[index + 1].sizes
      let isBefore =
        (after[0], after[5]) == (entry.sizes[0], entry.sizes[5])
        && (after[0], after[5]) != (entry.sizes[1], entry.sizes[6])
      return !isAfter && !isBefore
    }.map { self[$0] }
  }
}

@Suite struct PublishedArchitectureTests {
  @Test func `there are the files carried here`() throws {
    #expect(try PublishedArchitecture.all().count >= 24)
  }

  @Test(arguments: try PublishedArchitecture.all())
  func `lies in its family's space, layer by layer, at its published cost`(
    published: PublishedArchitecture
  ) throws {
    let space = try Family(published.family).space(
      input: Shape(
        channels: published.input[0], height: published.input[1], width: published.input[2]),
      classes: published.classes, settings: published.settings)
    let sizes =
      published.name.hasPrefix("nats")
      ? Dictionary(uniqueKeysWithValues: space.decisions.map { ($0.name, 8) })
      : published.sizes(in: space)
    let network = space.network(of: try space.architecture(sizes: sizes))
    #expect(
      network.layers.compactMap(PublishedArchitecture.Entry.init).sorted()
        == published.layers.sorted())

    // The conventions: without and with gates, then with one for each bias that is added.
    let recount = published.recount
    let gates = network.layers.filter { $0.name.contains(".gate.") }
    #expect(
      network.cost.macs - gates.reduce(0) { $0 + $1.cost.macs }
        == recount.macs_conv_fc_no_bias_no_se)
    #expect(network.cost.macs == recount.macs_conv_fc_se_no_bias)
    #expect(network.cost.macs + network.biases == recount.macs_with_all_biases)
    #expect(network.cost.parameters == recount.params_with_bn_affine)

    // What the authors say, which some of them count with biases.
    let countsBiases = recount.macs_convention.contains("plus")
    let macs = network.cost.macs + (countsBiases ? network.biases : 0)
    #expect(
      abs(Double(macs) - published.published.macs)
        <= (published.published.macs_rounding ?? 0))
    if let parameters = published.published.params {
      #expect(
        abs(Double(network.cost.parameters) - parameters)
          <= (published.published.params_rounding ?? 0))
    }
  }

  /// Universally slimmable MobileNets: width, MACs and parameters of the uniform networks.
  static let uniform: [(String, Double, Int, Int)] = [
    ("mobilenet-v1", 1.0, 568_740_352, 4_231_976),
    ("mobilenet-v1", 0.75, 325_400_448, 2_585_560),
    ("mobilenet-v1", 0.5, 149_497_088, 1_331_592),
    ("mobilenet-v1", 0.35, 80_406_008, 763_752),
    ("mobilenet-v2", 1.0, 300_774_272, 3_504_872),
    ("mobilenet-v2", 0.75, 209_069_792, 2_636_424),
    ("mobilenet-v2", 0.5, 97_131_840, 1_968_680),
    ("mobilenet-v2", 0.35, 59_285_808, 1_677_128),
  ]

  @Test(arguments: uniform)
  func `counts the uniform MobileNets as everyone does`(
    name: String, scale: Double, macs: Int, parameters: Int
  ) throws {
    var settings = Family.Settings()
    settings.width = WidthRule(scale: scale, groups: 1)
    let space = try Family(name).space(
      input: Shape(channels: 3, height: 224, width: 224), classes: 1000, settings: settings)
    #expect(space.decisions.isEmpty)
    let cost = space.network(of: space.largest).cost
    #expect(cost.macs == macs)
    #expect(cost.parameters == parameters)
  }
}

@Suite struct WellKnownNetworkTests {
  /// Parameters of networks for ImageNet, as PyTorch's torchvision documents them.
  static let parameters: [(String, Int)] = [
    ("resnet-18", 11_689_512), ("resnet-34", 21_797_672), ("resnet-50", 25_557_032),
    ("resnet-101", 44_549_160), ("resnet-152", 60_192_808), ("resnext-50-32x4d", 25_028_904),
    ("vgg-16", 138_357_544), ("vgg-19", 143_667_240), ("mobilenet-v2", 3_504_872),
    ("mnasnet", 4_383_312), ("efficientnet-b0", 5_288_548), ("squeezenet", 1_235_496),
    // Its convolutions have biases beside the normalisation, 4224 of them, which change nothing.
    ("vgg-16-bn", 138_365_992 - 4224),
    ("regnetx-8.0gf", 39_572_648), ("regnetx-16gf", 54_278_536), ("regnetx-32gf", 107_811_560),
  ]

  @Test(arguments: parameters)
  func `have the parameters that everyone counts`(name: String, parameters: Int) throws {
    var settings = Family.Settings()
    settings.width = WidthRule(groups: 1, divisor: 1)
    let space = try Family(name).space(
      input: Shape(channels: 3, height: 224, width: 224), classes: 1000, settings: settings)
    #expect(space.network(of: space.largest).cost.parameters == parameters)
  }

  /// Millions of parameters of the networks that torchvision does not have, as the paper's table of
  /// RegNetX gives them.
  @Test(arguments: [("regnetx-4.0gf", 22.1), ("regnetx-6.4gf", 26.2), ("regnetx-12gf", 46.1)])
  func `have the parameters of the RegNetX table`(name: String, millions: Double) throws {
    var settings = Family.Settings()
    settings.width = WidthRule(groups: 1, divisor: 1)
    let space = try Family(name).space(
      input: Shape(channels: 3, height: 224, width: 224), classes: 1000, settings: settings)
    let parameters = space.network(of: space.largest).cost.parameters
    #expect(abs(Double(parameters) / 1e6 - millions) < 0.05)
  }

  @Test func `have the multiply-adds of VGG's table of layers`() throws {
    var settings = Family.Settings()
    settings.width = WidthRule(groups: 1, divisor: 1)
    let space = try Family("vgg-16").space(
      input: Shape(channels: 3, height: 224, width: 224), classes: 1000, settings: settings)
    let convolutions = [
      (3, 64, 224), (64, 64, 224), (64, 128, 112), (128, 128, 112), (128, 256, 56), (256, 256, 56),
      (256, 256, 56), (256, 512, 28), (512, 512, 28), (512, 512, 28), (512, 512, 14),
      (512, 512, 14), (512, 512, 14),
    ].reduce(0) { $0 + 9 * $1.0 * $1.1 * $1.2 * $1.2 }
    #expect(
      space.network(of: space.largest).cost.macs
        == convolutions + 25_088 * 4096 + 4096 * 4096 + 4096 * 1000)
  }

  @Test(arguments: [
    ("resnet-18", Family.imageNetResNet(layers: 18)), ("resnet-50", .imageNetResNet(layers: 50)),
    ("resnet-50-cifar", .resNet(layers: 50)), ("resnet-20", .resNet(layers: 20)),
    ("resnet-20-bottleneck", .resNet(layers: 20, hasBottlenecks: true)),
    ("resnet-29", .resNet(layers: 29, hasBottlenecks: true)),
    ("resnet-101-bottleneck", .resNet(layers: 101, hasBottlenecks: true)),
  ])
  func `are told apart by their names`(name: String, family: Family) throws {
    #expect(try Family(name) == family)
  }

  @Test(arguments: ["resnet-18-cifar", "resnet-21", "resnet-", "resnet-20-wide", "regnetx-1gf"])
  func `are not found under other names`(name: String) {
    #expect(throws: SearchSpaceError.self) { _ = try Family(name) }
  }

  /// Universally slimmable MobileNets at all widths, from a file that is not carried here.
  @Test(.enabled(if: PublishedArchitecture.moreFiles != nil))
  func `have the published costs at every width`() throws {
    struct File: Decodable {
      struct Row: Decodable {
        let width: Double
        let recount_macs: Int
        let recount_params: Int
      }
      let rows: [String: [Row]]
    }
    let folder = try #require(PublishedArchitecture.moreFiles)
    let content = try Data(contentsOf: folder.appending(path: PublishedArchitecture.widthsFile))
    for (name, rows) in try JSONDecoder().decode(File.self, from: content).rows {
      for row in rows {
        var settings = Family.Settings()
        settings.width = WidthRule(scale: row.width, groups: 1)
        let space = try Family(name.hasSuffix("v1") ? "mobilenet-v1" : "mobilenet-v2").space(
          input: Shape(channels: 3, height: 224, width: 224), classes: 1000, settings: settings)
        #expect(
          space.network(of: space.largest).cost
            == Cost(macs: row.recount_macs, parameters: row.recount_params), "\(name) \(row.width)")
      }
    }
  }
}

extension Network {
  /// How many biases are added for one image.
  fileprivate var biases: Int {
    layers.reduce(0) { sum, layer in
      switch layer.operation {
      case .linear: sum + layer.output.channels
      case .convolution(let convolution) where convolution.completion == .bias:
        sum + layer.output.count
      default: sum
      }
    }
  }
}
