import Foundation
import Kernels
import Networks
import TestSupport
import Testing

@Suite struct LossesTests {
  private static let (batch, classes) = (5, 4)
  private static let labels: [Int32] = [2, 0, 3, 3, 1]

  /// Logits of single precision in an arena that lasts as long as they are needed.
  private func tensor(_ values: [Float]) throws -> Tensor {
    let tensor = try Arena(capacity: 1 << 16).tensor(
      TensorShape(rows: Self.batch, channels: Self.classes))
    tensor.copy(values)
    return tensor
  }

  private func softmax(_ row: ArraySlice<Float>, _ temperature: Double) -> [Double] {
    let powers = row.map { exp(Double($0) / temperature) }
    return powers.map { $0 / powers.reduce(0, +) }
  }

  private func rows(_ values: [Float]) -> [ArraySlice<Float>] {
    stride(from: 0, to: values.count, by: Self.classes).map { values[$0..<$0 + Self.classes] }
  }

  /// Cross-entropy as the textbook has it.
  private func plainCrossEntropy(_ logits: [Float], smoothing: Double) -> Double {
    zip(rows(logits), Self.labels).reduce(0) { sum, pair in
      softmax(pair.0, 1).enumerated().reduce(sum) { sum, entry in
        let target =
          smoothing / Double(Self.classes) + (entry.offset == pair.1 ? 1 - smoothing : 0)
        return sum - target * log(entry.element)
      }
    } / Double(Self.batch)
  }

  /// KL(teacher ‖ student) as the textbook has it, the mean over the batch.
  private func plainDivergence(
    _ logits: [Float], _ teacher: [Float], temperature: Double
  ) -> Double {
    zip(rows(logits), rows(teacher)).reduce(0) { sum, pair in
      zip(softmax(pair.0, temperature), softmax(pair.1, temperature)).reduce(sum) {
        $0 + $1.1 * log($1.1 / $1.0)
      }
    } / Double(Self.batch)
  }

  @Test(arguments: [0, 0.1, 0.5])
  func `smooths labels as the formula says, and so does the gradient`(smoothing: Double) throws {
    let logits = randomNumbers(Self.batch * Self.classes, seed: 4).map { 2 * $0 }
    let gradient = try tensor(logits)
    let loss = Probabilities(softmaxOf: try tensor(logits)).crossEntropy(
      labels: Self.labels, smoothing: smoothing, gradient: gradient)
    #expect(abs(loss.loss - plainCrossEntropy(logits, smoothing: smoothing)) < 1e-9)
    let slopes = finiteDifferences(
      of: { plainCrossEntropy($0, smoothing: smoothing) }, at: logits,
      places: Array(logits.indices), step: 1e-3)
    #expect(relativeDifference(gradient.elements, slopes) < 1e-3)
  }

  @Test(arguments: [(0.9, 4.0), (0.5, 1.0), (0, 4.0), (1, 2.5)])
  func `distills as the formula says, and so does the gradient`(
    alpha: Double, temperature: Double
  ) throws {
    let logits = randomNumbers(Self.batch * Self.classes, seed: 5).map { 2 * $0 }
    let teacher = randomNumbers(Self.batch * Self.classes, seed: 6).map { 3 * $0 }
    func plain(_ logits: [Float]) -> Double {
      (1 - alpha) * plainCrossEntropy(logits, smoothing: 0.1) + alpha * temperature * temperature
        * plainDivergence(logits, teacher, temperature: temperature)
    }
    var distillation = Distillation()
    (distillation.alpha, distillation.temperature) = (alpha, temperature)
    let gradient = try tensor(logits)
    let loss = distillation.loss(
      of: try tensor(logits), teacher: try tensor(teacher), labels: Self.labels, smoothing: 0.1,
      gradient: gradient)
    #expect(abs(loss.loss - plain(logits)) < 1e-9)
    let slopes = finiteDifferences(
      of: plain, at: logits, places: Array(logits.indices), step: 1e-3)
    #expect(relativeDifference(gradient.elements, slopes) < 1e-3)
  }

  @Test func `has nothing to learn from a teacher of the same answers`() throws {
    let logits = randomNumbers(Self.batch * Self.classes, seed: 7)
    var distillation = Distillation()
    distillation.alpha = 1
    let gradient = try tensor(logits)
    let loss = distillation.loss(
      of: try tensor(logits), teacher: try tensor(logits), labels: Self.labels, gradient: gradient)
    #expect(loss.loss == 0)
    #expect(gradient.elements.allSatisfy { $0 == 0 })
  }
}
