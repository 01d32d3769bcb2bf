import Foundation
public import SearchSpace
public import Strategies

extension Plan {
  /// How the choice is made: a strategy and what the file sets about it.
  public struct Strategy: Hashable, Sendable {
    private let planned: any PlannedSearch

    /// The strategies there are, by the keys that name them.
    static let all: [String: any PlannedStrategy.Type] = Dictionary(
      uniqueKeysWithValues: [
        AutoSlim.self, RandomSearch.self, TAS.self, PruningFromScratch.self, NetworkSlimming.self,
        FilterPruning.self, UniformScaling.self, LargestNetwork.self,
        ExhaustiveSearch.self, RegularizedEvolution.self, SPOS.self, NSGA2.self,
        PredictorSearch.self,
      ].map { ($0.key, $0) })

    /// Creates a choice.
    public init<Search: PlannedStrategy>(
      _ strategy: Search.Type, _ settings: Search.Settings = Search.defaults
    ) {
      planned = Planned<Search>(settings: settings)
    }

    /// The key by which a search file names the strategy.
    public var name: String { type(of: planned).strategy.key }

    /// The weights that the search begins with.
    var startingWeights: StartingWeights { type(of: planned).strategy.startingWeights }

    /// Whether the search learns from mixtures of architectures.
    var learnsMixtures: Bool { type(of: planned).strategy is TAS.Type }

    /// Whether the search weighs latency against other goals.
    var namesLatency: Bool {
      (planned as? Planned<NSGA2>)?.settings.objectives.contains(.latency) ?? false
    }

    /// The settings as a search file has them, defaults written out.
    var settings: String { planned.text }

    /// How many images of the hold-out candidates are scored on; `nil` if none is ever scored.
    var images: Int? { planned.images }

    /// The search at its start.
    func search(
      in space: SearchSpace, within budgets: [Budget]
    ) throws(StrategyError) -> any SearchStrategy {
      try planned.search(in: space, within: budgets)
    }

    /// A search as its encoding left it.
    func search(from encoding: Foundation.Data) throws -> any SearchStrategy {
      try type(of: planned).strategy.decoded(from: encoding)
    }

    mutating func read(_ form: Form?, holdOut: Int, _ reader: inout FormReader) {
      guard let form else { return }
      let names = Self.all.keys.sorted()
      var name = form.word ?? ""
      var settings: Form?
      if Self.all[name] == nil {
        guard let choice = reader.choice(form, keys: names) else { return }
        (name, settings) = choice
      }
      guard let strategy = Self.all[name] else { return }
      self = strategy.read(settings, at: form.position, holdOut: holdOut, &reader)
    }

    public static func == (left: Strategy, right: Strategy) -> Bool {
      AnyHashable(left.planned) == AnyHashable(right.planned)
    }

    public func hash(into hasher: inout Hasher) { hasher.combine(AnyHashable(planned)) }
  }

  /// The budgets in numbers.
  ///
  /// - Parameter largest: What the largest network of the space costs.
  /// - Returns: The limits in the order of the file, shares rounded down. Where two come to the same
  ///   number there is one.
  public func budgets(largest: Cost) -> [Budget] {
    var seen: Set<Budget> = []
    return budgets.map { $0.budget(largest: largest) }.filter { seen.insert($0).inserted }
  }

  /// The search that the plan asks for, at its start.
  ///
  /// - Parameter space: The space to search in.
  /// - Returns: A strategy of the kind that the file names.
  /// - Throws: ``StrategyError`` if the search can come to nothing.
  public func makeStrategy(in space: SearchSpace) throws(StrategyError) -> any SearchStrategy {
    try strategy.search(
      in: space, within: budgets(largest: space.cost(of: space.largest)))
  }
}

extension Plan.Limit {
  /// The limit in numbers, a share being rounded down.
  func budget(largest: Cost) -> Budget {
    switch amount {
    case .count(let count):
      Budget(metric, atMost: count)
    case .share(let partsPerMillion):
      // A share of a cost is no larger than the cost, but the product on the way may be.
      Budget(metric, atMost: Int(Int128(largest[metric]) * Int128(partsPerMillion) / 1_000_000))
    }
  }
}

/// A strategy that a search file can name.
public protocol PlannedStrategy: SearchStrategy {
  /// Its name in search files.
  static var key: String { get }

  /// The settings of a file that sets none.
  static var defaults: Settings { get }

  /// What a file can set.
  static var fields: [SettingField<Settings>] { get }
}

extension PlannedStrategy {
  fileprivate static func decoded(from encoding: Foundation.Data) throws -> any SearchStrategy {
    try JSONDecoder().decode(Self.self, from: encoding)
  }

  fileprivate static func read(
    _ form: Form?, at position: Position, holdOut: Int, _ reader: inout FormReader
  ) -> Plan.Strategy {
    let keys = reader.mapping(form, keys: fields.map(\.key))
    var settings = defaults
    for field in fields {
      field.read(keys[field.key], &settings, &reader)
      if let images = field.images?(settings), images > holdOut {
        reader.report(
          keys[field.key]?.position ?? position,
          "\(key) scores each candidate on \(images) images, but data.hold-out is \(holdOut); "
            + "lower \(field.key) or hold out more")
      }
    }
    return Plan.Strategy(Self.self, settings)
  }
}

/// A strategy with its settings, whichever strategy it is.
private protocol PlannedSearch: Hashable, Sendable {
  static var strategy: any PlannedStrategy.Type { get }
  var text: String { get }
  var images: Int? { get }
  func search(
    in space: SearchSpace, within budgets: [Budget]
  ) throws(StrategyError) -> any SearchStrategy
}

private struct Planned<Search: PlannedStrategy>: PlannedSearch {
  let settings: Search.Settings

  static var strategy: any PlannedStrategy.Type { Search.self }

  var text: String {
    Search.fields.filter { !$0.isImplied(settings) }
      .map { "\($0.key): \($0.text(settings))" }.joined(separator: ", ")
  }

  var images: Int? { Search.fields.compactMap { $0.images?(settings) }.first }

  func search(
    in space: SearchSpace, within budgets: [Budget]
  ) throws(StrategyError) -> any SearchStrategy {
    try Search(space: space, budgets: budgets, settings: settings)
  }
}
