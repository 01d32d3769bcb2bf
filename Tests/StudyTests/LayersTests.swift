import Export
import Foundation
import SearchSpace
import Study
import Testing

/// Spaces written in a search file, and in Swift.
@Suite struct LayersTests {
  /// The same parts in both languages.
  static let pairs: [(yaml: String, swift: [any SpaceElement])] = [
    ("conv: {width: 16}", [Convolution(width: 16, kernel: 3)]),
    (
      "conv: {name: a, width: {from: 8, to: 32, step: 8}, kernel: [3, 5], stride: 2, groups: 1, completion: bias, activation: hard-swish}",
      [
        Convolution(
          name: "a", width: .range(8...32, step: 8), kernel: [3, 5], stride: 2, completion: .bias,
          activation: .hardSwish)
      ]
    ),
    (
      "conv: {width: {base: 96, scale: 1.5, groups: 12, divisor: 8}}",
      [Convolution(width: WidthRule(scale: 1.5).choices(of: 96), kernel: 3)]
    ),
    ("depthwise: {kernel: 5, stride: 2}", [DepthwiseConvolution(kernel: 5, stride: 2)]),
    (
      "stage: {block: plain, width: [8, 16], depth: 2, completion: none}",
      [Stage(.plain(), width: [8, 16], depth: 2, completion: .none)]
    ),
    (
      "stage: {block: depthwise-separable, width: 16, kernel: [3, 7], depth: {from: 1, to: 2}}",
      [Stage(.depthwiseSeparable(kernel: [3, 7]), width: 16, depth: [1, 2])]
    ),
    (
      "stage: {block: inverted-residual, width: [16, 24, 32], expand: [3, 6], kernel: [3, 5], depth: {from: 1, to: 3}, stride: 2, gate: {of: input, activation: swish}}",
      [
        Stage(
          .invertedResidual(
            expand: [3, 6], kernel: [3, 5],
            gate: SqueezeAndExcitation(of: .input, activation: .swish)),
          width: [16, 24, 32], depth: .range(1...3), stride: 2)
      ]
    ),
    (
      "stage: {block: inverted-residual, width: 16, inner: [24, 32], residual: shortcut, depth: 2}",
      [Stage(.invertedResidual(inner: [24, 32]), width: 16, depth: 2, residual: .shortcut)]
    ),
    (
      "stage: {block: inverted-residual, width: 16, expand: 1}",
      [Stage(.invertedResidual(inner: nil), width: 16)]
    ),
    (
      "stage: {block: basic, width: {from: 32, to: 64, step: 8}, inner: {from: 16, to: 64, step: 8}, depth: 2, stride: 2, projection: pooled}",
      [
        Stage(
          .basic(inner: .range(16...64, step: 8)), width: .range(32...64, step: 8), depth: 2,
          stride: 2, projection: .pooled)
      ]
    ),
    (
      "stage: {block: basic, width: [16, 32], residual: shortcut, projection: pooled-plain, stride: 2}",
      [Stage(.basic(), width: [16, 32], stride: 2, residual: .shortcut, projection: .pooledPlain)]
    ),
    (
      "stage: {block: bottleneck, width: [32, 64], inner: [25%, 50%], divisor: 4, gate: {}}",
      [
        Stage(
          .bottleneck(inner: .percent([25, 50], divisor: 4), gate: SqueezeAndExcitation()),
          width: [32, 64])
      ]
    ),
    (
      "stage: {block: bottleneck, width: 64, inner: {from: 8, to: 32, step: 4}, groups: 8}",
      [Stage(.bottleneck(inner: .range(8...32, step: 4), in: .groups(8)), width: 64)]
    ),
    (
      "stage: {block: bottleneck, width: 64, inner: [16, 24, 32], group-width: 8, residual: fixed}",
      [
        Stage(
          .bottleneck(inner: [16, 24, 32], in: .width(8)), width: 64, residual: .fixed)
      ]
    ),
    (
      "stage: {block: fire, width: [32, 64], squeeze: [4, 8], activation: relu6}",
      [Stage(.fire(squeeze: [4, 8]), width: [32, 64], activation: .relu6)]
    ),
    (
      "pool: {kind: max, kernel: 3, stride: 2, padding: 0, round: up}",
      [Pool(.max, kernel: 3, stride: 2, padding: 0, roundsUp: true)]
    ),
    ("pool: {kind: average, kernel: 2}", [Pool(.average, kernel: 2)]),
    ("normalization: {}", [Normalization()]),
    (
      "linear: {width: [32, 64], activation: swish}", [Linear(width: [32, 64], activation: .swish)]
    ),
    (
      "one-of: [[], [{conv: {width: 3}}], [{stage: {block: plain, width: 8}}, {conv: {width: 3}}]]",
      [
        OneOf(alternatives: [
          Alternative(elements: []), Alternative { Convolution(width: 3, kernel: 3) },
          Alternative {
            Stage(.plain(), width: 8)
            Convolution(width: 3, kernel: 3)
          },
        ])
      ]
    ),
  ]

