import Evaluator
import SearchSpace
import Strategies

/// A search without any network being computed: the strategy asks, and chance answers.
///
/// It shows how much a strategy asks for without knowing the strategy. What it finds means nothing.
struct DryRun {
  /// How many candidates the search scores.
  private(set) var trials = 0

  /// How many steps gates learn for.
  private(set) var gateSteps = 0

  /// The gates that learn, if any do.
  private(set) var gates: ChannelGates?

  /// The work of scoring all of them.
  private(set) var search = Workload()

  /// The work of scoring the best of them once more.
  private(set) var finalists = Workload()

  /// How many candidates are asked for at most; what they come to is drawn out to the whole search.
  private static let longest = 800

  /// How much longer than classifying an image a gate step takes for it: there is a way back too, to
  /// the activations and not to the weights.
  private static let passesOfGateStep = 2.5

  /// Runs a plan's strategy.
  ///
  /// - Throws: `StrategyError` if a budget cannot be met.
  init(of material: StudyMaterial, with supernet: Supernet) throws {
    let space = material.space
    var strategy = try material.plan.makeStrategy(in: space)
    var generator = SeededGenerator(seed: material.plan.seed, stream: "dry run")
    var seen: Set<Architecture> = []
    while trials + gateSteps < Self.longest,
      let question = strategy.ask(in: space, using: &generator)
    {
      switch question {
      case .trainMixture:
        // How many steps there are, the plan says and not the strategy.
        _ = try strategy.tell(.trained(loss: 1, progress: 1), in: space)
      case .differentiateMixture(let mixture):
        let slopes = mixture.blends.map { $0.choices.map { _ in 0.0 } }
        _ = try strategy.tell(
          .mixtureGradient(MixtureGradient(loss: 1, weights: slopes)), in: space)
      case .score(let candidates, let images):
        let architectures = candidates.map(\.architecture)
        let layers = supernet.layersComputed(for: architectures)
        search = search + Workload(of: layers) * material.passes(images: images)
        trials += candidates.count
        seen.formUnion(architectures)
        let scores = candidates.map { _ in
          Score(correct: .random(in: 0...images, using: &generator), images: images, loss: 1)
        }
        _ = try strategy.tell(.scores(scores), in: space)
      case .differentiateGates(let gates, _):
        self.gates = gates
        gateSteps += 1
        let gradient = ChannelGates(repeating: 0, counts: gates.counts)
        _ = try strategy.tell(.gateGradient(GateGradient(loss: 1, gradient: gradient)), in: space)
      case .measure:
        let worths = space.gatedGroups.map { group in
          (0..<group.widest).map { _ in generator.uniform() }
        }
        _ = try strategy.tell(.channelMeasures(ChannelGates(worths)), in: space)
      }
    }
    let progress = strategy.progress(in: space)
    if progress > 0, progress < 1 {
      search = search * (1 / progress)
      trials = Int(Double(trials) / progress)
      gateSteps = Int((Double(gateSteps) / progress).rounded())
    }
    if let gates {
      let images = Double(gateSteps * material.plan.supernet.batch)
      let network = space.gatedNetwork(channels: gates.counts).network
      search = search + Workload(of: network.layers) * (Self.passesOfGateStep * images)
    }

    let most =
      StudyRunner.frontierFinalists + StudyRunner.finalistsPerBudget * material.plan.budgets.count
    let ordered = seen.map { ($0, space.network(of: $0).cost.macs) }.sorted {
      ($0.1, $0.0.choices.description) < ($1.1, $1.0.choices.description)
    }
    let count = min(most, ordered.count)
    let spread = (0..<count).map { ordered[$0 * (ordered.count - 1) / max(1, count - 1)].0 }
    finalists =
      Workload(of: supernet.layersComputed(for: spread))
      * material.passes(images: material.images.holdOut.count)
  }
}

extension StudyMaterial {
  /// How many images go through a network to score it on some of them: these, and those that its
  /// statistics are gathered over.
  func passes(images count: Int) -> Double {
    Double(min(count, images.holdOut.count) + min(plan.supernet.calibration, images.training.count))
  }
}
