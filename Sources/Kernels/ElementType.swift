import CKernels

/// How the elements of a tensor lie in memory.
public enum ElementType: String, Codable, Sendable, Hashable, CaseIterable {
  /// IEEE 754 single precision.
  case float32

  /// The upper half of a single: its range with eight bits of precision, in half the memory.
  ///
  /// Kernels read and write activations and their gradients in it; they compute, and keep weights,
  /// statistics and sums, in single precision.
  case bfloat16

  /// Bytes of one element.
  public var bytes: Int { self == .float32 ? 4 : 2 }

  /// The type as the C loops know it.
  var code: Int32 { self == .float32 ? Int32(NAS_FLOAT32) : Int32(NAS_BFLOAT16) }
}
