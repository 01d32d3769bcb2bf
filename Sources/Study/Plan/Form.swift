/// What is written where in a file of settings: mappings, lists and scalars, without any meaning.
///
/// ``FormParser`` makes it from text and ``FormReader`` takes values from it.
package struct Form: Hashable, Sendable {
  package var content: Content

  /// Where it begins.
  package var position: Position

  /// The keys that lead to it, such as `supernet.optimizer.lr`; set by ``FormReader`` for the keys
  /// that it knows.
  package var path = ""

  package enum Content: Hashable, Sendable {
    /// Text as it was written, or as its quotes and escapes mean it.
    case scalar(String, isQuoted: Bool)
    case list([Form])
    case mapping([Entry])
  }

  /// A key and its value.
  package struct Entry: Hashable, Sendable {
    package var key: String
    package var position: Position
    package var value: Form
  }

  /// The text of a scalar without quotes.
  package var word: String? {
    if case .scalar(let text, isQuoted: false) = content { text } else { nil }
  }

  /// Completes the sentence "It must be a number, but …".
  package var found: String {
    switch content {
    case .scalar("", isQuoted: false): "nothing is written"
    case .scalar(let text, isQuoted: false): "is \(text.quoted)"
    case .scalar(let text, isQuoted: true): "is the text \(text.quoted) in quotes"
    case .list: "is a list"
    case .mapping: "is a mapping"
    }
  }
}
