/// What a network costs.
///
/// The raw value is the word users write for it.
public enum CostMeasure: String, CaseIterable, Codable, Sendable {
  /// Multiply-adds of one forward pass of one image.
  case macs

  /// The number of trainable parameters.
  case parameters = "params"
}
