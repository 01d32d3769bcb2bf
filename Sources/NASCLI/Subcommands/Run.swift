import ArgumentParser
import Study
import TrialStore

extension NAS {
  struct Run: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Run the study that a search file describes, or go on with it.",
      discussion: """
        A study that was stopped or killed goes on where its last checkpoint or answer was \
        written, and ends as if it had never stopped. A supernet that another study of the same file \
        of results trained in the same way is taken over, unless the run is fresh.
        """)

    @Argument(help: "The search file.")
    var file: String

    @Option(name: .customLong("db"), help: "The file of results; made if it is not there.")
    var database = "results.sqlite"

    @Flag(help: "Begin anew; an earlier study of this name is kept under another.")
    var fresh = false

    @OptionGroup var work: WorkOptions

    func run() throws {
      var isScored = true
      try work.run(
        ending: isScored
          ? "study done; 'nas pareto' shows the frontier, 'nas export best' the network"
          : "study done; its networks have no score yet: 'nas pareto' lists them, 'nas retrain' "
            + "trains them"
      ) { progress, signals in
        let runner = try StudyRunner(
          plan: Plan(contentsOf: file),
          openingStore: { try TrialStore.open(path: database, for: .creating) },
          report: { event in
            switch event {
            case .found: isScored = false
            case .retrained: isScored = true
            default: break
            }
            progress.show(event)
          }, isStopping: { signals.wantStop })
        return try runner.run(fresh: fresh)
      }
    }
  }
}
