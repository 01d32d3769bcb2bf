import ArgumentParser
import Foundation
import Logging
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

    @Flag(help: "Tell nothing about the progress.")
    var quiet = false

    @Flag(name: .shortAndLong, help: "Log what is read and written.")
    var verbose = false

    func run() throws {
      let isVerbose = verbose
      LoggingSystem.bootstrap { label in
        var handler = StreamLogHandler.standardError(label: label)
        handler.logLevel = isVerbose ? .debug : .warning
        return handler
      }
      try reportingErrors {
        let progress = ProgressLine(isQuiet: quiet)
        let signals = StopSignals()
        let runner = try StudyRunner(
          plan: Plan(contentsOf: file),
          openingStore: { try TrialStore.open(path: database, for: .creating) },
          report: { progress.show($0) }, isStopping: { signals.wantStop })
        defer { progress.finish() }
        guard try runner.run(fresh: fresh) == .done else {
          progress.note("nas: stopped; 'nas run \(file)' goes on from here")
          throw ExitCode(signals.exitCode)
        }
        progress.note("study done; 'nas pareto' shows the frontier, 'nas export best' the network")
      }
    }
  }
}
