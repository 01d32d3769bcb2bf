/// A reason why a description of a search space is not one.
public enum SearchSpaceError: Error, Hashable, Sendable, CustomStringConvertible {
  /// A size offers no choice or one below 1.
  case badChoices(name: String, values: [Int])

  /// A window has a side without a middle.
  case evenKernel(name: String, values: [Int])

  /// The image has a side or channels out of range.
  case badInput(Shape)

  /// None of the widths can be cut into a grouped convolution's groups.
  case noGroupedWidth(layer: String, divisor: Int, choices: [Int])

  /// A layer cannot compute what it is given.
  case misfit(layer: String, reason: String)

  /// A window is larger than the map it looks at.
  case noRoom(layer: String, map: Shape)

  /// Two layers, stages or choices have one name.
  case duplicateName(String)

  /// The alternatives of a choice leave maps of different sizes.
  case unequalAlternatives(name: String, Shape, Shape)

  /// There are more blocks, numbers to choose from, or choices within choices than anyone needs.
  case tooManyChoices

  /// The layers are so large that their cost cannot be counted.
  case tooLarge

  /// The space does not end in one score for each class.
  case noClassifier

  /// A linear layer is to give each class its score, and nobody says how many classes there are.
  case noClasses

  /// The space gives more or fewer scores than there are classes.
  case otherClasses(scores: Int, classes: Int)

  /// A network that is fixed reads other images than there are.
  case otherInput(Shape, expected: Shape)

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

  /// Whether images of another height and width may be free of the error.
  package var dependsOnSize: Bool {
    switch self {
    case .noRoom, .unequalAlternatives, .tooLarge: true
    default: false
    }
  }

  public var description: String {
    switch self {
    case .badChoices(let name, let values):
      values.isEmpty
        ? "\(name) offers no choice; give it at least one"
        : "\(name) offers \(listed(values)); a choice lies between 1 and \(Blueprint.limit)"
    case .evenKernel(let name, let values):
      "\(name) offers kernels of \(listed(values)); each must be odd"
    case .badInput(let shape):
      "an image of \(shape) cannot be read"
    case .noGroupedWidth(let layer, let divisor, let choices):
      "\(layer) works on groups of channels, so their number must be a multiple of \(divisor); "
        + "it may be \(listed(choices))"
    case .misfit(let layer, let reason):
      "\(layer) \(reason)"
    case .noRoom(let layer, let map):
      "the window of \(layer) is larger than its map of \(map)"
    case .duplicateName(let name):
      "two parts are called '\(name)'; give one another name"
    case .unequalAlternatives(let name, let one, let other):
      "the alternatives of \(name) leave maps of \(one) and \(other); "
        + "their heights and widths must agree"
    case .tooManyChoices:
      "the space has too many blocks or choices; make stages shallower, steps wider, or nest less"
    case .tooLarge:
      "the layers of the space are too large to be counted"
    case .noClassifier:
      "the space does not end in one score for each class; end it with a linear layer"
    case .noClasses:
      "nothing says how many classes there are"
    case .otherClasses(let scores, let classes):
      "the space gives \(scores) scores, but there are \(classes) classes"
    case .otherInput(let input, let expected):
      "the space is made for images of \(expected), not of \(input)"
    case .unknownFamily(let name, let known):
      "no family of networks is called '\(name)'; there are \(known.joined(separator: ", "))"
    case .badLayerCount(let count, let rule):
      "there is no network of this family with \(count) layers; \(rule)"
    case .badStrides(let count, let expected):
      "\(count) strides given where the family has \(expected) parts"
    case .badChoice(let decision, let value, let choices):
      "\(decision) cannot be \(value); its choices are "
        + listed(choices)
    case .unknownDecision(let name, let known):
      "the space has no decision '\(name)'; it has \(known.joined(separator: ", "))"
    }
  }

  /// Numbers as a list that stays short.
  private func listed(_ values: [Int]) -> String {
    let shown = values.count > 12 ? Array(values.prefix(12)) : values
    return shown.map(String.init).joined(separator: ", ") + (values.count > 12 ? ", …" : "")
  }
}
