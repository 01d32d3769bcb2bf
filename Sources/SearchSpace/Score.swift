/// What an evaluator says of an architecture.
public struct Score: Hashable, Codable, Sendable {
  /// How many images were classified rightly.
  public var correct: Int

  /// How many images were looked at.
  public var images: Int

  /// The mean cross-entropy over them, in nats.
  public var loss: Double

  public init(correct: Int, images: Int, loss: Double) {
    self.correct = correct
    self.images = images
    self.loss = loss
  }

  /// The share of images classified rightly.
  public var accuracy: Double { Double(correct) / Double(images) }

  /// Whether the network computed numbers at all; one that did not is no candidate.
  public var isValid: Bool { images > 0 && loss.isFinite }

  /// Whether this score is better than another over as many images: by what is classified
  /// rightly, and where that is equal by the loss.
  public func isBetter(than other: Score) -> Bool {
    guard isValid, other.isValid else { return isValid && !other.isValid }
    return accuracy != other.accuracy ? accuracy > other.accuracy : loss < other.loss
  }
}
