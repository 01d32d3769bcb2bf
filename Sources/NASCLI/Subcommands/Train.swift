import ArgumentParser
import Study
import TrialStore

extension NAS {
  struct Train: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Train one network on its own, without a search.",
      discussion: """
        FILE is an architecture.yaml, such as 'nas export' writes, and --data its images; or a \
        search file without supernet, strategy and budgets, whose largest network is trained. \
        The result is kept as a study, so that 'nas export best' hands it over.
        """)

    @Argument(help: "The network, or the file that names it with its data and recipe.")
    var file: String

    @Option(help: "The folder of the images; FILE then is an architecture.yaml.")
    var data: String?

    @Option(help: "With --data: how many training images are set aside to score with.")
    var holdOut: Int?

    @Option(help: "The name of the study; by default the file's.")
    var study: String?

    @Option(name: .customLong("db"), help: "The file of results; made if it is not there.")
    var database = "results.sqlite"

    @Flag(help: "Begin anew; an earlier study of this name is kept under another.")
    var fresh = false

    @OptionGroup var work: WorkOptions

    func validate() throws {
      guard let holdOut else { return }
      guard data != nil else { throw ValidationError("--hold-out goes with --data.") }
      guard holdOut > 0 else { throw ValidationError("--hold-out takes a number of at least 1.") }
    }

    func run() throws {
      try work.run(
        ending: "trained; 'nas export best' hands the network over"
      ) { progress, signals in
        var plan =
          if let data {
            try Plan(trainingNetworkAt: file, onImagesIn: data)
          } else {
            try Plan(contentsOf: file, for: .training)
          }
        plan.study = study ?? plan.study
        plan.data.holdOut = holdOut ?? plan.data.holdOut
        let runner = try StudyRunner(
          plan: plan,
          openingStore: { try TrialStore.open(path: database, for: .creating) },
          report: { progress.show($0) }, isStopping: { signals.wantStop })
        return try runner.run(fresh: fresh)
      }
    }
  }
}