  private func file(_ layers: [String]) -> String {
    search([
      "space": "\n  input: [3, 32, 32]\n  layers:\n" + layers.map { "    - \($0)\n" }.joined()
    ])
  }

  @Test(arguments: pairs.indices)
  func `makes the space that the same parts make in Swift`(pair: Int) throws {
    let (yaml, parts) = Self.pairs[pair]
    let input = Shape(channels: 3, height: 32, width: 32)
    let plan = try plan(file([yaml, "pool: average", "linear: {}"]))
    let expected = try SearchSpace(
      name: "own", input: input, classes: 10, elements: parts + [GlobalAveragePool(), Linear()])
    #expect(try plan.space.makeSpace(input: input, classes: 10) == expected)
    // What is written out says the same.
    let again = try Study.Plan(plan.resolved.utf8, file: "again.yaml")
    #expect(again == plan)
    #expect(again.resolved == plan.resolved)
    #expect(try again.space.makeSpace(input: input, classes: 10) == expected)
  }

  @Test func `reads one network from the file of an architecture`() throws {
    let input = Shape(channels: 3, height: 32, width: 32)
    let space = try plan(search()).space.makeSpace(input: input, classes: 10)
    let network = space.network(of: space.smallest)
    let folder = FileManager.default.temporaryDirectory.appending(path: "nas-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try Data(ArchitectureFile(name: "small", network: network, sizes: []).text.utf8)
      .write(to: folder.appending(path: "small.yaml"))
    for written in ["small.yaml", "{architecture: small.yaml}"] {
      let plan = try Study.Plan(
        search(["space": written]).utf8, file: folder.appending(path: "search.yaml").path)
      let fixed = try plan.space.makeSpace(input: input, classes: 10)
      #expect(fixed == SearchSpace(name: "small", fixed: network))
      #expect(fixed.decisions.isEmpty && fixed.network(of: fixed.largest) == network)
      #expect(fixed.supernetLayers == network.layers)
      // What is written out holds the network itself: it is read back wherever it lies.
      let again = try Study.Plan(plan.resolved.utf8, file: "elsewhere.yaml")
      #expect(again == plan && again.resolved == plan.resolved)
      #expect(throws: SearchSpaceError.otherClasses(scores: 10, classes: 7)) {
        try plan.space.makeSpace(input: input, classes: 7)
      }
    }
    let missing = #expect(throws: PlanError.self) {
      _ = try plan(search(["space": "{architecture: nowhere.yaml}"]))
    }
    #expect(missing?.description.contains(":3:23: error: 'nowhere.yaml' is no arch") == true)
  }

  /// What is wrong with a part, and where: the part is on line 6 of the file, from column 7.
  static let mistakes: [(String, String)] = [
    (
      "conv: {width: 16, kernal: 3}",
      "6:25: error: unknown key 'kernal' in conv; did you mean 'kernel'?"
    ),
    ("conv: {width: 16, kernel: 4}", "6:33: error: conv.kernel must be odd"),
    ("conv: {width: 0}", "6:21: error: conv.width must be a whole number from 1 to 65536"),
    ("conv: {width: []}", "6:21: error: conv.width offers nothing to choose"),
    ("conv: {width: .nan}", "6:21: error: conv.width must be a whole number"),
    ("conv: {width: 18446744073709551616}", "6:21: error: conv.width must be a whole number"),
    ("conv: {}", "6:13: error: the key 'width' is missing from conv"),
    ("conv: {width: {from: 32, to: 8}}", "6:21: error: conv.width goes from 32 to 8"),
    (
      "conv: {width: {from: 8, to: 30, step: 8}}",
      "6:45: error: steps of 8 do not lead from 8 to 30"
    ),
    ("cnov: {width: 8}", "6:7: error: unknown key 'cnov'"),
    ("conv: {width: 8, groups: 2}", "6:7: error: conv1 works on groups of channels"),
    ("stage: {block: basik, width: 8}", "6:22: error: stage.block must be"),
    ("stage: {block: plain, width: 8, expand: 3}", "6:39: error: unknown key 'expand' in stage"),
    ("stage: {block: basic, width: 8, depth: {from: 0, to: 2}}", "6:53: error: stage.depth.from"),
    ("stage: {block: basic, width: 8, inner: 2.5%}", "6:46: error: stage.inner must be a share"),
    (
      "pool: {kind: max, kernel: 50, padding: 0}",
      "6:7: error: the window of pool1 is larger than its map of 3×32×32"
    ),
    ("pool: mean", "6:13: error: pool must be average"),
    ("one-of: [[], [{conv: {width: 3, stride: 2}}]]", "6:7: error: the alternatives of choice1"),
    ("linear: {activation: relu}", "6:28: error: only a hidden linear layer"),
    ("attention: {}", "6:7: error: unknown key 'attention'"),
  ]

  @Test(arguments: mistakes)
  func `says what is wrong with a part, and where`(part: String, message: String) throws {
    let error = #expect(throws: PlanError.self) {
      _ = try plan(file([part, "pool: average", "linear: {}"]))
    }
    let text = try #require(error).description.replacing("searches/fashion.yaml:", with: "")
    #expect(text.hasPrefix(message), "\(text)")
  }

  @Test func `names the part that the others leave without a place`() throws {
    let open = #expect(throws: PlanError.self) { _ = try plan(file(["conv: {width: 8}"])) }
    #expect(open?.description.contains("does not end in one score for each class") == true)
    let twice = #expect(throws: PlanError.self) {
      _ = try plan(
        file(["conv: {name: a, width: 8}", "conv: {name: a, width: 8}", "linear: {}"]))
    }
    #expect(twice?.description.contains(":7:7: error: two parts are called 'a'") == true)
  }

  @Test func `leaves to the data what depends on the size of its images`() throws {
    // Without 'input', for images of 64 pixels.
    let layers = [
      "conv: {width: 8}",
      "one-of: [[{pool: {kind: max, kernel: 64, padding: 0}}], [{pool: average}]]",
      "one-of: [[{linear: {}}], [{conv: {width: [8, 16]}}, {linear: {name: other, width: 10}}]]",
    ]
    let text = search([
      "space": "\n  layers:\n" + layers.map { "    - \($0)\n" }.joined()
    ])
    let space = try plan(text).space
    let made = try space.makeSpace(
      input: Shape(channels: 3, height: 64, width: 64), classes: 10)
    #expect(made.classes == 10 && made.decisions.count == 3)
    #expect(
      throws: SearchSpaceError.noRoom(
        layer: "pool1", map: .init(channels: 8, height: 32, width: 32))
    ) {
      try space.makeSpace(input: Shape(channels: 3, height: 32, width: 32), classes: 10)
    }
  }

  @Test func `refuses layers too large to be counted`() throws {
    let wide = "conv: {width: 65536, kernel: 31}"
    #expect(throws: PlanError.self) {
      _ = try plan(
        search([
          "space": "{input: [65536, 65536, 65536], layers: [{\(wide)}, {\(wide)}, {linear: {}}]}"
        ]))
    }
  }
}
