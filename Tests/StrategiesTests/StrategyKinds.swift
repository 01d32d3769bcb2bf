import SearchSpace
import Strategies

/// A space small enough to search in no time, with widths, ties and depths.
func smallSpace() throws -> SearchSpace {
  try SearchSpace(name: "small", input: Shape(channels: 3, height: 8, width: 8)) {
    Convolution(name: "stem", width: .range(4...16, step: 4), kernel: 3)
    Stage(.basic(inner: [4, 8, 12]), width: .range(4...16, step: 4), depth: [1, 2, 3])
    Stage(.basic(inner: [8, 16]), width: [8, 16, 24], depth: [1, 2], stride: 2)
    GlobalAveragePool()
    Linear(classes: 4)
  }
}

extension StrategyLawTests {
  /// The strategies, each as a search for small spaces.
  enum Kind: CaseIterable {
    case autoSlim
    case random
    case pruningFromScratch
    case networkSlimming
    case filterPruning
    case uniformScaling
    case tas
    case exhaustive
    case regularizedEvolution
    case spos
    case nsga2
    case predictor

    /// Whether it never asks about an architecture again, nor about one that keeps to no budget.
    var isFrugal: Bool {
      switch self {
      case .random, .exhaustive, .regularizedEvolution, .spos, .nsga2, .predictor: true
      case .autoSlim, .pruningFromScratch, .networkSlimming, .filterPruning, .uniformScaling, .tas:
        false
      }
    }

    /// Whether it takes in scores that are known before.
    var learnsFromOthers: Bool { isFrugal && self != .exhaustive }

    func make(_ space: SearchSpace, _ budgets: [Budget]) throws -> any SearchStrategy {
      switch self {
      case .autoSlim:
        var settings = AutoSlim.Settings()
        settings.images = 100
        return try AutoSlim(space: space, budgets: budgets, settings: settings)
      case .random:
        var settings = RandomSearch.Settings()
        (settings.trials, settings.images) = (60, 100)
        return try RandomSearch(space: space, budgets: budgets, settings: settings)
      case .pruningFromScratch:
        var settings = PruningFromScratch.Settings()
        settings.steps = 60
        return try PruningFromScratch(space: space, budgets: budgets, settings: settings)
      case .networkSlimming: return try NetworkSlimming(space: space, budgets: budgets)
      case .filterPruning: return try FilterPruning(space: space, budgets: budgets)
      case .uniformScaling: return try UniformScaling(space: space, budgets: budgets)
      case .tas:
        var settings = TAS.Settings()
        settings.rate = 0.1
        return try TAS(space: space, budgets: budgets, settings: settings)
      case .exhaustive:
        var settings = ExhaustiveSearch.Settings()
        settings.images = 100
        return try ExhaustiveSearch(space: space, budgets: budgets, settings: settings)
      case .regularizedEvolution:
        var settings = RegularizedEvolution.Settings()
        (settings.trials, settings.images) = (150, 100)
        (settings.population, settings.sample, settings.batch) = (20, 5, 7)
        return try RegularizedEvolution(space: space, budgets: budgets, settings: settings)
      case .spos:
        var settings = SPOS.Settings()
        (settings.trials, settings.images) = (150, 100)
        (settings.population, settings.mutants, settings.crossovers) = (40, 15, 15)
        return try SPOS(space: space, budgets: budgets, settings: settings)
      case .nsga2:
        var settings = NSGA2.Settings()
        (settings.trials, settings.images, settings.population) = (150, 100, 30)
        settings.objectives = [.accuracy, .macs, .params] + (space.isTimed ? [.latency] : [])
        return try NSGA2(space: space, budgets: budgets, settings: settings)
      case .predictor:
        var settings = PredictorSearch.Settings()
        (settings.trials, settings.images) = (70, 100)
        return try PredictorSearch(space: space, budgets: budgets, settings: settings)
      }
    }
  }
}
