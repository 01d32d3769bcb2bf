import ArgumentParser
import Study

extension NAS {
  struct Explain: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Tell what a search file means before it is run.",
      discussion: """
        Shows the decisions and what ties them, how many networks there are and what they cost, \
        whether each budget can be met, and how long the study will take on this machine.
        """)

    @Argument(help: "The search file.")
    var file: String

    @Flag(help: "Also list the layers of the smallest and the largest network.")
    var trace = false

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
      try reportingErrors {
        let progress = ProgressLine(isQuiet: false)
        let explanation = try Explanation(of: Plan(contentsOf: file)) { progress.show($0) }
        progress.finish()
        let view = ExplanationView(explanation: explanation, isTraced: trace)
        if json { try printJSON(view.document) } else { print(view.text) }
        guard explanation.budgets.allSatisfy(\.isReachable) else {
          throw ExitCode(ExitStatus.badPlan.rawValue)
        }
      }
    }
  }
}
