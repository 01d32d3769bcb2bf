import SearchSpace

/// Evolution under a hard budget: the ten best networks so far have mutants and children.
///
/// > Z. Guo, X. Zhang, H. Mu, W. Heng, Z. Liu, Y. Wei, J. Sun. "Single Path One-Shot Neural
/// > Architecture Search with Uniform Sampling." ECCV 2020.
/// > [arXiv:1904.00420](https://arxiv.org/abs/1904.00420), algorithm 1.
///
/// | Here | In the paper |
/// | --- | --- |
/// | ``Settings/population`` | *P* |
/// | ``Settings/top`` | *k*, for Topk |
/// | ``Settings/mutants``, ``Settings/crossovers`` | *n*, *m* |
/// | ``Settings/rate`` | *prob* |
/// | ``Settings/trials`` | *P T* for *T* iterations |
/// | budget | constraints *C* |
///
/// Departs from the paper and the authors' code:
/// - With several budgets, each has its own top of all networks scored within it, and candidates
///   take turns with the budgets. The paper has one budget.
/// - What is beyond a budget is brought back within it, not drawn again.
/// - A mutated decision takes another choice. In the code it may take the same one again.
/// - The last generation is scored and counts. The code leaves it out.
/// - All candidates are scored on the same images. In the code the images move on.
public struct SPOS: SearchStrategy, GenerationalSearch {
  var record: SearchRecord<Settings>

  /// What can be set about the search.
  public struct Settings: GenerationalSettings {
    /// How many architectures are scored: 20 generations of 50.
    public var trials = 1000

    /// How many architectures a generation has.
    public var population = 50

    /// How many of the best can become parents.
    public var top = 10

    /// How many of a generation have one parent.
    public var mutants = 25

    /// How many of a generation have two parents.
    public var crossovers = 25

    /// The probability with which each decision of a mutant changes.
    public var rate = 0.1

    /// How many images each is scored on.
    public var images = 2048

    public init() {}
  }

  init(record: SearchRecord<Settings>) { self.record = record }

  mutating func propose(
    _ generation: inout Generation, using generator: inout some RandomNumberGenerator
  ) {
    let history = record.history
    let parents = generation.region.samplers.map { sampler in
      history.ranking { entry in sampler.budgets.allSatisfy { $0.admits(entry.cost) } }
        .prefix(settings.top).map { history[$0].architecture }
    }
    if parents.allSatisfy({ !$0.isEmpty }) {
      generation.fill(to: settings.mutants, role: "mutant") { turn, sampler in
        let parent = parents[turn].random(using: &generator)
        return sampler.mutation(of: parent, rate: settings.rate, using: &generator)
      }
      let mutants = generation.candidates.count
      generation.fill(to: mutants + settings.crossovers, role: "child") { turn, sampler in
        let mother = parents[turn].random(using: &generator)
        let father = parents[turn].random(using: &generator)
        return sampler.crossover(of: mother, and: father, using: &generator)
      }
    }
    generation.fill(to: settings.population, role: "random") {
      $1.randomArchitecture(using: &generator)
    }
  }

  /// Of the newcomers, those that are among the best of some budget.
  func select(_ newcomers: [Int]) -> [Int] {
    let budgets = record.budgets.isEmpty ? [nil] : record.budgets.map(Optional.some)
    let tops = budgets.map { budget in
      record.history.ranking { budget?.admits($0.cost) ?? true }.prefix(settings.top)
    }
    return newcomers.filter { newcomer in tops.contains { $0.contains(newcomer) } }
  }
}
