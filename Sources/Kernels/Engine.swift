import CKernels
import COneDNN
import COpenBLAS

/// Runs kernels on this machine's processor.
///
/// An engine belongs to one thread. All its kernels share libgomp's one pool of threads; OpenBLAS
/// is called from within that pool and starts no threads of its own. `OMP_NUM_THREADS` sets the
/// size of the pool, which otherwise is the number of cores.
public final class Engine {
  /// What computes convolutions.
  public let backend: Backend

  /// Working memory of single kernel calls.
  let scratch: Arena

  let convolutions = ConvolutionCache(limit: 2048)

  /// Creates an engine.
  ///
  /// - Parameters:
  ///   - backend: What computes convolutions.
  ///   - capacity: The most bytes of working memory.
  /// - Throws: ``KernelError`` if no working memory can be reserved.
  public init(
    backend: Backend = .fused, capacity: Int = Arena.machineMemory
  ) throws(KernelError) {
    self.backend = backend
    scratch = try Arena(capacity: capacity)
    openblas_set_num_threads(1)
  }

  /// What computes convolutions.
  public enum Backend: String, Sendable, CaseIterable {
    /// The engine's own loops, which read and write an activation once.
    case fused = "fused"
    /// Compiled at run time for the processor and the sizes at hand.
    case oneDNN = "onednn"
    /// Matrix products over unfolded windows.
    case openBLAS = "openblas"
  }

  /// The number of threads that kernels are divided among.
  public static var threads: Int { Int(nas_threads()) }

  /// How many threads ``onEachThread(_:)`` calls its closure on.
  public var threadsAtOnce: Int { backend == .fused ? Self.threads : 1 }

  /// Calls a closure on several threads of the pool at the same time.
  ///
  /// What the closure computes with an engine runs on that thread alone, so each thread needs an engine of
  /// its own. Libraries that divide their work themselves are called on one thread only.
  ///
  /// - Parameter body: Told which thread it is on, from 0 to below ``threadsAtOnce``. It must change nothing
  ///   that another thread reads, unless both go through a lock.
  public func onEachThread(_ body: (Int) -> Void) {
    if threadsAtOnce == 1 { body(0) } else { parallel(threadsAtOnce, body) }
  }

  /// Has kernels divided among another number of threads while a closure runs.
  ///
  /// Only an engine that is made in the closure may be used in it: what others have prepared counts
  /// on the usual number.
  ///
  /// - Precondition: `count` is at least 1.
  package static func withThreads<Result, Failure: Error>(
    _ count: Int, _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    precondition(count >= 1, "\(count) threads")
    let usual = nas_threads()
    nas_use_threads(Int32(clamping: count))
    defer { nas_use_threads(usual) }
    return try body()
  }

  /// The instruction set that the engine's own loops use: `avx512-bf16`, `avx512`, `avx2` or `plain`.
  ///
  /// It is the best that the processor has, or a lesser one that the environment variable
  /// `NAS_PROCESSOR` names.
  public static var instructionSet: String {
    unsafe String(cString: nas_processor())
  }

  /// Whether the loops use instructions that multiply bfloat16 numbers, so that such activations may be
  /// quicker.
  public static var multipliesBFloat16: Bool { nas_multiplies_bfloat16() != 0 }

  /// Makes every engine of this process use the loops of another instruction set.
  ///
  /// No kernel may be running on another thread meanwhile.
  ///
  /// - Returns: Whether the processor has it; if not, nothing changes.
  package static func use(instructionSet: String) -> Bool {
    unsafe nas_choose_processor(instructionSet) == 1
  }

  /// The version of the linked oneDNN library, such as `2.6.3`.
  public static var oneDNNVersion: String {
    var version: [Int32] = [0, 0, 0]
    unsafe nas_onednn_version(&version)
    return version.map(String.init).joined(separator: ".")
  }

  /// How the linked OpenBLAS was built and for which processor it runs.
  public static var openBLASConfiguration: String {
    unsafe openblas_get_config().map { unsafe String(cString: $0) } ?? "unknown"
  }
}

/// Calls `body` for every number below `count`, divided among the threads.
func parallel(_ count: Int, _ body: (Int) -> Void) {
  withoutActuallyEscaping(body) { body in
    var body = body
    unsafe withUnsafeMutablePointer(to: &body) { pointer in
      unsafe nas_parallel(
        count,
        { context, index in
          unsafe context?.assumingMemoryBound(to: ((Int) -> Void).self).pointee(index)
        }, pointer)
    }
  }
}
