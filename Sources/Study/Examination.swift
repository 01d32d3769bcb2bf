import Datasets
import Foundation
import Kernels
import TrialStore

/// A look at the machine: what the engine finds here, and what is to be mended.
public struct Examination: Encodable, Sendable {
  public let schema = "nas.doctor/1"
  public let findings: [Finding]

  /// One thing looked at.
  public struct Finding: Encodable, Sendable {
    public let name: String

    /// What was found.
    public let finding: String

    /// What to do about it, if it is not fine.
    public let remedy: String?

    /// Whether the engine does without it.
    public let isOptional: Bool

    public var isFine: Bool { remedy == nil }

    init(_ name: String, _ finding: String, remedy: String? = nil, isOptional: Bool = false) {
      self.name = name
      self.finding = finding
      self.remedy = remedy
      self.isOptional = isOptional
    }
  }

  /// Whether nothing that the engine needs is to be mended.
  public var isFine: Bool { findings.allSatisfy { $0.isFine || $0.isOptional } }

  /// Looks at the machine that this program runs on.
  public init() {
    findings = [
      Self.processor(), Self.cores(), Self.oneDNN(), Self.openBLAS(), Self.convolution(),
      Self.codecs(), Self.sqlite(), Self.memory(), Self.disk(), Self.fashionMNIST(),
    ]
  }

  private static func processor() -> Finding {
    let flags = Set(
      (Machine.processorField("flags") ?? "").split(separator: " ").map(String.init))
    let features = ["avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16"].filter(flags.contains)
    let finding =
      "\(Machine.processor), \(features.isEmpty ? "no AVX2" : features.joined(separator: " "))"
    return Finding("processor", finding)
  }

  private static func cores() -> Finding {
    let cores = ProcessInfo.processInfo.activeProcessorCount
    let threads = Engine.threads
    return Finding(
      "threads", "\(threads) for \(cores) cores",
      remedy: threads > cores
        ? "set OMP_NUM_THREADS to \(cores); more threads than cores wait for each other" : nil)
  }

  private static func oneDNN() -> Finding { Finding("oneDNN", Engine.oneDNNVersion) }

  private static func openBLAS() -> Finding { Finding("OpenBLAS", Engine.openBLASConfiguration) }

  /// Computes a small convolution with the engine's own loops and with each library.
  private static func convolution() -> Finding {
    do {
      let sizes = ConvolutionSizes(
        input: TensorShape(batch: 2, height: 9, width: 9, channels: 5), channels: 7, kernel: 5)
      let arena = try Arena(capacity: 1 << 26)
      let input = arena.tensor(sizes.input)
      input.copy((0..<input.count).map { Float($0 % 11) - 5 })
      let weights = arena.tensor(TensorShape(rows: 7, channels: sizes.weightsPerOutput))
      weights.copy((0..<weights.count).map { Float($0 % 7) - 3 })
      let results = try Engine.Backend.allCases.map { backend in
        let output = arena.tensor(sizes.output)
        _ = try Engine(backend: backend).convolve(
          sizes, input: NormalizedTensor(input),
          weights: WeightView(weights, rowStride: sizes.weightsPerOutput), into: output)
        return output.elements
      }
      // Whole numbers this small are exact in any order of summation; for windows of 3×3 there are loops that
      // round.
      let loops = "own loops (\(Engine.instructionSet))"
      return results.allSatisfy { $0 == results[0] }
        ? Finding("convolution", "\(loops), oneDNN and OpenBLAS agree")
        : Finding(
          "convolution", "\(loops), oneDNN and OpenBLAS disagree",
          remedy: "one of the libraries is damaged; install libdnnl-dev and libopenblas-dev again")
    } catch {
      return Finding(
        "convolution", "\(error)", remedy: "NAS_BACKEND=openblas does without oneDNN")
    }
  }

  /// Has the libraries for images read what they wrote.
  private static func codecs() -> Finding {
    Picture.codecsAgree
      ? Finding("images", Picture.codecs + " read what they wrote")
      : Finding(
        "images", Picture.codecs + " do not read what they wrote",
        remedy: "one of them is damaged; install libturbojpeg0-dev and libspng-dev again")
  }

  private static func sqlite() -> Finding { Finding("SQLite", TrialStore.sqliteVersion) }

  private static func memory() -> Finding {
    let gibibytes = Double(Machine.memory) / Double(1 << 30)
    return Finding(
      "memory", String(format: "%.1f GiB", gibibytes),
      remedy: gibibytes < 1 ? "lower supernet.batch: a step may need more than there is" : nil)
  }

  private static func disk() -> Finding {
    let path = FileManager.default.currentDirectoryPath
    let free = (try? FileManager.default.attributesOfFileSystem(forPath: path)[.systemFreeSize])
      .flatMap { ($0 as? NSNumber)?.doubleValue }
    guard let free else {
      return Finding("disk", "unknown", remedy: "\(path) cannot be asked; is it there?")
    }
    let finding = String(format: "%.1f GB free in %@", free / 1e9, path)
    return Finding(
      "disk", finding,
      remedy: free < 2e8 ? "make room: results and checkpoints need some 100 MB" : nil)
  }

  private static func fashionMNIST() -> Finding {
    let folder = ImageDataset.fashionMNISTFolder
    return FileManager.default.fileExists(atPath: folder)
      ? Finding("Fashion-MNIST", folder)
      : Finding(
        "Fashion-MNIST", "not installed",
        remedy: "apt-get install dataset-fashion-mnist, for the searches that come with nas",
        isOptional: true)
  }
}
