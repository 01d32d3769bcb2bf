import ArgumentParser
import Study

extension NAS {
  struct Doctor: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Look at this machine: what works, and how to mend what does not.")

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
      try reportingErrors {
        let examination = Examination()
        if json {
          try printJSON(examination)
        } else {
          var table = Table([
            .init("", isNumeric: false), .init("", isNumeric: false), .init("", isNumeric: false),
          ])
          table.rows = examination.findings.map { [$0.isFine ? "ok" : "!!", $0.name, $0.finding] }
          print(table.text.split(separator: "\n").dropFirst().joined(separator: "\n"))
          for finding in examination.findings {
            if let remedy = finding.remedy { print("\n\(finding.name): \(remedy)") }
          }
        }
        guard examination.isFine else { throw ExitCode(ExitStatus.unavailable.rawValue) }
      }
    }
  }
}
