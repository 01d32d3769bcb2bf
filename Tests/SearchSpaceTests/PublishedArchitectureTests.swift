import Foundation
import SearchSpace
import Testing

/// An architecture whose authors, or a recount of whose layers, say what it costs.
///
/// The files carried here are of AMC (mit-han-lab/amc-compressed-models, Apache-2.0) and pycls
/// (facebookresearch/pycls, MIT). Set `NAS_PUBLISHED_ARCHITECTURES` to a folder with more files of
/// this form to try those too.
struct PublishedArchitecture: Decodable, Sendable, CustomTestStringConvertible {
  let name: String
  let input: [Int]
  let classes: Int
  let recount: Recount
  let layers: [Entry]

  struct Recount: Decodable {
    let macs_conv_fc_no_bias_no_se: Int
    let params_with_bn_affine: Int
  }

  /// One layer: `[op, cin, cout, kernel, stride, groups, h_in, h_out, bias, bn]`.
  struct Entry: Decodable, Equatable {
    var operation: String
    var sizes: [Int]

    init(from decoder: any Decoder) throws {
      var container = try decoder.unkeyedContainer()
      operation = try container.decode(String.self)
      sizes = []
      while !container.isAtEnd { sizes.append(try container.decode(Int.self)) }
    }

    init(_ layer: Layer) {
      switch layer.operation {
      case .convolution(let convolution):
        operation = "conv"
        sizes = [
          layer.input.channels, layer.output.channels, convolution.kernel, convolution.stride,
          convolution.grouping.count(channels: layer.input.channels), layer.input.height,
          layer.output.height, 0, 1,
        ]
      case .linear, .normalize, .pool, .globalAveragePool, .scale, .concatenate:
        operation = "fc"
        sizes = [layer.input.count, layer.output.channels, 1, 1, 1, 1, 1, 1, 0]
      }
    }
  }

  var testDescription: String { name }

  /// The family whose space should contain the architecture.
  var family: String? {
    if name.hasPrefix("autoslim-mobilenet-v2") || name.hasPrefix("amc-mobilenetv2") {
      "mobilenet-v2"
    } else if name.hasPrefix("autoslim-mobilenet-v1") || name.hasPrefix("amc-mobilenetv1") {
      "mobilenet-v1"
    } else if name.hasSuffix("-cifar10") && name.hasPrefix("resnet-") {
      String(name.dropLast("-cifar10".count))
    } else {
      nil
    }
  }

  static let all: [PublishedArchitecture] = {
    let carried = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Published")
    let more = ProcessInfo.processInfo.environment["NAS_PUBLISHED_ARCHITECTURES"]
    let folders = [carried] + (more.map { [URL(filePath: $0)] } ?? [])
    return folders.flatMap { folder in
      let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
      return files.filter { $0.hasSuffix(".json") }.sorted().compactMap { file in
        try? JSONDecoder().decode(
          PublishedArchitecture.self, from: Data(contentsOf: folder.appending(path: file)))
      }
    }.filter { $0.family != nil }
  }()
}

@Suite struct PublishedArchitectureTests {
  @Test func `there are the files carried here`() {
    #expect(PublishedArchitecture.all.count >= 5)
  }

  @Test(arguments: PublishedArchitecture.all)
  func `lies in its family's space, layer by layer, at its published cost`(
    published: PublishedArchitecture
  ) throws {
    let family = try Family(try #require(published.family))
    var settings = Family.Settings()
    // AutoSlim's own rule where the paper used it; else every multiple of eight.
    let widening = published.name.hasPrefix("autoslim-mobilenet-v2") ? 1.5 : 1.1
    settings.width =
      published.name.hasPrefix("autoslim")
      ? WidthRule(scale: widening) : WidthRule(groups: 10_000, divisor: 8)
    let space = try family.space(
      input: Shape(
        channels: published.input[0], height: published.input[1], width: published.input[2]),
      classes: published.classes, settings: settings)

    // The layers' channels, read into the decisions that size them.
    let convolutions = space.network(of: space.largest).layers.filter {
      $0.operation != .globalAveragePool
    }
    #expect(convolutions.count == published.layers.count)
    var channels: [String: Int] = [:]
    for (layer, entry) in zip(convolutions, published.layers) {
      channels[layer.name] = entry.sizes[1]
    }
    var sizes: [String: Int] = [:]
    for group in space.groups {
      guard let decision = group.decision, let layer = group.members.first?.layer else { continue }
      sizes[space.decisions[decision].name] = channels[layer]
    }

    let network = space.network(of: try space.architecture(sizes: sizes))
    let entries = network.layers.filter { $0.operation != .globalAveragePool }.map {
      PublishedArchitecture.Entry($0)
    }
    #expect(
      entries.sorted { "\($0)" < "\($1)" } == published.layers.sorted { "\($0)" < "\($1)" })
    #expect(network.cost.macs == published.recount.macs_conv_fc_no_bias_no_se)
    #expect(network.cost.parameters == published.recount.params_with_bn_affine)
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
