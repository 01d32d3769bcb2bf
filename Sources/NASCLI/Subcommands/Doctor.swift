import ArgumentParser
import Foundation
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
          let width = examination.findings.map(\.name.count).max() ?? 0
          for finding in examination.findings {
            let name = finding.name.padding(toLength: width, withPad: " ", startingAt: 0)
            print("\(finding.isFine ? "ok" : "!!")  \(name)  \(finding.finding)")
          }
          for finding in examination.findings {
            if let remedy = finding.remedy { print("\n\(finding.name): \(remedy)") }
          }
        }
        guard examination.isFine else { throw ExitCode(ExitStatus.unavailable.rawValue) }
      }
    }
  }
}
