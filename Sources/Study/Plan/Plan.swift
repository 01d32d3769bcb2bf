public import Evaluator
public import Networks
public import SearchSpace
import Strategies

/// What a search file says: all that the outcome of a study depends on.
///
///     let plan = try Plan(contentsOf: "searches/fashion.yaml")
///     plan.supernet.epochs  // 4
///
/// This file is the reference of the search file. Each property tells of the key that it is read
/// from and begins with that key's default; what reads it says which values are allowed.
public struct Plan: Hashable, Sendable {
  /// `study`: its name in the database, 1 to 100 characters; by default the file's name without
  /// its ending.
  public var study: String

  /// `seed`: what everything random in the study is drawn from, 0 to 2⁶⁴ − 1.
  public var seed: UInt64 = 1

  /// `evaluator`: what tells how good a network is.
  ///
  /// `supernet`, the default, or a table in its place, `{table: FILE}`; then there is no `data`, no
  /// `supernet` and no `warm-start`.
  public var table: Table?

  /// `data`, required unless a table answers: the images to learn from.
  public var data: Data

  /// `space`, required: the networks to choose from.
  public var space: Space

  /// `supernet`: how the weights that all of them share are trained.
  public var supernet = Supernet()

  /// `strategy`, required: how the choice is made.
  ///
  /// One of ``Strategy/all``, as a key with settings below it or alone for their defaults.
  public var strategy: Strategy

  /// `warm-start`: whether the strategy begins with the scores that other studies of the same
  /// database got with the same weights and by the same recipe.
  ///
  /// A search then depends on what is in the database when it begins; without it, the default, it
  /// follows from the seed alone. AutoSlim, which descends from the largest network, has no use for
  /// other scores.
  public var warmStart = false

  /// `budgets`, required: the costs to stay within.
  ///
  /// A list such as `[{macs: 4M}, {params: 40%}, {latency: 2ms}]`, of at least one, no two the same.
  public var budgets: [Limit]

  /// `latency`: what is timed, where a budget or an objective is about latency.
  public var latency = Latency()

  /// `retrain`: how the networks that were picked are trained on their own; without it they are not.
  public var retrain: Retrain?

  /// `checkpoint-every`: the time between two checkpoints of the training.
  ///
  /// At least `1s`, in `ms`, `s`, `m` or `h`. It changes nothing about the results.
  public var checkpointEvery = Duration.seconds(20)

  /// Where the file says all this.
  public internal(set) var places = Places()

  public init(
    study: String, data: Data, space: Space, strategy: Strategy, budgets: [Limit]
  ) {
    self.study = study
    self.data = data
    self.space = space
    self.strategy = strategy
    self.budgets = budgets
  }

  /// Reads the root of a search file.
  ///
  /// - Parameters:
  ///   - form: The root.
  ///   - name: The study's name if the file gives none.
  ///   - reader: Receives every problem. If there are any, the plan means nothing.
  package init(_ form: Form, name: String, reader: inout FormReader) {
    // What is required begins as anything: where it is missing, there is a problem.
    self.init(
      study: name, data: Data(path: ""), space: Space(network: .mobileNetV2),
      strategy: Strategy(AutoSlim.self), budgets: [])
    let keys = reader.mapping(
      form,
      keys: [
        "study", "seed", "evaluator", "data", "space", "supernet", "strategy", "warm-start",
        "budgets", "latency", "retrain", "checkpoint-every",
      ],
      required: Table.isNamed(in: form) ? Self.required : Self.requiredOfSupernets)
    readName(keys["study"], of: form, &reader)
    reader.integer(keys["seed"], 0...UInt64.max, into: &seed)
    table = Table.read(keys["evaluator"], &reader)
    if table != nil {
      for key in ["data", "supernet", "warm-start", "retrain"] {
        guard let form = keys[key] else { continue }
        reader.report(form.position, "\(key) has no effect where a table answers; remove it")
      }
    }
    data.read(keys["data"], &reader)
    space.read(keys["space"], &reader)
    supernet.read(keys["supernet"], &reader)
    strategy.read(keys["strategy"], holdOut: table == nil ? data.holdOut : .max, &reader)
    if strategy == Strategy(NetworkSlimming.self), let form = keys["strategy"], !supernet.isSparse {
      reader.report(
        form.position,
        "network-slimming ranks channels by scales that the training must press towards zero; "
          + "write supernet: {paths: largest, sparsity: 1e-4}")
    }
    if table != nil, strategy.startingWeights == .drawn || strategy.images == nil,
      let form = keys["strategy"]
    {
      reader.report(form.position, "\(strategy.name) needs weights, which a table does not have")
    }
    reader.flag(keys["warm-start"], into: &warmStart)
    budgets = Limit.list(keys["budgets"], &reader)
    latency.read(keys["latency"], &reader)
    if let form = keys["latency"], !namesLatency || table != nil {
      reader.report(
        form.position,
        table == nil
          ? "latency has no effect where no budget and no objective is about it; remove it, or add "
            + "a budget such as {latency: 60%}"
          : "latency has no effect where a table answers; remove it")
    }
    retrain = Retrain.read(
      keys["retrain"], augment: data.augment, strategy: strategy, &reader)
    readInterval(keys["checkpoint-every"], &reader)
  }

