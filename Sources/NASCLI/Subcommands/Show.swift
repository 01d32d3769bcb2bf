import ArgumentParser
import Study
import TrialStore

extension NAS {
  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show one trial: its network layer by layer, its costs and its scores.")

    @Argument(help: "The trial's number.")
    var trial: Int

    @OptionGroup var options: StoreOptions

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
      try reportingErrors {
        let reader = try options.open()
        let trial = try reader.store.trial(trial, of: reader.study.id)
        let view = TrialView(
          study: reader.study, trial: trial, network: try reader.network(of: trial),
          sizes: try reader.sizes(of: trial), scores: try reader.store.scores(of: trial))
        if json { try printJSON(view.document) } else { print(view.text) }
      }
    }
  }
}
