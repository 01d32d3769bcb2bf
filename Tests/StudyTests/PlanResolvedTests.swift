import Evaluator
import Networks
import SearchSpace
import Strategies
import Study
import Testing

@Suite struct PlanResolvedTests {
  /// A plan with everything in it as it is written out.
  static let everything = """
    study: fashion
    seed: 1
    data:
      format: idx
      path: "images of clothes"
      hold-out: 5000
      augment: {crop: 2, flip: true, cutout: 0}
    space:
      network: resnet-20
      width: {scale: 0.5, groups: 12, divisor: 8}
      depth: {min: 1}
      residual: tied
      strides: [1, 1, 2, 2]
    supernet:
      epochs: 4
      batch: 128
      sandwich: 2
      distill: true
      optimizer:
        lr: 0.1
        momentum: 0.9
        nesterov: true
        weight-decay: 0.0001
        schedule: cosine
      precision: auto
      calibration: 1024
    strategy:
      random: {trials: 100, images: 2048}
    budgets:
      - {macs: 4000000}
      - {params: 12.05%}
    checkpoint-every: 20s

    """

  @Test func `writes out everything, and the same again`() throws {
    let plan = try plan(Self.everything)
    #expect(plan.resolved == Self.everything)
  }

  @Test func `writes out the defaults of the shortest search`() throws {
    let resolved = try plan(search()).resolved
    #expect(resolved.contains("study: fashion\nseed: 1\n"))
    #expect(resolved.contains("  augment: {crop: 2, flip: true, cutout: 0}\n"))
    #expect(resolved.contains("  calibration: 1024\n"))
    #expect(
      resolved.contains("strategy:\n  autoslim: {images: 2048}\nbudgets:\n  - {macs: 4000000}"))
    #expect(resolved.hasSuffix("checkpoint-every: 20s\n"))
  }

  @Test func `writes out what is not the sandwich, and a warm start`() throws {
    let plan = try plan(search(["supernet": "{paths: single}", "warm-start": "true"]))
    #expect(plan.resolved.contains("  batch: 128\n  paths: single\n  optimizer:\n"))
    #expect(plan.resolved.contains("images: 2048}\nwarm-start: true\nbudgets:\n"))
    #expect(try Plan(plan.resolved.utf8, file: "again.yaml") == plan)
    let cold = try self.plan(search())
    #expect(!cold.resolved.contains("warm-start") && !cold.resolved.contains("paths"))
    #expect(cold.fingerprint != plan.fingerprint)
  }

  @Test(arguments: ["nats", "squeezenet"])
  func `writes out no setting that the family has no use for`(network: String) throws {
    let plan = try plan(search(["space": "{network: \(network)}"]))
    #expect(try Study.Plan(plan.resolved.utf8, file: "again.yaml") == plan)
    #expect(!plan.resolved.contains("residual"))
  }

  @Test func `reads back as an equal plan`() throws {
    let seed: UInt64 = 7
    print("random plans with seed \(seed)")
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<500 {
      let plan = randomPlan(using: &generator)
      let again = try Plan(plan.resolved.utf8, file: "other.yaml")
      #expect(again == plan)
      #expect(again.resolved == plan.resolved)
      #expect(again.fingerprint == plan.fingerprint)
    }
  }

  @Test func `has a fingerprint of what the results depend on`() throws {
    let plan = try plan(search())
    #expect(plan.fingerprint.count == 16)
    #expect(plan.fingerprint.allSatisfy { $0.isHexDigit })
    // Computed by another program, line by line without the last.
    #expect(try self.plan(Self.everything).fingerprint == "382d5c1258466193")
    var later = plan
    later.checkpointEvery = .seconds(60)
    #expect(later.fingerprint == plan.fingerprint)
    var other = plan
    other.seed = 2
    #expect(other.fingerprint != plan.fingerprint)
  }

  private func plan(_ text: String) throws -> Plan { try Plan(text.utf8, file: "fashion.yaml") }

  @Test func `takes shares of the largest network, rounded down`() throws {
    let budgets = try plan(
      search([
        "budgets": "[{macs: 4M}, {params: 40%}, {macs: 100%}, {params: 0.0001%}, {flops: 29%}]"
      ])
    ).budgets(largest: Cost(macs: 101, parameters: 999))
    #expect(
      budgets == [
        Budget(.macs, atMost: 4_000_000), Budget(.parameters, atMost: 399),
        Budget(.macs, atMost: 101), Budget(.parameters, atMost: 0), Budget(.macs, atMost: 29),
      ])
  }

  @Test func `keeps one of the budgets that come to the same number`() throws {
    let plan = try plan(
      search(["budgets": "[{macs: 50%}, {macs: 100}, {macs: 50.1%}, {params: 100}]"]))
    #expect(
      plan.budgets(largest: Cost(macs: 201, parameters: 1))
        == [Budget(.macs, atMost: 100), Budget(.parameters, atMost: 100)])
    let vast = Cost(macs: .max, parameters: .max)
    #expect(plan.budgets(largest: vast)[0].limit == .max / 2)
  }

  @Test func `makes the strategy it names`() throws {
    let input = Shape(channels: 1, height: 28, width: 28)
    let slimming = try plan(search(["budgets": "[{macs: 50%}]"]))
    let space = try slimming.space.makeSpace(input: input, classes: 10)
    let largest = space.network(of: space.largest).cost
    let autoslim = try #require(try slimming.makeStrategy(in: space) as? AutoSlim)
    #expect(autoslim.settings.images == 2048)
    #expect(autoslim.budgets == [Budget(.macs, atMost: largest.macs / 2)])

    let drawing = try plan(
      search(["strategy": "{random: {trials: 9, images: 10}}", "budgets": "[{params: 50%}]"]))
    var random = try drawing.makeStrategy(in: space)
    #expect(random is RandomSearch)
    var generator = SeededGenerator(seed: 1)
    guard case .score(let candidates, let images) = random.ask(in: space, using: &generator) else {
      Issue.record("it asks for no scores")
      return
    }
    #expect(candidates.count == 9 && images == 10)
    for candidate in candidates {
      #expect(space.cost(of: candidate.architecture).parameters <= largest.parameters / 2)
    }

    #expect(throws: StrategyError.self) {
      try plan(search(["budgets": "[{macs: 1}]"])).makeStrategy(in: space)
    }
  }

  /// A plan that a file can say, with every key drawn at random.
  private func randomPlan(using generator: inout some RandomNumberGenerator) -> Plan {
    func draw(_ range: ClosedRange<Int>) -> Int { .random(in: range, using: &generator) }
    func flip() -> Bool { .random(using: &generator) }
    func text(_ longest: Int) -> String {
      let alphabets = [
        Array("abcXYZ019._/-"), Array(" '\"\\#:{}[]&*!|>%@`,?-~"),
        Array("éß漢字🧠\u{301}\u{202e}\u{e000}"),
      ]
      let alphabet = alphabets.prefix(draw(1...3)).joined()
      return String(
        (0..<draw(1...longest)).compactMap { _ in alphabet.randomElement(using: &generator) })
    }

    var data = Plan.Data(path: text(60))
    data.holdOut = draw(1...60_000)
    data.augment.crop = draw(0...16)
    data.augment.flip = flip()
    data.augment.cutout = draw(0...64)
    let network: Family =
      [.mobileNetV1, .mobileNetV2, .resNet(layers: 6 * draw(1...5) + 2)].randomElement(
        using: &generator) ?? .mobileNetV1
    var space = Plan.Space(network: network)
    space.settings.width = WidthRule(
      scale: .random(in: 0.01...10, using: &generator), groups: draw(1...1000),
      divisor: draw(1...1024))
    if flip() {
      space.settings.width.groups = WidthRule().groups
      space.settings.width.shares = Set((0..<draw(1...8)).map { _ in draw(1...100) }).sorted()
    }
    space.settings.smallestDepth = flip() ? draw(1...5) : nil
    if space.settings.smallestDepth != nil { space.settings.depthStep = draw(1...3) }
    space.settings.residual =
      flip() || !network.settings.contains(.residual) ? .tied : .fixed
    let parts = [Family.mobileNetV1: 6, .mobileNetV2: 8][network] ?? 4
    space.settings.strides = flip() ? (0..<parts).map { _ in draw(1...2) } : nil
    func amount() -> Plan.Limit.Amount {
      flip() ? .count(draw(1...Int.max)) : .share(partsPerMillion: draw(1...1_000_000))
    }
    var limits: [Plan.Limit] = []
    for _ in 0..<draw(1...4) {
      let limit = Plan.Limit([.macs, .parameters, .latency][draw(0...2)], amount())
      if !limits.contains(limit) { limits.append(limit) }
    }
    let images = draw(1...data.holdOut)
    var plan = Plan(
      study: text(50), data: data, space: space,
      strategy: flip()
        ? autoSlim(images: images) : random(trials: draw(1...Int.max), images: images),
      budgets: limits)
    plan.seed = generator.next()
    if limits.contains(where: { $0.metric == .latency }) {
      (plan.latency.batch, plan.latency.threads) = (draw(1...4096), draw(1...256))
    }
    plan.supernet.epochs = draw(1...100_000)
    plan.supernet.batch = draw(1...4096)
    plan.supernet.paths =
      switch draw(0...2) {
      case 0: .single
      case 1: .largest(sparsity: .random(in: 0...1, using: &generator))
      default: .sandwich(random: draw(0...16), distills: flip())
      }
    plan.warmStart = flip()
    plan.supernet.optimizer.rate = .random(in: 1e-300...100, using: &generator)
    plan.supernet.optimizer.momentum = .random(in: 0..<1, using: &generator)
    plan.supernet.optimizer.isNesterov = flip()
    plan.supernet.optimizer.weightDecay = flip() ? 0 : .random(in: 0...1e-6, using: &generator)
    plan.supernet.optimizer.schedule = [.cosine, .linear, .constant][draw(0...2)]
    plan.supernet.precision = flip() ? .auto : .float32
    plan.supernet.pretrained = flip() ? nil : "my weights/a.safetensors"
    plan.supernet.calibration = draw(1...Int.max)
    plan.checkpointEvery = .milliseconds(flip() ? draw(1000...10_000) : 1000 * draw(1...100_000))
    return plan
  }
}
