public import Foundation
public import SearchSpace

/// Every trial of a study, and how its weights were trained, for other programs to look at.
public struct TrialTable: Sendable {
  public var study: String
  public var strategy: String
  public var seed: UInt64

  /// When the study was begun.
  public var createdAt: Date

  /// The search file as it was understood.
  public var plan: String

  public var decisions: [Decision]

  /// The trials, in the order of their numbers.
  public var rows: [Row]

  public var curves: [Curve]

  /// One trial.
  public struct Row: Sendable {
    /// From 1 on, without a gap.
    public var number: Int

    /// Which question of the strategy led to it, counted from 0.
    public var step: Int

    /// What the strategy notes about it.
    public var role: String?

    /// Whether the strategy went on with it.
    public var isChosen: Bool

    public var cost: Cost

    /// The size that it took for each decision that the space still has, by its name.
    public var sizes: [String: Int]

    /// Why it failed; `nil` if it did not.
    public var failure: String?

    /// When it was committed.
    public var endedAt: Date

    /// How long its evaluation took.
    public var seconds: Double

    /// Its most trustworthy score on the hold-out; `nil` if it has none with an accuracy.
    public var score: Score?

    /// Its accuracy on the test set, if it was ever tested.
    public var testAccuracy: Double?

    public init(
      number: Int, step: Int, role: String?, isChosen: Bool, cost: Cost, sizes: [String: Int],
      failure: String?, endedAt: Date, seconds: Double, score: Score?, testAccuracy: Double?
    ) {
      self.number = number
      self.step = step
      self.role = role
      self.isChosen = isChosen
      self.cost = cost
      self.sizes = sizes
      self.failure = failure
      self.endedAt = endedAt
      self.seconds = seconds
      self.score = score
      self.testAccuracy = testAccuracy
    }
  }

  /// A measurement of accuracy.
  public struct Score: Sendable {
    public var accuracy: Double

    /// The 95 % interval of ``accuracy``.
    public var interval: ClosedRange<Double>

    /// The mean cross-entropy in nats.
    public var loss: Double
    public var images: Int

    /// Whose weights it was made with: `shared` or `retrained`.
    public var fidelity: String

    public init(
      accuracy: Double, interval: ClosedRange<Double>, loss: Double, images: Int, fidelity: String
    ) {
      self.accuracy = accuracy
      self.interval = interval
      self.loss = loss
      self.images = images
      self.fidelity = fidelity
    }
  }

  /// How something was trained.
  public struct Curve: Sendable {
    /// What was trained, such as `supernet`.
    public var name: String
    public var points: [Point]

    public init(name: String, points: [Point]) {
      self.name = name
      self.points = points
    }

    public struct Point: Sendable {
      public var step: Int

      /// Seconds since the training began.
      public var seconds: Double

      /// The mean training loss in nats since the point before.
      public var loss: Double
      public var accuracy: Double?
      public var learningRate: Double

      public init(
        step: Int, seconds: Double, loss: Double, accuracy: Double?, learningRate: Double
      ) {
        self.step = step
        self.seconds = seconds
        self.loss = loss
        self.accuracy = accuracy
        self.learningRate = learningRate
      }
    }
  }

  public init(
    study: String, strategy: String, seed: UInt64, createdAt: Date, plan: String,
    decisions: [Decision], rows: [Row], curves: [Curve]
  ) {
    self.study = study
    self.strategy = strategy
    self.seed = seed
    self.createdAt = createdAt
    self.plan = plan
    self.decisions = decisions
    self.rows = rows
    self.curves = curves
  }
}
