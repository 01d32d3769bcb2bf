import Datasets
import Evaluator
public import SearchSpace

/// What a search file means, told before it is run.
public struct Explanation: Sendable {
  public let study: String

  /// The images; `nil` where a table answers.
  public let images: ImageCounts?

  public let space: SearchSpace

  /// The decisions, in the order of the layers they concern.
  public let decisions: [ExplainedDecision]

  /// How many different networks there are.
  public let architectures: WholeNumber

  public let smallest: NetworkSize

  /// For each figure on its own the median of ``sampleSize`` random networks, each network of the
  /// space being equally likely.
  public let median: NetworkSize

  public let largest: NetworkSize

  /// A first look at how long networks take, if the file is about latency; the study measures more
  /// thoroughly, so a budget of latency that can just be met here may be out of reach there.
  public let latencies: LatencyTable?

  /// Each budget, in the order of the file.
  public let budgets: [BudgetOutlook]

  /// What the stages of the study take on this machine; none if a budget cannot be met.
  public let stages: [StageEstimate]

  /// How many threads of other programs wanted to run in the minute before, on average.
  ///
  /// From about 1 on, the times of ``stages`` may be many times too long: the engine's threads wait
  /// for each other, and those of a moment cannot be told from those of the whole run.
  public let load: Double

  /// How many networks the medians are of.
  public static let sampleSize = 1000

  /// Reads a plan's data, makes its space and looks at it.
  ///
  /// - Parameters:
  ///   - plan: The plan.
  ///   - report: Told how reading goes where it takes long.
  /// - Throws: What is wrong with the data or the space, or that this machine is too small. A budget
  ///   that cannot be met is no error here; it is told among the budgets.
  public init(of plan: Plan, report: (StudyEvent) -> Void = { _ in }) throws {
    load = Machine.load
    var material = try StudyMaterial(plan, report: report)
    let timing = try StageEstimate.time(&material)
    latencies = timing?.table
    images = plan.table == nil ? ImageCounts(of: material) : nil
    let space = material.space
    study = plan.study
    self.space = space
    decisions = space.decisions.indices.map { ExplainedDecision($0, of: space) }
    let census = ArchitectureCensus(of: space)
    architectures = census.count
    smallest = NetworkSize(of: space.smallest, material)
    largest = NetworkSize(of: space.largest, material)
    var generator = SeededGenerator(seed: plan.seed, stream: "explanation")
    median = .median(
      of: (0..<Self.sampleSize).map { _ in
        NetworkSize(of: census.randomArchitecture(using: &generator), material)
      })
    budgets = plan.budgetOutlooks(in: space)
    stages =
      budgets.allSatisfy(\.isReachable)
      ? (timing.map { [$0.stage] } ?? []) + (try StageEstimate.all(of: material)) : []
  }
}

/// How many images of a study do what.
public struct ImageCounts: Hashable, Encodable, Sendable {
  /// How they are stored, such as `cifar-10`.
  public let format: String
  public let training: Int
  public let holdOut: Int

  /// Those that are left out because they cannot be read.
  public let skipped: Int

  enum CodingKeys: String, CodingKey {
    case format, training, skipped
    case holdOut = "hold_out"
  }

  init(of material: StudyMaterial) {
    format = material.plan.data.format.rawValue
    training = material.images.training.count
    holdOut = material.images.holdOut.count
    skipped = material.images.maker.dataset.skipped.count
  }
}

/// A decision with what ties it and what it has a say in.
public struct ExplainedDecision: Hashable, Sendable {
  public let decision: Decision

  /// The part of the largest network's cost that lies in layers which this decision sizes.
  public let share: Cost

  /// The layers whose channels it sizes, each with the reason why it belongs here.
  public let members: [ChannelGroup.Member]

  init(_ index: Int, of space: SearchSpace) {
    decision = space.decisions[index]
    share = space.costShare(of: index)
    members = space.groups.filter { $0.decision == index }.flatMap(\.members)
  }
}

/// What one network comes to.
public struct NetworkSize: Hashable, Sendable {
  public let cost: Cost

  /// Bytes of activations while one image is classified in single precision.
  public let activationBytes: Int

  /// Bytes of a training step of this network alone.
  public let trainingBytes: Int

  init(of architecture: Architecture, _ material: StudyMaterial) {
    let network = material.space.network(of: architecture)
    var cost = network.cost
    cost.latency = material.space.cost(of: architecture).latency
    self.cost = cost
    activationBytes = network.activationMemory
    trainingBytes = material.memory(of: architecture).trainingBytes
  }

  private init(cost: Cost, activationBytes: Int, trainingBytes: Int) {
    self.cost = cost
    self.activationBytes = activationBytes
    self.trainingBytes = trainingBytes
  }

  static func median(of sizes: [NetworkSize]) -> NetworkSize {
    func median(_ figure: (NetworkSize) -> Int) -> Int {
      sizes.map(figure).sorted()[sizes.count / 2]
    }
    let latencies = sizes.compactMap(\.cost.latency).sorted()
    return NetworkSize(
      cost: Cost(
        macs: median(\.cost.macs), parameters: median(\.cost.parameters),
        latency: latencies.isEmpty ? nil : latencies[latencies.count / 2]),
      activationBytes: median(\.activationBytes), trainingBytes: median(\.trainingBytes))
  }
}
