public import Kernels
import RealModule

/// The loss of a batch, and which of its images are classified rightly.
public struct BatchLoss: Hashable, Sendable {
  /// The mean cross-entropy, in nats.
  public var loss: Double

  /// The cross-entropy of each image with its label.
  public var imageLosses: [Double]

  /// For each image whether its own class's score is above all others.
  public var rightAnswers: [Bool]

  /// How many images are classified rightly.
  public var correct: Int { rightAnswers.count { $0 } }
}

/// The probability of each class for each image of a batch.
public struct Probabilities: Sendable {
  /// The natural logarithm of the probability that each image's row gives each class.
  let logarithms: [[Double]]

  /// The softmax of each row of logits, in double precision.
  ///
  /// - Parameters:
  ///   - logits: Of shape `[batch, classes]`.
  ///   - temperature: What the logits are divided by, above 0; the higher, the more alike the
  ///     probabilities.
  public init(softmaxOf logits: Tensor, temperature: Double = 1) {
    let classes = logits.shape.channels
    let elements = logits.elements
    logarithms = stride(from: 0, to: elements.count, by: classes).map { start in
      let row = elements[start..<start + classes].map { Double($0) / temperature }
      let largest = row.max() ?? 0
      let sum = row.reduce(0) { $0 + .exp($1 - largest) }
      return row.map { $0 - largest - .log(sum) }
    }
  }

  /// Cross-entropy against labels.
  ///
  /// - Parameters:
  ///   - labels: The class of each image.
  ///   - smoothing: The part of each label, from 0 to below 1, that is shared out evenly among all
  ///     classes.
  ///   - gradient: If given, becomes the gradient of the mean loss by the logits.
  /// - Returns: The mean loss and the number of right answers.
  public func crossEntropy(
    labels: [Int32], smoothing: Double = 0, gradient: Tensor? = nil
  ) -> BatchLoss {
    precondition(labels.count == logarithms.count, "one label an image")
    var result = BatchLoss(loss: 0, imageLosses: [], rightAnswers: [])
    for (row, label) in zip(logarithms, labels) {
      let own = row[Int(label)]
      var loss = -(1 - smoothing) * own
      // Without smoothing a class of probability 0 costs nothing.
      if smoothing > 0 { loss -= smoothing * row.reduce(0, +) / Double(row.count) }
      result.loss += loss
      result.imageLosses.append(loss)
      // A tie is not a right answer.
      result.rightAnswers.append(
        row.indices.allSatisfy { $0 == Int(label) || row[$0] < own })
    }
    result.loss /= Double(labels.count)
    if let gradient {
      let share = smoothing / Double(logarithms[0].count)
      write(to: gradient) { image, label in
        (label == Int(labels[image]) ? 1 - smoothing : 0) + share
      }
    }
    return result
  }

  /// Cross-entropy against what a teacher thinks of the same images.
  ///
  /// - Parameters:
  ///   - teacher: The teacher's probabilities.
  ///   - gradient: Becomes the gradient of the mean loss by the logits.
  /// - Returns: The mean loss, in nats.
  public func crossEntropy(teacher: Probabilities, gradient: Tensor) -> Double {
    precondition(teacher.logarithms.count == logarithms.count, "one row of the teacher an image")
    var loss = 0.0
    for (row, target) in zip(logarithms, teacher.logarithms) {
      for (own, wanted) in zip(row, target) { loss -= .exp(wanted) * own }
    }
    write(to: gradient) { image, label in .exp(teacher.logarithms[image][label]) }
    return loss / Double(logarithms.count)
  }

  /// Writes (probability - target) / batch, the gradient of a mean cross-entropy.
  private func write(to gradient: Tensor, target: (Int, Int) -> Double) {
    let count = Double(logarithms.count)
    gradient.copy(
      logarithms.indices.flatMap { image in
        logarithms[image].indices.map { label in
          Float((.exp(logarithms[image][label]) - target(image, label)) / count)
        }
      })
  }
}
