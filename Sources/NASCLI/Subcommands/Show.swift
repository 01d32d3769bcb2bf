import ArgumentParser
import Study
import TrialStore

extension NAS {
  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show one trial, or a study.",
      discussion: """
        Of a trial: its network layer by layer, its costs and its scores. Of a study: how far it \
        has come and, where its strategy learns distributions, how certain each decision is.
        """)

    @Argument(help: "The trial's number or the study's name; by default the study.")
    var subject: String?

    @OptionGroup var options: StoreOptions

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
      try reportingErrors {
        guard let subject else { return try show(options.open()) }
        guard let number = Int(subject) else { return try show(options.open(study: subject)) }
        let reader = try options.open()
        let trial = try reader.store.trial(number, of: reader.study.id)
        let view = TrialView(
          study: reader.study, trial: trial, network: try reader.network(of: trial),
          sizes: try reader.sizes(of: trial), scores: try reader.store.scores(of: trial),
          latencies: reader.latencies)
        if json { try printJSON(view.document) } else { print(view.text) }
      }
    }

    private func show(_ reader: StudyReader) throws {
      let view = try StudyView(reader)
      if json { try printJSON(view.document) } else { print(view.text) }
    }
  }
}