  mutating func readName(_ given: Form?, of form: Form, _ reader: inout FormReader) {
    if let given {
      reader.text(given, expecting: "a name", longest: 100, into: &study)
    } else if let flaw = study.isEmpty
      ? "is empty; rename it" : FormReader.flaw(of: study, longest: 100)
    {
      reader.report(
        form.position, "the study is named after the file, whose name \(flaw), or add 'study: NAME'"
      )
    }
  }

  mutating func readInterval(_ form: Form?, _ reader: inout FormReader) {
    reader.scalar(
      form, expecting: "a time of at least 1s, such as 20s or 5m", into: &checkpointEvery
    ) { (text) throws(ScalarError) in
      let milliseconds = try ScalarRules.milliseconds(text)
      guard milliseconds >= 1000 else { throw ScalarError() }
      return .milliseconds(milliseconds)
    }
  }

  /// The keys that no file can do without, with examples.
  private static let required: KeyValuePairs = [
    "space": "space: {network: mobilenet-v2}", "strategy": "strategy: autoslim",
    "budgets": "budgets: [{macs: 4M}]",
  ]

  private static let requiredOfSupernets: KeyValuePairs = [
    "data": "data: {path: images}", "space": "space: {network: mobilenet-v2}",
    "strategy": "strategy: autoslim", "budgets": "budgets: [{macs: 4M}]",
  ]

  // MARK: - supernet

  /// How the shared weights are trained.
  public struct Supernet: Hashable, Sendable {
    /// `epochs`: how often the training set is gone through, 1 to 100,000.
    public var epochs = 4

    /// `batch`: the images of a step, 1 to 4096.
    public var batch = 128

    /// `paths`: which subnets a step trains.
    ///
    /// - `sandwich`, the default: the largest, the smallest and some random ones. The key `sandwich`
    ///   says how many random ones, 0 to 16, default 2; `distill` whether the largest teaches the
    ///   others in the same step, default true.
    /// - `single`: one random subnet that learns from the labels, as in single-path one-shot search.
    ///   A step takes a fraction of the time, and there are more of them to do.
    /// - `largest`: the largest alone, for strategies that rank its channels. The key `sparsity`, 0 to
    ///   1, default 0, is the weight of the L1 norm of the scales of its normalisations in the loss.
    public var paths = Evaluator.Supernet.Paths.sandwich(random: 2, distills: true)

    /// `optimizer`: stochastic gradient descent with momentum.
    ///
    /// - `lr`: the highest learning rate, above 0 up to 100, default 0.1.
    /// - `momentum`: from 0 to below 1, default 0.9; `nesterov`: whether it is Nesterov's, default
    ///   true.
    /// - `weight-decay`: 0 to 1, default 1e-4.
    /// - `schedule`: how the rate falls: `cosine`, the default, `linear`, `constant`, or `step`, to a
    ///   tenth at each of `milestones`, shares of the training, by default `[50%, 75%]`.
    /// - `warm-up`: in which share of the training the rate rises before, from `0%`, the default, to
    ///   below `100%`.
    public var optimizer = MomentumOptimizer()

    /// `precision`: how activations lie in memory, `float32` or `bfloat16`; `auto`, the default, takes
    /// whichever trains faster on this machine, and keeps to it when the study goes on.
    public var precision = Precision.auto

    /// `calibration`: the images over which the statistics of batch normalisation are gathered anew
    /// for each subnet that is scored, at least 1.
    public var calibration = 1024

