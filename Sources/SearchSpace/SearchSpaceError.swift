/// A reason why a description of a search space is not one.
public enum SearchSpaceError: Error, Hashable, Sendable, CustomStringConvertible {
  /// A size offers no choice or one below 1.
  case badChoices(name: String, values: [Int])

  /// The space ends without the linear layer that gives each class its score.
  case noClassifier

  /// No family has this name.
  case unknownFamily(String, known: [String])

  /// A residual network's number of layers is not one that its family has.
  case badLayerCount(Int, rule: String)

  /// A list of strides does not have one entry for each of the family's parts.
  case badStrides(count: Int, expected: Int)

  /// An architecture does not answer a decision with a choice on offer.
  case badChoice(decision: String, value: String, choices: [Int])

  /// An architecture answers a question that the space does not ask.
  case unknownDecision(String, known: [String])

  public var description: String {
    switch self {
    case .badChoices(let name, let values):
      values.isEmpty
        ? "\(name) offers no choice; give it at least one"
        : "\(name) offers \(values); each choice must be at least 1"
    case .noClassifier:
      "the space does not end in a linear layer, which gives each class its score; add one"
    case .unknownFamily(let name, let known):
      "no family of networks is called '\(name)'; there are \(known.joined(separator: ", "))"
    case .badLayerCount(let count, let rule):
      "there is no network of this family with \(count) layers; \(rule)"
    case .badStrides(let count, let expected):
      "\(count) strides given where the family has \(expected) parts"
    case .badChoice(let decision, let value, let choices):
      "\(decision) cannot be \(value); its choices are "
        + choices.map(String.init).joined(separator: ", ")
    case .unknownDecision(let name, let known):
      "the space has no decision '\(name)'; it has \(known.joined(separator: ", "))"
    }
  }
}
