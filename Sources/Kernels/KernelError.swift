/// A call to a library or the system that did not succeed.
public struct KernelError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The C function called.
  public let call: String

  /// The status it returned.
  public let status: Int

  /// What it was called for.
  public let subject: String

  public var description: String { "\(call) failed with status \(status) for \(subject)" }
}
