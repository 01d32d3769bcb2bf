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
        the search scored it. A network that its images do not tell from a cheaper one is level \
        with that one: its higher accuracy may be chance.
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
        if json { try printJSON(view.document()) } else { print(view.text) }
      }
    }
  }
}

/// A cost as it is named on the command line.
enum CostOption: String, ExpressibleByArgument, CaseIterable {
  case macs, params, latency

  var metric: Cost.Metric {
    switch self {
    case .macs: .macs
    case .params: .parameters
    case .latency: .latency
    }
  }
}
