public import Strategies

// What a search file can set about each strategy. The settings themselves are told of where each
// strategy is.

extension AutoSlim: PlannedStrategy {
  public static let key = "autoslim"
  public static let defaults = Settings()
  public static let fields: [SettingField<Settings>] = [.images(\.images)]
}

extension TAS: PlannedStrategy {
  public static let key = "tas"
  public static let defaults = Settings()
  public static let fields: [SettingField<Settings>] = [
    .decimal("lr", \.rate, .above(0, to: 1)),
    .decimal("weight-decay", \.weightDecay, .from(0, to: 1)),
    .decimal("temperature", \.temperature, .above(0, to: 100)),
    .decimal("final-temperature", \.finalTemperature, .above(0, to: 100)),
    .decimal("cost-weight", \.costWeight, .from(0, to: 1000)),
    .decimal("tolerance", \.tolerance, .from(0, to: 1)), .images(\.images),
  ]
}

extension RandomSearch: PlannedStrategy {
  public static let key = "random"
  public static let defaults = Settings()
  public static let fields: [SettingField<Settings>] = [
    .integer("trials", \.trials, 1...Int.max),
    .decimal("tolerance", \.tolerance, .from(0, to: 1), impliedAt: 1), .images(\.images),
  ]
}

extension PruningFromScratch: PlannedStrategy {
  public static let key = "pruning-from-scratch"
  public static let defaults = Settings()
  public static let fields: [SettingField<Settings>] = [
    .integer("steps", \.steps, 1...Int.max), .decimal("lr", \.rate, .above(0, to: 1)),
    .decimal("weight", \.weight, .from(0, to: 1000)),
    .decimal("sparsity", \.sparsity, .from(0, to: 1)),
    .decimal("expansion", \.expansion, .from(1, to: 4)),
  ]
}

extension NetworkSlimming: PlannedStrategy {
  public static let key = "network-slimming"
  public static let defaults = Settings()
  public static let fields: [SettingField<Settings>] = []
}

extension FilterPruning: PlannedStrategy {
  public static let key = "l1-norm"
  public static let defaults = Settings()
  public static let fields: [SettingField<Settings>] = []
}

extension UniformScaling: PlannedStrategy {
  public static let key = "uniform"
  public static let defaults = Settings()
  public static let fields: [SettingField<Settings>] = []
}

extension LargestNetwork: PlannedStrategy {
  public static let key = "largest"
  public static let defaults = Settings()
  public static let fields: [SettingField<Settings>] = []
}

extension ExhaustiveSearch: PlannedStrategy {
  public static let key = "exhaustive"
  public static let defaults = Settings()
  public static let fields: [SettingField<Settings>] = [
    .integer("limit", \.limit, 1...10_000_000), .images(\.images),
  ]
}

extension RegularizedEvolution: PlannedStrategy {
  public static let key = "regularized-evolution"
  public static let defaults = Settings()
  public static let fields: [SettingField<Settings>] = [
    .integer("trials", \.trials, 1...Int.max),
    .integer("population", \.population, 2...100_000),
    .integer("sample", \.sample, 1...100_000), .integer("batch", \.batch, 1...100_000),
    .images(\.images),
  ]
}

extension SPOS: PlannedStrategy {
  public static let key = "spos"
  public static let defaults = Settings()
  public static let fields: [SettingField<Settings>] = [
    .integer("trials", \.trials, 1...Int.max),
    .integer("population", \.population, 2...100_000), .integer("top", \.top, 1...100_000),
    .integer("mutants", \.mutants, 0...100_000),
    .integer("crossovers", \.crossovers, 0...100_000), .decimal("rate", \.rate, .above(0, to: 1)),
    .images(\.images),
  ]
}

extension NSGA2: PlannedStrategy {
  public static let key = "nsga2"
  public static let defaults = Settings()
  public static let fields: [SettingField<Settings>] = [
    .integer("trials", \.trials, 1...Int.max),
    .integer("population", \.population, 2...10_000), .words("objectives", \.objectives),
    .decimal("crossover", \.crossover, .from(0, to: 1)),
    .decimal("mutations", \.mutations, .above(0, to: 1000)), .images(\.images),
  ]
}

extension PredictorSearch: PlannedStrategy {
  public static let key = "predictor"
  public static let defaults = Settings()
  public static let fields: [SettingField<Settings>] = [
    .integer("trials", \.trials, 1...Int.max), .integer("batch", \.batch, 2...10_000),
    .integer("population", \.population, 2...10_000),
    .integer("generations", \.generations, 0...10_000), .images(\.images),
  ]
}
