import Datasets
import Evaluator
import Networks
import SearchSpace
import Strategies
import Study
import Testing

/// Reads a search file called `fashion.yaml`.
func plan(_ text: String) throws -> Plan {
  try Plan(text.utf8, file: "searches/fashion.yaml")
}

/// The shortest search, its keys in the order of the alphabet.
///
/// - Parameter keys: Values of top-level keys, which take the place of its own or are added.
/// - Returns: The text of the file, each key on a line.
func search(_ keys: KeyValuePairs<String, String> = [:]) -> String {
  var lines = [
    "data": "{path: images}", "space": "{network: mobilenet-v2}", "strategy": "autoslim",
    "budgets": "[{macs: 4M}]",
  ]
  for (key, value) in keys { lines[key] = value }
  return lines.sorted { $0.key < $1.key }.map { "\($0): \($1)\n" }.joined()
}

func autoSlim(images: Int) -> Plan.Strategy {
  var settings = AutoSlim.Settings()
  settings.images = images
  return Plan.Strategy(AutoSlim.self, settings)
}

func random(trials: Int, images: Int) -> Plan.Strategy {
  var settings = RandomSearch.Settings()
  (settings.trials, settings.images) = (trials, images)
  return Plan.Strategy(RandomSearch.self, settings)
}

@Suite struct PlanTests {
  @Test func `fills in every default`() throws {
    let plan = try plan(search())
    #expect(plan.study == "fashion")
    #expect(plan.seed == 1)
    #expect(plan.data.format == .idx)
    #expect(plan.data.path == "images")
    #expect(plan.data.holdOut == 5000)
    #expect(plan.data.augment.crop == 2)
    #expect(plan.data.augment.flip)
    #expect(plan.data.augment.cutout == 0)
    #expect(plan.space.structure == .family(.mobileNetV2))
    #expect(plan.space.settings == Family.Settings())
    #expect(plan.supernet.epochs == 4)
    #expect(plan.supernet.batch == 128)
    #expect(plan.supernet.paths == .sandwich(random: 2, distills: true))
    #expect(!plan.warmStart)
    #expect(plan.supernet.optimizer == MomentumOptimizer())
    #expect(plan.supernet.optimizer.rate == 0.1)
    #expect(plan.supernet.precision == .auto)
    #expect(plan.supernet.calibration == 1024)
    #expect(plan.strategy == Plan.Strategy(AutoSlim.self))
    #expect(plan.budgets == [Plan.Limit(.macs, .count(4_000_000))])
    #expect(plan.checkpointEvery == .seconds(20))
  }