    /// `probe`: how many networks are trained a little on their own before a search that scores with
    /// shared weights, to warn of a supernet that ranks them otherwise (``RankProbe``); 3 to 100, or 0
    /// for none.
    ///
    /// Together they take about a tenth of the time that the supernet took.
    public var probe = 5

    /// `pretrained`: a safetensors file of weights to begin the training with, kept as it is written;
    /// by default they are drawn.
    ///
    /// It holds the arrays of the largest network, in the names of torchvision for the families that
    /// it has (`ParameterNames`). Documentation/export.md tells how to make one.
    public var pretrained: String?

    public init() {}

    /// The precisions there are.
    public enum Precision: String, Hashable, Sendable, CaseIterable {
      case auto
      case float32
      case bfloat16
    }

    mutating func read(_ form: Form?, _ reader: inout FormReader) {
      let keys = reader.mapping(
        form,
        keys: [
          "epochs", "batch", "paths", "sandwich", "distill", "sparsity", "optimizer", "precision",
          "calibration", "probe", "pretrained",
        ])
      reader.integer(keys["epochs"], 1...100_000, into: &epochs)
      reader.integer(keys["batch"], 1...4096, into: &batch)
      readPaths(keys, &reader)
      reader.word(keys["precision"], into: &precision)
      reader.integer(keys["calibration"], 1...Int.max, into: &calibration)
      readProbe(keys["probe"], &reader)
      reader.path(keys["pretrained"], into: &pretrained)
      optimizer.read(keys["optimizer"], &reader)
    }
  }

  // MARK: - budgets

  /// An upper limit of one cost, which may depend on the largest network.
  public struct Limit: Hashable, Sendable {
    /// `macs`, or `flops` for the same, counts multiply-adds for one image; `params` counts
    /// parameters; `latency` is the time in which a batch is classified (``Plan/latency``).
    public var metric: Cost.Metric

    public var amount: Amount

    public init(_ metric: Cost.Metric, _ amount: Amount) {
      self.metric = metric
      self.amount = amount
    }

    /// How much is allowed.
    public enum Amount: Hashable, Sendable {
      /// So many: `4M`, `300k`, `1.5G`, `5000`; at least 1. Of a latency nanoseconds, written as
      /// `2ms`, `300us` or `1.5s`.
      case count(Int)

      /// So much of what the largest network costs: `40%`, above 0% up to 100%, with at most four
      /// decimals.
      case share(partsPerMillion: Int)

      static func read(_ text: String, of metric: Cost.Metric) throws(ScalarError) -> Amount {
        guard text.hasSuffix("%") else {
          let count =
            metric == .latency ? try ScalarRules.nanoseconds(text) : try ScalarRules.count(text)
          guard count >= 1 else { throw ScalarError(hint: "the least is 1") }
          return .count(count)
        }
        let share = try ScalarRules.share(text)
        guard 1...1_000_000 ~= share else {
          throw ScalarError(hint: "a share is above 0% and at most 100%")
        }
        return .share(partsPerMillion: share)
      }
    }

    static func list(_ form: Form?, _ reader: inout FormReader) -> [Limit] {
      guard let form, let entries = reader.list(form, example: "[{macs: 4M}, {params: 40%}]")
      else { return [] }
      if entries.isEmpty {
        reader.report(form.position, "there is no budget; add one, such as {macs: 4M}")
      }
      var lines: [Limit: Int] = [:]
      return entries.compactMap { entry in
        guard
          let (name, value) = reader.choice(entry, keys: ["macs", "flops", "params", "latency"])
        else { return nil }
        var number = value
        number.path = "budgets.\(name)"
        let metric = Cost.Metric(rawValue: name) ?? .macs
        let example =
          metric == .latency ? "a time such as 2ms or 300us" : "a count such as 4M or 300k"
        var amount: Amount?
        reader.scalar(
          number, expecting: "\(example), or a share such as 40%", into: &amount
        ) { (text) throws(ScalarError) in try Amount.read(text, of: metric) }
        guard let amount else { return nil }
        let limit = Limit(metric, amount)
        if let line = lines[limit] {
          reader.report(entry.position, "this budget is the same as that of line \(line)")
        }
        lines[limit] = entry.position.line
        return limit
      }
    }
  }
}
