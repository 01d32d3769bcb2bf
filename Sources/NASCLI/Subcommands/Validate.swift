import ArgumentParser
import SearchSpace
import Study

extension NAS {
  struct Validate: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Check a search file and name every problem with its place.",
      discussion: """
        Reads the data too, so that a space that does not fit it and a budget that cannot be met \
        are found before a run.
        """)

    @Argument(help: "The search file.")
    var file: String

    @Flag(help: "Print JSON.")
    var json = false

    struct Document: Encodable {
      var schema = "nas.validate/1"
      var space: String
      var decisions: Int
      var smallest: Cost
      var largest: Cost
    }

    func run() throws {
      try reportingErrors {
        let progress = ProgressLine(isQuiet: false)
        let summary = try PlanSummary(of: Plan(contentsOf: file)) { progress.show($0) }
        progress.finish()
        if json {
          try printJSON(
            Document(
              space: summary.space, decisions: summary.decisions, smallest: summary.smallest,
              largest: summary.largest))
          return
        }
        print(
          "\(file): fine; \(summary.space), \(summary.decisions) decisions, "
            + "\(short(summary.smallest.macs)) to \(short(summary.largest.macs)) MACs, "
            + "\(short(summary.smallest.parameters)) to \(short(summary.largest.parameters)) "
            + "parameters")
      }
    }
  }
}