  @Test func `reads every key`() throws {
    let plan = try plan(
      """
      study: fashion-random            # its name in the database
      seed: 18446744073709551615
      data:
        format: idx
        path: /usr/share/datasets/fashion-mnist
        hold-out: 6000
        augment: {crop: 4, flip: false, cutout: 8}
      space:
        network: resnet-20
        width: {scale: 0.5, groups: 6, divisor: 4}
        depth: {min: 1}
        residual: fixed
        strides: [1, 2, 2, 2]
      supernet:
        epochs: 010
        batch: 256
        paths: sandwich
        sandwich: 0
        distill: false
        optimizer: {lr: 5e-2, momentum: 0, nesterov: false, weight-decay: 0.0005, schedule: linear}
        precision: float32
        calibration: 500
      strategy:
        random: {trials: 32, images: 6000}
      warm-start: true
      budgets: [{macs: 4M}, {flops: 300k}, {params: 12.5%}, {params: 1.5G}]
      checkpoint-every: 5m
      """)
    #expect(plan.study == "fashion-random")
    #expect(plan.seed == .max)
    #expect(plan.data.path == "/usr/share/datasets/fashion-mnist")
    #expect(plan.data.holdOut == 6000)
    #expect(plan.data.augment.crop == 4)
    #expect(!plan.data.augment.flip)
    #expect(plan.data.augment.cutout == 8)
    #expect(plan.space.structure == .family(.resNet(layers: 20)))
    #expect(plan.space.settings.width == WidthRule(scale: 0.5, groups: 6, divisor: 4))
    #expect(plan.space.settings.smallestDepth == 1)
    #expect(plan.space.settings.residual == .fixed)
    #expect(plan.space.settings.strides == [1, 2, 2, 2])
    #expect(plan.supernet.epochs == 10, "a leading zero does not make a number octal")
    #expect(plan.supernet.batch == 256)
    #expect(plan.supernet.paths == .sandwich(random: 0, distills: false))
    #expect(plan.supernet.optimizer.rate == 0.05)
    #expect(plan.supernet.optimizer.momentum == 0)
    #expect(!plan.supernet.optimizer.isNesterov)
    #expect(plan.supernet.optimizer.weightDecay == 0.0005)
    #expect(plan.supernet.optimizer.schedule == .linear)
    #expect(plan.supernet.precision == .float32)
    #expect(plan.supernet.calibration == 500)
    #expect(plan.strategy == random(trials: 32, images: 6000))
    #expect(plan.warmStart)
    #expect(
      plan.budgets == [
        Plan.Limit(.macs, .count(4_000_000)), Plan.Limit(.macs, .count(300_000)),
        Plan.Limit(.parameters, .share(partsPerMillion: 125_000)),
        Plan.Limit(.parameters, .count(1_500_000_000)),
      ])
    #expect(plan.checkpointEvery == .seconds(300))
  }

  @Test func `reads a supernet of single paths`() throws {
    let plan = try plan(search(["supernet": "{paths: single, epochs: 9}"]))
    #expect(plan.supernet.paths == .single)
    #expect(plan.supernet.epochs == 9)
  }

  @Test func `reads strategies that prune, and the training that slimming wants`() throws {
    let slimming = try plan(
      search(["strategy": "network-slimming", "supernet": "{paths: largest, sparsity: 1e-3}"]))
    #expect(slimming.supernet.paths == .largest(sparsity: 0.001))
    #expect(slimming.strategy == Plan.Strategy(NetworkSlimming.self))
    let largest = try plan(search(["supernet": "{paths: largest}"]))
    #expect(largest.supernet.paths == .largest(sparsity: 0))
    var settings = PruningFromScratch.Settings()
    (settings.steps, settings.rate, settings.weight) = (7, 0.02, 3)
    (settings.sparsity, settings.expansion) = (0.5, 1)
    let scratch = try plan(
      search([
        "strategy":
          "{pruning-from-scratch: {steps: 7, lr: 2e-2, weight: 3, sparsity: 0.5, expansion: 1}}"
      ]))
    #expect(scratch.strategy == Plan.Strategy(PruningFromScratch.self, settings))
    for plan in [slimming, scratch] {
      #expect(try Plan(plan.resolved.utf8, file: "again.yaml") == plan)
    }
  }

  @Test func `takes a strategy's name alone for its defaults`() throws {
    #expect(
      try plan(search(["strategy": "random"])).strategy == random(trials: 100, images: 2048))
    #expect(
      try plan(search(["strategy": "{random: {}}"])).strategy == random(trials: 100, images: 2048))
    #expect(
      try plan(search(["strategy": "{autoslim: {images: 7}}"])).strategy == autoSlim(images: 7))
  }

  @Test(arguments: [
    ("data: {path: x, hold-out: 2048}", "data: {path: x, hold-out: 0}"),
    ("data: {path: x, augment: {crop: 0}}", "data: {path: x, augment: {crop: -1}}"),
    ("data: {path: x, augment: {crop: 16}}", "data: {path: x, augment: {crop: 17}}"),
    ("data: {path: x, augment: {cutout: 64}}", "data: {path: x, augment: {cutout: 65}}"),
    ("supernet: {epochs: 1}", "supernet: {epochs: 0}"),
    ("supernet: {epochs: 100000}", "supernet: {epochs: 100001}"),
    ("supernet: {batch: 1}", "supernet: {batch: 0}"),
    (
      "supernet: {paths: largest, sparsity: 1}", "supernet: {paths: largest, sparsity: 1.1}"
    ),
    (
      "strategy: {pruning-from-scratch: {steps: 1}}", "strategy: {pruning-from-scratch: {steps: 0}}"
    ),
    (
      "strategy: {pruning-from-scratch: {expansion: 4}}",
      "strategy: {pruning-from-scratch: {expansion: 0.9}}"
    ),
    ("supernet: {batch: 4096}", "supernet: {batch: 4097}"),
    ("supernet: {sandwich: 16}", "supernet: {sandwich: 17}"),
    ("supernet: {calibration: 1}", "supernet: {calibration: 0}"),
    ("supernet: {optimizer: {lr: 1e-9}}", "supernet: {optimizer: {lr: 0}}"),
    ("supernet: {optimizer: {lr: 100}}", "supernet: {optimizer: {lr: 100.1}}"),
    ("supernet: {optimizer: {momentum: 0.999}}", "supernet: {optimizer: {momentum: 1}}"),
    ("supernet: {optimizer: {weight-decay: 0}}", "supernet: {optimizer: {weight-decay: -0.1}}"),
    ("supernet: {optimizer: {weight-decay: 1}}", "supernet: {optimizer: {weight-decay: 1.1}}"),
    ("strategy: {autoslim: {images: 1}}", "strategy: {autoslim: {images: 0}}"),
    ("strategy: {autoslim: {images: 5000}}", "strategy: {autoslim: {images: 5001}}"),
    ("strategy: {random: {trials: 1}}", "strategy: {random: {trials: 0}}"),
    ("space: {network: resnet-8}", "space: {network: resnet-2}"),
    ("space: {network: resnet-1202}", "space: {network: resnet-1208}"),
    (
      "space: {network: mobilenet-v1, width: {scale: 0.01}}",
      "space: {network: mobilenet-v1, width: {scale: 0.009}}"
    ),
    (
      "space: {network: mobilenet-v1, width: {scale: 10}}",
      "space: {network: mobilenet-v1, width: {scale: 10.1}}"
    ),
    (
      "space: {network: mobilenet-v1, width: {groups: 1}}",
      "space: {network: mobilenet-v1, width: {groups: 0}}"
    ),
    (
      "space: {network: mobilenet-v1, width: {groups: 1000}}",
      "space: {network: mobilenet-v1, width: {groups: 1001}}"
    ),
    (
      "space: {network: mobilenet-v1, width: {divisor: 1}}",
      "space: {network: mobilenet-v1, width: {divisor: 0}}"
    ),
    (
      "space: {network: mobilenet-v1, width: {divisor: 1024}}",
      "space: {network: mobilenet-v1, width: {divisor: 1025}}"
    ),
    (
      "space: {network: mobilenet-v1, depth: {min: 1}}",
      "space: {network: mobilenet-v1, depth: {min: 0}}"
    ),
    ("budgets: [{macs: 1}]", "budgets: [{macs: 0}]"),
    ("budgets: [{params: 100%}]", "budgets: [{params: 100.0001%}]"),
    ("budgets: [{params: 0.0001%}]", "budgets: [{params: 0%}]"),
    ("checkpoint-every: 1s", "checkpoint-every: 999ms"),
    ("seed: 0", "seed: -1"),
  ])
  func `accepts what is just in range and refuses what is just outside`(
    inside: String, outside: String
  ) throws {
    func read(_ line: String) throws -> Plan {
      let (key, value) = try #require(
        line.firstRange(of: ": ").map { colon in
          (String(line[..<colon.lowerBound]), String(line[colon.upperBound...]))
        })
      return try plan(search([key: value]))
    }
    _ = try read(inside)
    let error = #expect(throws: PlanError.self) { try read(outside) }
    #expect(error?.problems.count == 1)
  }

  @Test(arguments: [
    ("fashion.yaml", "fashion"), ("a/b.c/fashion.yml", "fashion"), ("search", "search"),
    ("two.words.yaml", "two.words"), ("../é è.yaml", "é è"),
  ])
  func `names the study after the file`(file: String, name: String) throws {
    #expect(try Plan(search().utf8, file: file).study == name)
  }

  @Test func `reads text as it is written`() throws {
    for name in ["no", "010", "1_000", "12:30:45", "~", "2026-01-01", ".inf", "a *b", "x&y"] {
      #expect(try plan(search(["study": name])).study == name)
    }
    #expect(try plan(search(["study": "'it''s # one'"])).study == "it's # one")
    #expect(try plan(search(["study": #""tab\x2e * \u00e9 \ue000""#])).study == "tab. * é \u{e000}")
    let path = try plan(search(["data": "{path: ../images/*.gz}"])).data.path
    #expect(path == "../images/*.gz")
  }

  @Test func `names of a hundred characters are the longest`() throws {
    let longest = String(repeating: "é", count: 100)
    #expect(try plan(search(["study": longest])).study == longest)
    #expect(throws: PlanError.self) { try plan(search(["study": longest + "e"])) }
    #expect(throws: PlanError.self) { try Plan(search().utf8, file: longest + "e.yaml") }
    #expect(throws: PlanError.self) { try Plan(search().utf8, file: ".yaml") }
  }

  @Test func `shows names that could harm as they are, and never on a terminal`() throws {
    let names = ["'''; DROP TABLE trial;--'", "<script>", #""\"><img onerror>""#, #""\u202eabc""#]
    for name in names { _ = try plan(search(["study": name])) }
    let error = #expect(throws: PlanError.self) {
      try Plan(search(["seed": "\u{202e}x", "study": "a"]).utf8, file: "a\u{1b}[31m.yaml")
    }
    #expect(
      error?.description == #"""
        a\x1b[31m.yaml:3:7: error: seed must be a whole number from 0 to 18446744073709551615, \#
        but is '\u{202e}x'
        """#)
  }

  @Test func `accepts a byte order mark, carriage returns and a document's marks`() throws {
    let text = search(["seed": "7"])
    #expect(try plan("\u{feff}" + text) == plan(text))
    #expect(try plan(text.replacing("\n", with: "\r\n")) == plan(text))
    #expect(try plan("--- # one\n" + text + "...\n") == plan(text))
  }

  @Test func `reads a file on disk, and says why it cannot`() throws {
    let error = #expect(throws: UnreadableFileError.self) {
      try Plan(contentsOf: "/nowhere/fashion.yaml")
    }
    #expect(error?.description == "/nowhere/fashion.yaml: error: there is no such file")
    let folder = #expect(throws: UnreadableFileError.self) { try Plan(contentsOf: "/tmp") }
    #expect(folder?.reason == "it is a folder")
    let empty = #expect(throws: PlanError.self) { try Plan(contentsOf: "/dev/null") }
    #expect(
      empty?.description
        == "/dev/null:1:1: error: the file is empty; searches/autoslim.yaml is one to start from")
    // It never ends.
    let endless = #expect(throws: PlanError.self) { try Plan(contentsOf: "/dev/zero") }
    #expect(endless?.problems.first?.message.contains("larger than 1 MB") == true)
  }
}
