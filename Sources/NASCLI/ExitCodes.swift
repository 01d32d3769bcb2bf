import ArgumentParser
import Datasets
import Export
import Foundation
import Kernels
import Networks
import SearchSpace
import Strategies
import Study
import TrialStore

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
}

/// Runs a subcommand; what it throws becomes one line on standard error and an exit code.
func reportingErrors(_ body: () throws -> Void) throws {
  do {
    try body()
  } catch let code as ExitCode {
    throw code
  } catch {
    let (status, message) = explain(error)
    printToStandardError(message)
    throw ExitCode(status.rawValue)
  }
}

/// Writes a line to standard error.
func printToStandardError(_ line: String) {
  try? FileHandle.standardError.write(contentsOf: Data((line + "\n").utf8))
}

/// The exit code and the words for an error.
private func explain(_ error: any Error) -> (ExitStatus, String) {
  switch error {
  case let error as PlanError: (.badPlan, error.description)
  case let error as UnreadableFileError: (.missingInput, error.description)
  case let error as StrategyError: (status(of: error), "nas: error: \(error)")
  case let error as SearchSpaceError: (.badPlan, "nas: error: space: \(error)")
  case let error as DatasetError: (status(of: error), "nas: error: \(error)")
  case let error as StoreError: (status(of: error.kind), "nas: error: \(error)")
  case let error as StudyError: (status(of: error), "nas: error: \(error)")
  case let error as ExportError: (status(of: error), "nas: error: \(error)")
  case let error as KernelError: (.unavailable, "nas: error: \(error)")
  default: (.bug, "nas: error: \(error); this is a mistake of the program, please report it")
  }
}

private func status(of error: StrategyError) -> ExitStatus {
  switch error {
  case .unreachable: .badPlan
  case .noValidScore: .badData
  }
}

private func status(of error: DatasetError) -> ExitStatus {
  switch error {
  case .missing: .missingInput
  case .malformed: .badData
  case .unreadable: .inputOutput
  case .holdOutTooLarge, .batchTooLarge: .badPlan
  }
}

private func status(of kind: StoreError.Kind) -> ExitStatus {
  switch kind {
  case .missing: .missingInput
  case .notADatabase, .foreignDatabase, .newerSchema, .olderSchema, .corrupt: .badData
  case .cannotCreate, .readOnly: .cannotCreate
  case .diskFull, .inputOutput: .inputOutput
  case .busy, .locked, .ownershipLost, .studyExists: .tryAgain
  case .noSuchStudy, .noSuchTrial: .missingInput
  case .unexpected: .bug
  }
}

private func status(of error: StudyError) -> ExitStatus {
  switch error {
  case .planChanged, .tooLarge, .checkpointTooLarge: .badPlan
  case .materialChanged, .diverged, .damagedState: .badData
  case .unfinished: .tryAgain
  case .unknownBackend: .usage
  case .noSuchNetwork: .missingInput
  }
}

private func status(of error: ExportError) -> ExitStatus {
  switch error {
  case .badArchitecture, .disagrees: .badData
  case .exists, .notABundle: .cannotCreate
  case .unwritable(_, _, let isFull): isFull ? .inputOutput : .cannotCreate
  }
}
