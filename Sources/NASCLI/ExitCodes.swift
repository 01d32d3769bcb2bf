import ArgumentParser
import Foundation
import Study

/// Exit codes, after sysexits.
enum ExitStatus: Int32 {
  case usage = 64
  case badData = 65
  case missingInput = 66
  case unavailable = 69
  case bug = 70
  case cannotCreate = 73
  case inputOutput = 74
  case tryAgain = 75
  case badPlan = 78
  case interrupted = 130
  case terminated = 143

  init(_ kind: Failure.Kind) {
    self =
      switch kind {
      case .usage: .usage
      case .badData: .badData
      case .missingInput: .missingInput
      case .unavailable: .unavailable
      case .bug: .bug
      case .cannotCreate: .cannotCreate
      case .inputOutput: .inputOutput
      case .tryAgain: .tryAgain
      case .badPlan: .badPlan
      }
  }
}

/// Runs a subcommand; what it throws becomes one line on standard error and an exit code.
func reportingErrors(_ body: () throws -> Void) throws {
  do {
    try body()
  } catch let code as ExitCode {
    throw code
  } catch {
    let failure = Failure(error)
    printToStandardError(failure.message)
    throw ExitCode(ExitStatus(failure.kind).rawValue)
  }
}

/// Writes a line to standard error.
func printToStandardError(_ line: String) {
  try? FileHandle.standardError.write(contentsOf: Data((line + "\n").utf8))
}
