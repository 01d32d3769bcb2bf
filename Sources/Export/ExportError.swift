/// Why a network could not be handed over or taken back.
public enum ExportError: Error, Hashable, Sendable, CustomStringConvertible {
  /// A file that describes a network does not.
  case badArchitecture(line: Int, reason: String)

  /// There is something where the bundle should go.
  case exists(path: String)

  /// What is there is no bundle and will not be replaced.
  case notABundle(path: String)

  /// A file or folder of the bundle could not be written.
  case unwritable(path: String, reason: String, isFull: Bool)

  /// A network read back from the bundle does not answer as the one in the supernet does, or that
  /// one not as it did in the search.
  case disagrees(part: String, largestDifference: Double, expected: Double, found: Double)

  public var description: String {
    switch self {
    case .badArchitecture(let line, let reason):
      "architecture.yaml:\(line): \(reason)"
    case .exists(let path):
      "\(path) exists already; choose another place with -o, or --force to replace it"
    case .notABundle(let path):
      "\(path) is there and is not a bundle that nas wrote; choose another place with -o"
    case .unwritable(let path, let reason, _):
      "cannot write \(path): \(reason)"
    case .disagrees(let part, let difference, let expected, let found):
      "the network in \(part) is not the one that was searched: its accuracy is \(found), not "
        + "\(expected), and its logits differ by up to \(difference); nothing was written"
    }
  }
}
