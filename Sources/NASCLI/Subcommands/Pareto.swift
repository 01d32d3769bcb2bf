import SearchSpace
import ArgumentParser
import Study
import TrialStore

extension NAS {
  struct Pareto: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show the frontier of cost against accuracy.",
      discussion: """
        The frontier is drawn among the networks that were scored most thoroughly, so that like \
        is compared with like: where some were retrained, among those. --all takes every trial, as \
        the search scored it.
        """)

    @OptionGroup var options: StoreOptions

    @Option(help: "The cost on the way from left to right.")
    var cost = CostOption.macs

    @Flag(help: "Take every trial, as the search scored it.")
    var all = false

    @Flag(help: "Print JSON.")
    var json = false

    @Option(help: "Also draw the frontier into this file.")
    var svg: String?

    func run() throws {
      try reportingErrors {
        let view = try FrontierView(options.open(), cost: cost.metric, includingAll: all)
        if let svg { try write(view.svg, to: svg) }
        if json {
          try printJSON(view.document())
          return
        }
        print("study \(view.reader.study.name), \(view.reader.study.strategy)\n")
        print(view.table)
        if let plot = view.plot { print("\n" + plot) }
      }
    }
  }
}

/// A cost as it is named on the command line.
enum CostOption: String, ExpressibleByArgument, CaseIterable {
  case macs, params

  var metric: Cost.Metric { self == .macs ? .macs : .parameters }
}
