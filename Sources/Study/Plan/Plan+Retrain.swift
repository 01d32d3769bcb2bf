public import Networks
import Strategies

extension Plan {
  /// How a network is trained on its own, once it was picked.
  public struct Retrain: Hashable, Sendable {
    /// `epochs`: how often the training set is gone through.
    public var epochs = Epochs.count(20)

    /// `batch`: the images of a step, 1 to 4096.
    public var batch = 128

    /// `optimizer`: as that of the supernet, but that `weight-decay` is 5e-4 by default.
    public var optimizer: MomentumOptimizer

    /// `label-smoothing`: the part of each label that is shared out among all classes, from 0, the
    /// default, to below 1.
    public var labelSmoothing = 0.0

    /// `augment`: how the images of a step are varied; what is not given is as in `data`.
    public var augment: Augment

    /// `ema`: the part that each step keeps of a moving average of the weights, above 0 to below 1,
    /// such as 0.999; by default `false`, and the last weights are taken.
    public var averaging: Double?

    /// `distill`: whether the largest network of the space, trained by the same recipe once, teaches.
    ///
    /// - `alpha`: how much of the loss is the teacher's, 0 to 1, default 0.9.
    /// - `temperature`: what logits are divided by, above 0 up to 100, default 4.
    ///
    /// `true` means the defaults, `false`, the default, none.
    public var distill: Distillation?

    /// `from`: the weights to begin with: new ones by `scratch`, the default, or the supernet's by
    /// `inherited`, which needs a strategy that trains one.
    public var from = Origin.scratch

    /// `pretrained`: a safetensors file of weights for the largest network, as for the supernet, of
    /// which each network begins with its slice; in place of `from`.
    public var pretrained: String?

    /// `precision`: as that of the supernet, default `auto`.
    public var precision = Supernet.Precision.auto

    /// - Parameter augment: How the images are varied.
    public init(augment: Augment = Augment()) {
      self.augment = augment
      optimizer = MomentumOptimizer()
      optimizer.weightDecay = 5e-4
    }

    /// How long a network is trained.
    public enum Epochs: Hashable, Sendable {
      /// `20`: so many passes over the training images, 1 to 100,000.
      case count(Int)

      /// `{match: 20}`, or `match` for the same: as many as take no more multiply-adds than 20 of the
      /// largest network do, so that networks of any size have the same arithmetic behind them.
      case match(Int)

      /// The epochs of one network.
      ///
      /// - Parameters:
      ///   - macs: Its multiply-adds.
      ///   - largest: Those of the largest network.
      /// - Returns: Passes over the training images, at least 1.
      func of(macs: Int, largest: Int) -> Int {
        switch self {
        case .count(let count): count
        case .match(let count): max(1, Int(Int128(count) * Int128(largest) / Int128(max(1, macs))))
        }
      }
    }

    /// The weights that training begins with.
    public enum Origin: String, Hashable, Sendable, CaseIterable {
      case scratch
      case inherited
    }

    /// Reads the section; `nil` if there is none.
    static func read(
      _ form: Form?, augment: Augment, strategy: Strategy, _ reader: inout FormReader
    ) -> Retrain? {
      guard let form else { return nil }
      var retrain = Retrain(augment: augment)
      let keys = reader.mapping(
        form,
        keys: [
          "epochs", "batch", "optimizer", "label-smoothing", "augment", "ema", "distill", "from",
          "pretrained", "precision",
        ])
      retrain.epochs.read(keys["epochs"], &reader)
      reader.integer(keys["batch"], 1...4096, into: &retrain.batch)
      retrain.optimizer.read(keys["optimizer"], &reader)
      reader.decimal(keys["label-smoothing"], .from(0, below: 1), into: &retrain.labelSmoothing)
      retrain.augment.read(keys["augment"], &reader)
      retrain.readAveraging(keys["ema"], &reader)
      retrain.readDistillation(keys["distill"], &reader)
      reader.word(keys["from"], into: &retrain.from)
      reader.path(keys["pretrained"], into: &retrain.pretrained)
      reader.word(keys["precision"], into: &retrain.precision)
      if retrain.pretrained != nil, let place = keys["from"] {
        reader.report(
          place.position, "pretrained says what to begin with; leave out from or pretrained")
      }
      if retrain.from == .inherited, strategy.startingWeights != .trained, let place = keys["from"]
      {
        reader.report(
          place.position,
          "retrain.from cannot be inherited: \(strategy.name) trains no supernet; write scratch")
      }
      return retrain
    }

    private mutating func readAveraging(_ form: Form?, _ reader: inout FormReader) {
      reader.scalar(
        form, expecting: "a number above 0 to below 1, such as 0.999, or false", into: &averaging
      ) { (text) throws(ScalarError) in
        guard text != "false" else { return nil }
        let kept = try ScalarRules.decimal(text)
        guard kept > 0, kept < 1 else { throw ScalarError() }
        return kept
      }
    }

    private mutating func readDistillation(_ form: Form?, _ reader: inout FormReader) {
      guard let form else { return }
      var distillation = Distillation()
      guard form.word == nil else {
        var isWanted = false
        reader.flag(form, into: &isWanted)
        distill = isWanted ? distillation : nil
        return
      }
      let keys = reader.mapping(form, keys: ["alpha", "temperature"])
      reader.decimal(keys["alpha"], .from(0, to: 1), into: &distillation.alpha)
      reader.decimal(keys["temperature"], .above(0, to: 100), into: &distillation.temperature)
      distill = distillation
    }
  }
}

extension Plan.Retrain.Epochs {
  private static let range = 1...100_000

  fileprivate mutating func read(_ form: Form?, _ reader: inout FormReader) {
    guard let form else { return }
    if case .mapping = form.content {
      guard let (_, number) = reader.choice(form, keys: ["match"]) else { return }
      var count = 20
      reader.integer(number, Self.range, into: &count)
      self = .match(count)
      return
    }
    reader.scalar(
      form, expecting: "a whole number from 1 to 100000, match or {match: 20}", into: &self
    ) { (text) throws(ScalarError) in
      guard text != "match" else { return .match(20) }
      let count: Int = try ScalarRules.integer(text)
      guard Self.range.contains(count) else { throw ScalarError() }
      return .count(count)
    }
  }
}

extension Plan.Retrain {
  /// The lines below `retrain` in the file that says the same, without indentation.
  var lines: [String] {
    let epochs =
      switch epochs {
      case .count(let count): "\(count)"
      case .match(let count): "{match: \(count)}"
      }
    let distillation = distill.map { "{alpha: \($0.alpha), temperature: \($0.temperature)}" }
    return ["epochs: \(epochs)", "batch: \(batch)", "optimizer:"]
      + optimizer.lines.map { "  \($0)" } + [
        "label-smoothing: \(labelSmoothing)",
        "augment: \(augment.yaml)",
        "ema: \(averaging.map { "\($0)" } ?? "false")",
        "distill: \(distillation ?? "false")",
        pretrained.map { "pretrained: \($0.yaml)" } ?? "from: \(from.rawValue)",
        "precision: \(precision.rawValue)",
      ]
  }
}
