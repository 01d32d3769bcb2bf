import SearchSpace

/// Evolution in which the oldest member of the population dies, not the worst.
///
/// > E. Real, A. Aggarwal, Y. Huang, Q. V. Le. "Regularized Evolution for Image Classifier
/// > Architecture Search." AAAI 2019. [arXiv:1802.01548](https://arxiv.org/abs/1802.01548),
/// > algorithm 1.
///
/// | Here | In the paper |
/// | --- | --- |
/// | ``Settings/population`` | *P* |
/// | ``Settings/sample`` | *S* |
/// | ``Settings/trials`` | *C*, cycles |
///
/// Departs from the paper:
/// - Some children are made and scored together, before any of them can become a parent: that
///   costs far less where networks share what they compute. `batch: 1` is the paper's.
/// - A child always differs from its parent, and is made again if it was scored before.
/// - Children take turns with the budgets: the parent is drawn from the members within the budget,
///   and the child brought within it. The paper has no budget.
/// - The defaults suit searches of some hundred scores. The paper's population is 100, of which 25
///   are drawn, for 20,000 scores.
public struct RegularizedEvolution: SearchStrategy, GenerationalSearch {
  var record: SearchRecord<Settings>

  /// What can be set about the search.
  public struct Settings: GenerationalSettings {
    /// How many architectures are scored.
    public var trials = 500

    /// How many architectures live at a time.
    public var population = 50

    /// How many are drawn, of which the best becomes a parent.
    public var sample = 10

    /// How many children are scored together.
    public var batch = 10

    /// How many images each is scored on.
    public var images = 2048

    public init() {}
  }

  init(record: SearchRecord<Settings>) { self.record = record }

  /// The living, by their places in the history: the youngest of those with a score.
  var population: [Int] {
    let history = record.history
    return history.entries.indices.lazy.reversed().filter { history[$0].score.isValid }
      .prefix(settings.population).reversed()
  }

  mutating func propose(
    _ generation: inout Generation, using generator: inout some RandomNumberGenerator
  ) {
    let history = record.history
    let population = population
    let members = generation.region.samplers.map { sampler in
      population.filter { place in
        sampler.budgets.allSatisfy { $0.admits(history[place].cost) }
      }
    }
    if history.count >= settings.population, members.allSatisfy({ !$0.isEmpty }) {
      generation.fill(to: settings.batch, role: "child") { turn, sampler in
        let parent = parent(among: members[turn], using: &generator)
        return sampler.neighbor(of: parent, using: &generator)
      }
      if !generation.candidates.isEmpty { return }
    }
    let missing = settings.population - history.count
    generation.fill(to: missing > 0 ? missing : settings.batch, role: "random") {
      $1.randomArchitecture(using: &generator)
    }
  }

  /// Returns the best of some members drawn with replacement.
  private func parent(
    among members: [Int], using generator: inout some RandomNumberGenerator
  ) -> Architecture {
    let history = record.history
    var best = members.random(using: &generator)
    for _ in 1..<max(1, settings.sample) {
      let other = members.random(using: &generator)
      if history[other].score.isBetter(than: history[best].score) { best = other }
    }
    return history[best].architecture
  }

  /// Everyone is young once.
  func select(_ newcomers: [Int]) -> [Int] { newcomers }
}
