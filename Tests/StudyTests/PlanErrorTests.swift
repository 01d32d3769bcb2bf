import SearchSpace
import Study
import Testing

@Suite struct PlanErrorTests {
  /// What a person sees.
  private func screen(_ text: String) -> String {
    do {
      _ = try plan(text)
      return "no problem"
    } catch {
      return "\(error)".replacing("searches/fashion.yaml:", with: "")
    }
  }

  /// The strategies there are, as messages list them.
  private static let strategies =
    "autoslim, exhaustive, l1-norm, largest, network-slimming, nsga2, "
    + "predictor, pruning-from-scratch, random, regularized-evolution, spos, tas or uniform"

  /// What a person sees of the shortest search with one value changed.
  private func screen(_ keys: KeyValuePairs<String, String>) -> String { screen(search(keys)) }

  @Test func `reports every problem at once, with its line and column`() {
    #expect(
      screen(
        """
        study: fashion
        data:
          hold-out: many
          augment: {crop: 2, flop: true}
        space:
          network: mobilnet-v2
        supernet:
          epohcs: 7
          batch: 8192
          distill: yes
          precision: float16
          optimizer: {lr: .nan, schedule: cosin}
        strategy: [autoslim]
        budgets: [{macs: 4m}, {flops: 2M}, {macs: 2000k}]
        checkpoint-every: 20
        """) == """
          3:3: error: the key 'path' is missing from data; add for example \
          'path: /usr/share/datasets/fashion-mnist'
          3:13: error: data.hold-out must be a whole number of at least 1, but is 'many'
          4:22: error: unknown key 'flop' in data.augment; did you mean 'flip'? known keys: crop, \
          flip, cutout, resized-crop
          6:12: error: space.network must be the name of a family, but is 'mobilnet-v2'; \
          did you mean 'mobilenet-v2'? there are \(Family.names.joined(separator: ", "))
          8:3: error: unknown key 'epohcs' in supernet; did you mean 'epochs'? known keys: epochs, \
          batch, paths, sandwich, distill, sparsity, optimizer, precision, calibration, \
          probe, pretrained
          9:10: error: supernet.batch must be a whole number from 1 to 4096, but is '8192'
          10:12: error: supernet.distill must be true or false, but is 'yes'; write true
          11:14: error: supernet.precision must be auto, float32 or bfloat16, the only values there \
          are, but is 'float16'; did you mean 'bfloat16'?
          12:19: error: supernet.optimizer.lr must be a number above 0 up to 100, but is '.nan'
          12:35: error: supernet.optimizer.schedule must be cosine, linear, constant or \
          step, the only values there are, but is 'cosin'; did you mean 'cosine'?
          13:11: error: strategy must be a mapping with the key \(Self.strategies), but is a list
          14:18: error: budgets.macs must be a count such as 4M or 300k, or a share such as 40%, \
          but is '4m'; the units are k, M and G
          14:36: error: this budget is the same as that of line 14
          15:19: error: checkpoint-every must be a time of at least 1s, such as 20s or 5m, \
          but is '20'; add a unit: ms, s, m or h
          """)
  }

  @Test func `refuses what has no effect on single paths`() {
    #expect(
      screen(["supernet": "{sandwich: 3, paths: single, distill: maybe}"])
        == """
        5:22: error: supernet.sandwich has no effect with paths: single; remove it
        5:49: error: supernet.distill has no effect with paths: single; remove it
        """)
    #expect(
      screen(["supernet": "{paths: singel}"])
        == "5:19: error: supernet.paths must be sandwich, single or largest, the only values there "
        + "are, but is 'singel'; did you mean 'single'?")
  }

  @Test func `points at the mapping that lacks a key`() {
    #expect(
      screen("# a comment\nseed: 1\nspace: {}\n") == """
        2:1: error: the key 'data' is missing; add for example 'data: {path: images}'
        2:1: error: the key 'strategy' is missing; add for example 'strategy: autoslim'
        2:1: error: the key 'budgets' is missing; add for example 'budgets: [{macs: 4M}]'
        3:8: error: the key 'network' is missing from space; add for example \
        'network: mobilenet-v2'
        """)
  }

  @Test func `points at the second of two equal keys, wherever they are`() {
    #expect(
      screen(search() + "seed: 1\nsupernet: {epochs: 1, batch: 2, epochs: 3}\nseed: x\n'seed': 3\n")
        == """
        6:33: error: the key 'epochs' is already given on this line; keep one of them
        7:1: error: the key 'seed' is already given on line 5; keep one of them
        8:1: error: the key 'seed' is already given on line 5; keep one of them
        """)
    #expect(screen("'': 1\n'': 2\n") == "1:1: error: the key '' is given twice; keep one")
  }

  @Test(arguments: [
    (
      "supernet", "[1]",
      "must be a mapping with keys such as epochs, batch, paths, but is a list"
    ),
    (
      "supernet", "",
      "must be a mapping with keys such as epochs, batch, paths, but nothing is written"
    ),
    ("budgets", "4M", "must be a list such as [{macs: 4M}, {params: 40%}], but is '4M'"),
    (
      "seed", "'1'",
      "must be a whole number from 0 to 18446744073709551615, but is the text '1' in quotes; remove the quotes"
    ),
    ("seed", "{}", "must be a whole number from 0 to 18446744073709551615, but is a mapping"),
    ("seed", "", "must be a whole number from 0 to 18446744073709551615, but nothing is written"),
    (
      "seed", "0x10",
      "must be a whole number from 0 to 18446744073709551615, but is '0x10'; write digits only"
    ),
    (
      "seed", "18446744073709551616",
      "must be a whole number from 0 to 18446744073709551615, but is '18446744073709551616'; that is too large"
    ),
    ("study", "[a]", "must be a name, but is a list"),
    ("study", "''", "must be a name, but is the text '' in quotes"),
    ("study", #""a\eb""#, #"holds the control character \x1b; remove it"#),
    (
      "checkpoint-every", "20 seconds",
      "must be a time of at least 1s, such as 20s or 5m, but is '20 seconds'; the units are ms, s, m and h"
    ),
    (
      "strategy", "autoslm",
      "must be a mapping with the key \(PlanErrorTests.strategies), but is 'autoslm'"
    ),
  ])
  func `says what was expected and what was found`(key: String, value: String, message: String) {
    #expect(screen([key: value]).hasSuffix("error: \(key) \(message)"))
  }

  @Test func `wants one key where there is one to choose`() {
    #expect(
      screen(["strategy": "{autoslim: {}, random: {}}"])
        == "4:26: error: strategy takes one key, and has 'autoslim' already")
    #expect(
      screen(["strategy": "{autoslm: {}}"]) == """
        4:12: error: unknown key 'autoslm' in strategy; did you mean 'autoslim'? \
        known keys: \(Self.strategies.replacing(" or", with: ","))
        """)
    #expect(
      screen(["budgets": "[4M, {}, {cost: 3}]"]) == """
        1:11: error: an entry of budgets must be a mapping with the key macs, flops, params or latency, \
        but is '4M'
        1:15: error: an entry of budgets must have the key macs, flops, params or latency, but has none
        1:20: error: unknown key 'cost' in an entry of budgets; known keys: macs, flops, params, \
        latency
        """)
    #expect(
      screen(["budgets": "[]"]) == "1:10: error: there is no budget; add one, such as {macs: 4M}")
  }

  @Test func `sees that what is held out suffices for the strategy`() {
    let data = "{path: x, hold-out: 1000}"
    #expect(
      screen(["data": data, "strategy": "autoslim"]) == """
        4:11: error: autoslim scores each candidate on 2048 images, but data.hold-out is 1000; \
        lower images or hold out more
        """)
    #expect(
      screen(["data": data, "strategy": "{random: {images: 1001}}"]) == """
        4:29: error: random scores each candidate on 1001 images, but data.hold-out is 1000; \
        lower images or hold out more
        """)
  }

  @Test func `refuses settings that the family has no use for`() {
    #expect(
      screen(["space": "{network: nats, width: {scale: 2}, depth: {min: 1}}"]) == """
        3:31: error: nats has no use for 'width'
        3:50: error: nats has no use for 'depth'
        """)
    #expect(
      screen(["space": "{network: vgg-16, residual: fixed}"])
        == "3:36: error: vgg-16 has no use for 'residual'")
  }

  @Test func `sees what cannot be widths or depths of a family`() {
    #expect(
      screen(["space": "{network: resnet-20, width: {shares: [30%, 120%], groups: 4}}"]) == """
        3:51: error: an entry of space.width.shares is at most 100%, the widest choice
        3:66: error: shares say what the choices are; leave out groups or shares
        """)
    #expect(
      screen(["space": "{network: resnet-20, width: {shares: []}, depth: {step: 0}}"]) == """
        3:45: error: space.width.shares offers nothing to choose
        3:57: error: the key 'min' is missing from space.depth; add for example 'min: 1'
        3:64: error: space.depth.step must be a whole number from 1 to 1000, but is '0'
        """)
  }

  /// Values other than those a family's space has by itself.
  static let others: [(Family.Setting, @Sendable (inout Family.Settings) -> Void)] = [
    (.width, { $0.width.groups = 2 }), (.depth, { $0.smallestDepth = 1 }),
    (.residual, { $0.residual = .shortcut }), (.strides, { $0.strides = [1] }),
  ]

  @Test(arguments: [
    "mobilenet-v1", "mobilenet-v2", "mnasnet", "efficientnet-b0", "resnet-20", "resnet-18",
    "resnext-50-32x4d", "regnetx-200mf", "vgg-16", "squeezenet", "nats", "nas-bench-macro",
  ])
  func `knows which settings make a difference to a family`(name: String) throws {
    let family = try Family(name)
    let image: Shape = [3, 32, 32]
    let plain = try family.space(input: image, classes: 10)
    for (setting, change) in Self.others {
      var settings = Family.Settings()
      change(&settings)
      // One stride suits no family that takes them.
      let changed = try? family.space(input: image, classes: 10, settings: settings)
      #expect((changed != plain) == family.settings.contains(setting), "\(setting)")
    }
  }

  @Test func `sees that strides fit the family`() {
    #expect(
      screen(["space": "{network: resnet-20, strides: [1, 2]}"]) == """
        3:38: error: these settings do not fit resnet-20: 2 strides given where the family has 4 parts
        """)
    #expect(
      screen(["space": "{network: resnet-20, strides: [1, 0, 2, 3]}"]) == """
        3:42: error: an entry of space.strides must be 1 or 2, but is '0'
        3:48: error: an entry of space.strides must be 1 or 2, but is '3'
        """)
    #expect(
      screen(["space": "{network: resnet-21}"]) == """
        3:18: error: space.network must be the name of a family, but is 'resnet-21'; there is no \
        network of this family with 21 layers; there are 6n + 2, 8, 14, 20, 26, 32, …, and with \
        bottlenecks 9n + 2, 11, 20, 29, …
        """)
  }

  @Test(arguments: [
    ("a: b: c", "1:5", "this ':' is out of place"),
    ("seed 1\ndata: x", "2:5", "this ':' is out of place"),
    ("a:\n  - 1\n b: 2", "3:2", "expected a key here"),
    ("data:\n  path: x\n  hold-out 5", "3:3", "a ':' is missing after this key"),
    ("data: {path: x\nseed: 1", "1:7", "this '{' is not closed"),
    ("a: [1, 2\nb: 3", "1:4", "this '[' is not closed"),
    ("a: [1, 2", "1:4", "this '[' is not closed"),
    ("study: \"abc\nseed: 1\n", "1:8", "this quote is not closed"),
    ("a:\n\tb: 1", "2:1", "a tab cannot indent; use spaces"),
    ("a:\n\t- b", "2:1", "a tab cannot indent; use spaces"),
    ("a: @x", "1:4", "text cannot begin with '@'; put it in quotes"),
    ("a: [", "2:1", "a value is missing here"),
    ("a: \"\\q\"", "1:5", "this is not YAML: found unknown escape character"),
  ])
  func `says in plain words why a text is not YAML`(text: String, place: String, message: String) {
    #expect(screen(text).hasPrefix("\(place): error: \(message)"))
    #expect(!screen(text).contains("\n"))
  }

  @Test func `takes no anchors, aliases, tags or second documents`() {
    #expect(
      screen(search() + "seed: &one 1\nstudy: *one\nsupernet: !!map {}\n---\nseed: 2\n") == """
        5:7: error: anchors such as &name are not read; remove it
        6:8: error: aliases such as *name are not read; write the value here again
        7:11: error: tags such as !name are not read; remove it
        9:1: error: a second document begins here; keep one search in a file
        """)
  }

  @Test func `notices text that runs on in the next line`() {
    #expect(
      screen(["study": "one\n  two"]).hasPrefix("5:8: error: this text goes on in the next line"))
  }

  @Test func `lists a hundred problems and counts the rest`() {
    let lines = screen(search() + (0..<150).map { "k\($0): 1\n" }.joined()).split(separator: "\n")
    #expect(lines.count == 101)
    #expect(lines.last == " 50 more problems are not shown")
  }

  @Test func `sorts problems by place and keeps one of each`() {
    let late = Problem(line: 3, column: 1, message: "late")
    let early = Problem(line: 2, column: 9, message: "early")
    #expect(PlanError(file: "f", problems: [late, early, late]).problems == [early, late])
  }
}
