/// What follows from other things and takes a while: kept while the program runs, and left out of
/// encodings.
struct Recomputed<Value: Sendable>: Codable, Sendable {
  private var kept: Value?

  init() {}

  init(from decoder: any Decoder) {}

  func encode(to encoder: any Encoder) {}

  /// The value, computed the first time.
  mutating func value(_ compute: () -> Value) -> Value {
    if let kept { return kept }
    let value = compute()
    kept = value
    return value
  }

  /// Keeps a value that goes on from the one at hand.
  mutating func keep(_ value: Value) { kept = value }
}
