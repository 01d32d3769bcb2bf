import SearchSpace

/// Evolution towards a whole frontier: of what no other network beats in every goal, those in
/// sparse places survive.
///
/// > K. Deb, A. Pratap, S. Agarwal, T. Meyarivan. "A Fast and Elitist Multiobjective Genetic
/// > Algorithm: NSGA-II." IEEE Transactions on Evolutionary Computation 6(2), 2002.
/// > [doi:10.1109/4235.996017](https://doi.org/10.1109/4235.996017)
///
/// | Here | In the paper |
/// | --- | --- |
/// | population | *P*, of *N* members |
/// | generation | *Q*, the children |
/// | ``Settings/crossover`` | *p*c |
/// | ``Settings/mutations`` | *n p*m for *n* decision variables |
/// | budget | constraint |
///
/// Departs from the paper:
/// - Choices are crossed one by one by the toss of a coin, and mutated to the next larger or smaller
///   one. The paper crosses and mutates real numbers, or strings of bits.
/// - The first generation has the cheapest and the dearest network within each budget: the ends of
///   the frontier, which chance hardly ever meets. The paper's is random.
/// - Children are brought within a budget, taking turns with the budgets, so constraints are broken
///   only by what was known beforehand. A network that keeps to any of the budgets breaks none.
/// - A child that was scored before is made again; so no two members are the same network.
/// - The population is 50, for searches of some hundred scores. The paper's is 100.
public struct NSGA2: SearchStrategy, GenerationalSearch {
  var record: SearchRecord<Settings>

  /// The members of the population, by their places in the history.
  private var population: [Int] = []

  /// What a network can be good at.
  public enum Objective: String, Hashable, Codable, Sendable, CaseIterable {
    case accuracy
    case macs
    case params
    case latency

    /// The cost that it is about, if it is about one.
    var metric: Cost.Metric? {
      switch self {
      case .accuracy: nil
      case .macs: .macs
      case .params: .parameters
      case .latency: .latency
      }
    }
  }

  /// What can be set about the search.
  public struct Settings: GenerationalSettings {
    /// How many architectures are scored.
    public var trials = 500

    /// How many architectures survive a generation, and how many are new in it.
    public var population = 50

    /// What the frontier is drawn over.
    public var objectives: [Objective] = [.accuracy, .macs]

    /// The probability with which a child has two parents.
    public var crossover = 0.9

    /// How many decisions of a child are mutated on average.
    public var mutations = 1.0

    /// How many images each is scored on.
    public var images = 2048

    public init() {}
  }

  init(record: SearchRecord<Settings>) {
    precondition(!record.settings.objectives.isEmpty, "nothing is to be optimised")
    self.record = record
  }

  mutating func propose(
    _ generation: inout Generation, using generator: inout some RandomNumberGenerator
  ) {
    let history = record.history
    if history.count >= settings.population, population.count > 1 {
      let ranked = RankedPopulation(of: population.map(point))
      let members = population.map { history[$0].architecture }
      generation.fill(to: settings.population, role: "child") { _, sampler in
        let mother = members[ranked.tournament(using: &generator)]
        let father = members[ranked.tournament(using: &generator)]
        return settings.child(of: mother, father, sampler, using: &generator)
      }
    } else {
      let metrics = settings.objectives.compactMap(\.metric)
      for corner in generation.region.corners(of: metrics, using: &generator) {
        generation.add(corner, role: "corner")
      }
      generation.fill(to: settings.population - history.count, role: "random") {
        $1.randomArchitecture(using: &generator)
      }
    }
    if generation.candidates.isEmpty {
      generation.fill(to: settings.population, role: "random") {
        $1.randomArchitecture(using: &generator)
      }
    }
  }

  mutating func select(_ newcomers: [Int]) -> [Int] {
    let candidates = population + newcomers
    let ranked = RankedPopulation(of: candidates.map(point))
    population = ranked.order.prefix(settings.population).map { candidates[$0] }
    return population.filter(newcomers.contains)
  }

  /// The goals that a network of the history reaches.
  private func point(_ place: Int) -> ObjectivePoint {
    let entry = record.history[place]
    let values = settings.objectives.map { objective in
      objective.metric.map { Double(entry.cost[$0]) } ?? -entry.score.accuracy
    }
    return ObjectivePoint(values: values, violation: record.violation(of: entry.cost))
  }
}

extension NSGA2.Settings {
  /// Makes a child of two parents, within the sampler's budgets.
  func child(
    of mother: Architecture, _ father: Architecture, _ sampler: ArchitectureSampler,
    using generator: inout some RandomNumberGenerator
  ) -> Architecture {
    let rate = min(1, mutations / Double(max(1, mother.choices.count)))
    return generator.uniform() < crossover
      ? sampler.child(of: mother, and: father, rate: rate, by: .neighbor, using: &generator)
      : sampler.mutation(of: mother, rate: rate, by: .neighbor, using: &generator)
  }
}
