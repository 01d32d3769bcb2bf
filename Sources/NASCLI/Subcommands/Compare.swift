import ArgumentParser
import Study
import TrialStore

extension NAS {
  struct Compare: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Compare the retrained networks of several studies.",
      discussion: """
        A line for each strategy and budget, the most accurate first. Studies that differ only in \
        their seed count as one. A network that was retrained without being picked counts for the \
        tightest budget that it keeps to.
        """)

    @Argument(help: "The studies' names; by default all with retrained networks.")
    var studies: [String] = []

    @Option(name: .customLong("db"), help: "The file of results.")
    var database = "results.sqlite"

    @Flag(help: "Print the table in Markdown.")
    var markdown = false

    @Flag(help: "Print JSON.")
    var json = false

    @Option(help: "Also draw accuracies against multiply-adds into this file.")
    var svg: String?

    func run() throws {
      try reportingErrors {
        let store = try TrialStore.open(path: database, for: .reading)
        let view = try ComparisonView(StrategyComparison(of: studies, in: store))
        if let svg { try write(view.svg, to: svg) }
        if json {
          try printJSON(view.document)
        } else {
          print(markdown ? view.markdown : view.text)
        }
      }
    }
  }
}
