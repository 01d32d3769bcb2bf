import Kernels
import Networks
import SearchSpace

extension NetworkRunner {
  /// How much faster bfloat16 must be to be worth its rounding: a tenth.
  private static let worthwhile = 0.9

  /// Takes the precision in which a network trains faster.
  ///
  /// Only processors that multiply in bfloat16 are tried: on others it saves memory but hardly time
  /// (Benchmarks/README.md), and what is not measured cannot differ from one run to the next.
  ///
  /// - Throws: ``KernelError`` if a kernel fails.
  func takeFasterPrecision(
    training network: Network, on batch: Tensor
  ) throws(KernelError) {
    guard Engine.multipliesBFloat16 else { return }
    let single = try fastestPass(of: network, in: .float32, over: batch)
    let half = try fastestPass(of: network, in: .bfloat16, over: batch)
    precision = half < single * Self.worthwhile ? .bfloat16 : .float32
  }

  /// The least time of three forward and backward passes.
  private func fastestPass(
    of network: Network, in precision: ElementType, over batch: Tensor
  ) throws(KernelError) -> Duration {
    let before = self.precision
    self.precision = precision
    defer { self.precision = before }
    var fastest = Duration.seconds(Int.max)
    for _ in 0..<4 {  // the first of them meets memory that was never used
      let mark = arena.mark
      defer { arena.release(to: mark) }
      let start = ContinuousClock.now
      let tape = try forward(network, images: batch)
      let gradient = arena.zeros(tape.outputs.shape)
      try backward(tape, outputGradient: gradient)
      fastest = min(fastest, ContinuousClock.now - start)
    }
    return fastest
  }
}
