import Kernels
import Networks
import SearchSpace

extension Supernet {
  /// How much faster bfloat16 must be to be worth its rounding: a tenth.
  private static let worthwhile = 0.9

  /// Takes the precision in which the largest network trains faster, if the settings leave it open.
  ///
  /// Only processors that multiply in bfloat16 are tried: on others it saves memory but hardly time
  /// (Benchmarks/README.md), and what is not measured cannot differ from one run to the next.
  ///
  /// - Throws: ``KernelError`` if a kernel fails.
  func settlePrecision(on batch: Tensor) throws(KernelError) {
    guard settings.precision == nil, Engine.multipliesBFloat16 else { return }
    let single = try fastestPass(in: .float32, over: batch)
    let half = try fastestPass(in: .bfloat16, over: batch)
    precision = half < single * Self.worthwhile ? .bfloat16 : .float32
  }

  /// The least time of three forward and backward passes of the largest network.
  private func fastestPass(
    in precision: ElementType, over batch: Tensor
  ) throws(KernelError) -> Duration {
    let network = space.network(of: space.largest)
    let before = self.precision
    self.precision = precision
    defer { self.precision = before }
    var fastest = Duration.seconds(Int.max)
    for _ in 0..<4 {  // the first of them meets memory that was never used
      let mark = runner.arena.mark
      defer { runner.arena.release(to: mark) }
      let start = ContinuousClock.now
      let tape = try runner.forward(network, images: batch)
      let gradient = runner.arena.zeros(tape.outputs.shape)
      try runner.backward(tape, outputGradient: gradient)
      fastest = min(fastest, ContinuousClock.now - start)
    }
    return fastest
  }
}
