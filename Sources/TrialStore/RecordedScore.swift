public import Foundation
internal import GRDB
public import SearchSpace

/// Whose weights a network was scored with.
///
/// The greater one is the more trustworthy.
public enum Fidelity: String, CaseIterable, Comparable, Codable, Sendable {
  /// Those inherited from the supernet.
  case shared

  /// Its own, trained for this network alone.
  case retrained

  public static func < (a: Self, b: Self) -> Bool {
    a == .shared && b == .retrained
  }
}

/// One measurement of a network's accuracy, before it is stored.
public struct NewScore: Hashable, Sendable {
  /// Whose weights the network was scored with.
  public let fidelity: Fidelity

  /// How many images were classified correctly.
  public let correct: Int

  /// How many images were classified.
  public let images: Int

  /// The mean cross-entropy in nats; not finite if the network diverged.
  public let loss: Double

  /// How the BatchNorm statistics were made and what computed, as JSON.
  public let calibration: String

  /// The hash of the weights, in hexadecimal.
  public let weightsHash: String

  /// The hash that identifies the fixed set of images, in hexadecimal.
  public let imagesHash: String

  /// Whether the images are the test set, which no search may look at.
  public let isTest: Bool

  /// How long the measurement took.
  public let seconds: Double

  /// Whether it was not measured, but repeats an equal score that the database had already.
  public let isKnown: Bool

  /// Which images were classified correctly, if that was kept.
  public let answers: RightAnswers?

  /// Creates the description of a score.
  ///
  /// - Precondition: `images >= 1 && (0...images).contains(correct)`, `seconds` is finite and not
  ///   negative, and `answers` are to so many images and so many of them correct.
  public init(
    fidelity: Fidelity, correct: Int, images: Int, loss: Double, calibration: String,
    weightsHash: String, imagesHash: String, isTest: Bool = false, seconds: Double,
    isKnown: Bool = false, answers: RightAnswers? = nil
  ) {
    precondition(images >= 1, "a score over \(images) images says nothing")
    precondition((0...images).contains(correct), "\(correct) of \(images) images cannot be correct")
    precondition(seconds >= 0 && seconds.isFinite, "a score cannot take \(seconds) s")
    precondition(
      answers.map { $0.images == images && $0.count == correct } ?? true,
      "the answers are not those to \(images) images, \(correct) of them correct")
    self.fidelity = fidelity
    self.correct = correct
    self.images = images
    self.loss = loss
    self.calibration = calibration
    self.weightsHash = weightsHash
    self.imagesHash = imagesHash
    self.isTest = isTest
    self.seconds = seconds
    self.isKnown = isKnown
    self.answers = answers
  }

  /// The share of images classified correctly, or nil if the loss is not finite.
  ///
  /// A network that answers with NaN still picks a class, often the first one, and would seem to
  /// be right by chance.
  public var accuracy: Double? {
    loss.isFinite ? Double(correct) / Double(images) : nil
  }
}

/// One measurement of a network's accuracy.
public struct RecordedScore: Hashable, Identifiable, Sendable {
  /// Its number in the database; a newer score has a higher one.
  public let id: Int64

  /// Whose weights the network was scored with.
  public let fidelity: Fidelity

  /// How many images were classified correctly.
  public let correct: Int

  /// How many images were classified.
  public let images: Int

  /// The share of images classified correctly, or nil if the network diverged.
  public let accuracy: Double?

  /// The 95 % interval of ``accuracy``, or nil if the network diverged.
  public let interval: ClosedRange<Double>?

  /// The mean cross-entropy in nats, or nil if the network diverged.
  public let loss: Double?

  /// How the BatchNorm statistics were made, as JSON.
  public let calibration: String

  /// The hash of the weights, in hexadecimal.
  public let weightsHash: String

  /// The hash that identifies the fixed set of images, in hexadecimal.
  public let imagesHash: String

  /// Whether the images are the test set.
  public let isTest: Bool

  /// How long the measurement took.
  public let seconds: Double

  /// When it was committed.
  public let createdAt: Date

  /// Whether it was not measured, but repeats an equal score that the database had already.
  public let isKnown: Bool

  /// Which images were classified correctly, if that was kept.
  public let answers: RightAnswers?
}

extension RecordedScore {
  init(_ row: Row) throws {
    let low = try row.decode(Double?.self, forColumn: "low")
    let high = try row.decode(Double?.self, forColumn: "high")
    let interval: ClosedRange<Double>? =
      if let low, let high, low <= high { low...high } else { nil }
    self.init(
      id: try row.value("id"), fidelity: try row.value("fidelity"),
      correct: try row.value("correct"), images: try row.value("images"),
      accuracy: try row.decode(Double?.self, forColumn: "accuracy"), interval: interval,
      loss: try row.decode(Double?.self, forColumn: "loss"),
      calibration: try row.value("calibration"), weightsHash: try row.value("weights_hash"),
      imagesHash: try row.value("images_hash"), isTest: try row.value("test"),
      seconds: try row.value("seconds"), createdAt: try row.date("created_at"),
      isKnown: try row.value("known"), answers: try row.answers)
  }
}

extension TrialStore {
  /// Returns the scores of a trial, oldest first.
  public func scores(of trial: Trial) throws(StoreError) -> [RecordedScore] {
    try read { db in
      try Row.fetchAll(
        db, sql: "SELECT * FROM scores WHERE trial = ? ORDER BY id", arguments: [trial.id]
      ).map(RecordedScore.init)
    }
  }
}
