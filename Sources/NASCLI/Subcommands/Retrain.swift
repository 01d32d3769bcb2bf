import ArgumentParser
import Study
import TrialStore

extension NAS {
  struct Retrain: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Train the networks of trials on their own.",
      discussion: """
        By the recipe of the study's search file, or the default one if it has none. What was \
        retrained before is not trained again: the test set is for one look.
        """)

    @Argument(help: "The trials' numbers.")
    var trials: [Int]

    @Option(help: "The weights to begin with: new ones, or the supernet's. [default: as the study]")
    var from: OriginOption?

    @OptionGroup var options: StoreOptions

    @OptionGroup var work: WorkOptions

    func run() throws {
      try work.run(
        ending: "retrained; 'nas pareto' shows the accuracies, 'nas export' hands the networks over"
      ) { progress, signals in
        let reader = try options.open()
        var plan = reader.plan
        var retrain = plan.retrain ?? Plan.Retrain(augment: plan.data.augment)
        retrain.from = from?.origin ?? retrain.from
        plan.retrain = retrain
        let runner = try StudyRunner(
          plan: plan,
          openingStore: { try TrialStore.open(path: options.database, for: .writing) },
          report: { progress.show($0) }, isStopping: { signals.wantStop })
        return try runner.retrain(trials: trials, of: reader.study)
      }
    }
  }
}

/// The weights to begin with as they are named on the command line.
enum OriginOption: String, ExpressibleByArgument, CaseIterable {
  case scratch, inherited

  var origin: Plan.Retrain.Origin { self == .scratch ? .scratch : .inherited }
}
