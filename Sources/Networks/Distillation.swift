public import Kernels
import RealModule

/// Learning from a teacher's probabilities as well as from the labels.
///
/// The loss of an image is (1 − ``alpha``) · CE(label) + ``alpha`` · T² · KL(teacher ‖ student), both
/// distributions being softmaxes of the logits divided by the ``temperature`` T. With T² the second
/// part's gradient keeps its size whatever T is.
///
/// > G. Hinton, O. Vinyals, J. Dean. "Distilling the Knowledge in a Neural Network." 2015.
/// > [arXiv:1503.02531](https://arxiv.org/abs/1503.02531), section 2.
public struct Distillation: Hashable, Codable, Sendable {
  /// How much of the loss is the teacher's, from 0 to 1.
  public var alpha = 0.9

  /// What logits are divided by before they are compared, above 0.
  public var temperature = 4.0

  public init() {}

  /// The loss of a student's answers.
  ///
  /// - Parameters:
  ///   - logits: The student's answers, of shape `[batch, classes]`.
  ///   - teacher: The teacher's answers to the same images, of the same shape.
  ///   - labels: The class of each image.
  ///   - smoothing: The part of each label that is shared out among all classes.
  ///   - gradient: Becomes the gradient of the mean loss by the student's logits.
  /// - Returns: The mean loss, in nats, and the number of right answers.
  public func loss(
    of logits: Tensor, teacher: Tensor, labels: [Int32], smoothing: Double = 0, gradient: Tensor
  ) -> BatchLoss {
    precondition(logits.shape == teacher.shape, "teacher and student answer alike")
    var result = Probabilities(softmaxOf: logits).crossEntropy(
      labels: labels, smoothing: smoothing, gradient: gradient)
    let own = Probabilities(softmaxOf: logits, temperature: temperature).logarithms.joined()
    let wanted = Probabilities(softmaxOf: teacher, temperature: temperature).logarithms.joined()
    let count = Double(labels.count)
    var divergence = 0.0
    var total: [Float] = []
    for (hard, (own, wanted)) in zip(gradient.elements, zip(own, wanted)) {
      divergence += .exp(wanted) * (wanted - own)
      // The derivative of T² · KL by a logit is T · (student − teacher).
      let soft = temperature * (.exp(own) - .exp(wanted)) / count
      total.append(Float((1 - alpha) * Double(hard) + alpha * soft))
    }
    gradient.copy(total)
    result.loss =
      (1 - alpha) * result.loss + alpha * temperature * temperature * divergence / count
    return result
  }
}
