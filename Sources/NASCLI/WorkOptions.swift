import ArgumentParser
import Logging
import TrialStore

/// How a command that works for long tells of it, and what ends it.
struct WorkOptions: ParsableArguments {
  @Flag(help: "Tell nothing about the progress.")
  var quiet = false

  @Flag(name: .shortAndLong, help: "Log what is read and written.")
  var verbose = false

  /// Works until it is done or a signal stops it.
  ///
  /// - Parameters:
  ///   - ending: What to say when it is done; asked for then.
  ///   - body: The work.
  /// - Throws: The exit code of anything but a proper end.
  func run(
    ending: @autoclosure () -> String, _ body: (ProgressLine, StopSignals) throws -> Run.Ending
  ) throws {
    let isVerbose = verbose
    LoggingSystem.bootstrap { label in
      var handler = StreamLogHandler.standardError(label: label)
      handler.logLevel = isVerbose ? .debug : .warning
      return handler
    }
    try reportingErrors {
      let progress = ProgressLine(isQuiet: quiet)
      let signals = StopSignals()
      defer { progress.finish() }
      guard try body(progress, signals) == .done else {
        progress.note("nas: stopped; the same command goes on from here")
        throw ExitCode(signals.exitCode)
      }
      progress.note(ending())
    }
  }
}
