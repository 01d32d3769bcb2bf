import Evaluator
import Networks
import SearchSpace
import TrialStore

/// A cheap look at whether shared weights can be trusted to rank networks.
///
/// A few networks, from the cheapest to the dearest, are trained a little on their own, all together
/// by a tenth of the supernet's arithmetic. So little training tells not much of what they will
/// be worth in the end, but a supernet that ranks them unlike even that is no guide to a search.
///
/// > K. Yu, C. Sciuto, M. Jaggi, C. Musat, M. Salzmann. "Evaluating the Search Phase of Neural
/// > Architecture Search." ICLR 2020. [arXiv:1902.08142](https://arxiv.org/abs/1902.08142): how far
/// > weight sharing may disturb the ranks.
package struct RankProbe {
  /// From the cheapest to the dearest.
  let architectures: [Architecture]

  /// How many steps each is trained.
  let steps: Int

  /// The share of the supernet's arithmetic that the probe may take.
  static let share = 0.1

  /// With fewer networks an agreement says nothing.
  static let fewest = 3

  /// Below this agreement users are warned.
  package static let poor = 0.3

  /// Bytes of memory: a network in training beside the supernet, which keeps what its own needed.
  let bytes: Int

  /// Draws the networks; `nil` if the plan wants no probe, if the space has too few networks, if the
  /// supernet trains the largest alone, so that its subnets are not meant to be scored, or if memory
  /// lacks for a second training.
  init?(of supernet: Supernet, in material: StudyMaterial) {
    let count = material.plan.supernet.probe
    if case .largest = supernet.settings.paths { return nil }
    guard count >= Self.fewest, material.plan.strategy.images != nil,
      let sampler = try? ArchitectureSampler(of: material.space)
    else { return nil }
    let space = material.space
    bytes = 2 * material.memory(of: space.largest).trainingBytes
    guard bytes <= MemoryEstimate.available else { return nil }
    let range = CostRange(of: .macs, in: space)
    let (least, most) = (space.cost(of: range.cheapest).macs, space.cost(of: range.dearest).macs)
    var generator = SeededGenerator(seed: material.plan.seed, stream: "rank probe")
    var seen: Set<Architecture> = []
    architectures = (0..<count).map { place in
      sampler.randomArchitecture(
        costing: least + (most - least) * place / (count - 1), in: range, using: &generator)
    }.filter { seen.insert($0).inserted }
    guard architectures.count >= Self.fewest else { return nil }
    let work = architectures.reduce(0.0) { $0 + Double(space.cost(of: $1).macs) }
    let whole = supernet.workOfStep * Double(supernet.stepCount)
    steps = max(1, Int(Self.share * whole / max(1, work)))
  }
}

extension StudyRunner {
  /// Finds out how alike the supernet's weights and weights of their own rank a few networks.
  ///
  /// - Returns: Whether that came to its end; else the next run does it again.
  func probeRanks(of supernet: Supernet, _ study: Study, in run: ActiveRun) throws -> Bool {
    let known = try store.study(named: study.name)
    if let agreement = known.rankAgreement {
      report(.rankAgreement(agreement))
      return true
    }
    guard known.trainedBy == nil, try store.trialCount(of: study.id) == 0,
      let probe = RankProbe(of: supernet, in: material)
    else { return true }

    let recipe = material.recipe(images: min(2048, material.images.holdOut.count))
    let shared = try supernet.score(probe.architectures, with: recipe)
    var own: [Double] = []
    for (index, architecture) in probe.architectures.enumerated() {
      report(.probingRanks(network: index + 1, of: probe.architectures.count))
      let training = try NetworkTraining(
        of: material.space.network(of: architecture), on: material.images,
        by: probe.recipe(like: supernet), engine: engine)
      for _ in 0..<probe.steps {
        if isStopping() { return false }
        try training.trainStep()
      }
      let trained = try training.trainedNetwork(with: recipe)
      own.append(
        try answers(
          of: trained, to: material.images.maker, material.images.holdOut.prefix(recipe.images),
          batch: recipe.batch
        ).score.accuracy)
    }
    // Networks that all answer alike have no order to agree with.
    let agreement = rankAgreement(shared.map(\.accuracy), own) ?? 0
    try store.commit(StudyUpdate(rankAgreement: agreement), in: run)
    report(.rankAgreement(agreement))
    return true
  }
}

extension RankProbe {
  /// The supernet's own recipe at a constant rate, whose noise a moving average of the weights takes
  /// away.
  fileprivate func recipe(like supernet: Supernet) -> TrainingRecipe {
    var optimizer = supernet.settings.optimizer
    optimizer.schedule = .constant
    optimizer.warmUp = 0
    var recipe = TrainingRecipe()
    recipe.optimizer = optimizer
    recipe.averaging = 0.95
    recipe.epochs = steps / supernet.stepsPerEpoch + 1
    recipe.batch = supernet.settings.batch
    recipe.augmentation = supernet.images.augmentation
    recipe.precision = supernet.precision
    return recipe
  }
}

extension Supernet {
  /// The multiply-adds of a step's subnets for one image, on average over the first hundred steps.
  var workOfStep: Double {
    (0..<100).reduce(0) { $0 + work(ofStep: $1) } / 100
  }

  /// The multiply-adds of the subnets of one step for one image.
  func work(ofStep step: Int) -> Double {
    subnets(ofStep: step).reduce(0) { $0 + Double(space.cost(of: $1).macs) }
  }
}
