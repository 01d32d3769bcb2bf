/// What a benchmark of the engine found: times in seconds, memory in bytes.
///
/// The keys are those of `Benchmarks/peer.py`. What was not measured is left out.
public struct EngineFigures: Encodable, Sendable {
  public let net: String
  public let precision: String

  /// Images in a step, and computed at a time in scoring.
  public let batch: Int

  /// What the widths of the family's table are multiplied by.
  public let width: Double

  /// The widths that are elastic.
  public let groups: Int

  /// The largest network's multiply-adds for one image.
  public let macs: Int

  /// The largest network's parameters.
  public let params: Int

  public let threads: Int
  public let processor: String

  /// The quickest supernet step.
  public internal(set) var supernetStep: Double?

  /// The multiply-adds of all measured steps' subnets, for one image and forward only.
  ///
  /// These sums tell whether somebody else did the same work.
  public internal(set) var stepMACs: Int?

  /// The median time to score a candidate alone.
  public internal(set) var candidate: Double?

  /// The multiply-adds of all candidates for one image.
  public internal(set) var candidateMACs: Int?

  /// The time to score the networks of a greedy step together.
  public internal(set) var greedyStep: Double?

  /// The multiply-adds of these networks for one image, if each were computed alone.
  public internal(set) var greedyMACs: Int?

  /// How many networks were scored together.
  public internal(set) var candidates: Int?

  /// The most memory that training took, beyond what the process had before the network was made.
  public internal(set) var peakTrainingBytes: Int?

  /// The same of scoring, measured if nothing was trained before.
  public internal(set) var peakScoringBytes: Int?

  init(
    net: String, precision: String, batch: Int, width: Double, groups: Int, macs: Int,
    params: Int, threads: Int, processor: String
  ) {
    self.net = net
    self.precision = precision
    self.batch = batch
    self.width = width
    self.groups = groups
    self.macs = macs
    self.params = params
    self.threads = threads
    self.processor = processor
  }

  private enum CodingKeys: String, CodingKey {
    case net, precision, batch, width, groups, macs, params, threads, processor, candidates
    case supernetStep = "supernet_step_s"
    case stepMACs = "step_macs"
    case candidate = "candidate_s"
    case candidateMACs = "candidate_macs"
    case greedyStep = "greedy_step_s"
    case greedyMACs = "greedy_macs"
    case peakTrainingBytes = "peak_training_bytes"
    case peakScoringBytes = "peak_scoring_bytes"
  }
}
