import CKernels

/// How the elements of a tensor lie in memory.
public enum ElementType: Int32, Sendable, Hashable, CaseIterable {
  /// IEEE 754 single precision.
  case float32 = 0

  /// The upper half of a single: its range with eight bits of precision, in half the memory.
  ///
  /// Kernels read and write activations and their gradients in it; they compute, and keep weights,
  /// statistics and sums, in single precision.
  case bfloat16 = 1

  /// Bytes of one element.
  public var bytes: Int { self == .float32 ? 4 : 2 }
}
