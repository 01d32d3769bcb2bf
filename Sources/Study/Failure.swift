import Datasets
import Export
import Kernels
import Networks
import SearchSpace
import Strategies
import TrialStore

/// What went wrong, for someone who has no use for the types of errors: a kind and a line of text.
public struct Failure: Hashable, Sendable {
  public let kind: Kind

  /// What, where and what to do; a line, or one a problem of a search file.
  public let message: String

  /// Whose fault it is, as exit codes tell it.
  public enum Kind: Hashable, Sendable {
    /// The call or its surroundings name something that there is not.
    case usage
    /// Data, a database or a checkpoint is not what it should be.
    case badData
    /// A file or folder that is needed is not there.
    case missingInput
    /// A library or the machine lacks something.
    case unavailable
    /// A mistake of this program.
    case bug
    /// Something could not be made.
    case cannotCreate
    /// Reading or writing failed, or the disk is full.
    case inputOutput
    /// Somebody else is at work, or the study has not come far enough.
    case tryAgain
    /// The search file is wrong.
    case badPlan
  }

  /// Explains any error that working on a study can throw.
  public init(_ error: any Error) {
    (kind, message) =
      switch error {
      case let error as PlanError: (.badPlan, error.description)
      case let error as UnreadableFileError: (.missingInput, error.description)
      case let error as StrategyError: (Self.kind(of: error), "nas: error: \(error)")
      case let error as SearchSpaceError: (.badPlan, "nas: error: space: \(error)")
      case let error as UnknownFormatError: (.usage, "nas: error: \(error)")
      case let error as DatasetError: (Self.kind(of: error), "nas: error: \(error)")
      case let error as StoreError: (Self.kind(of: error.kind), "nas: error: \(error)")
      case let error as TableError: (.badData, error.description)
      case let error as StudyError: (Self.kind(of: error), "nas: error: \(error)")
      case let error as ExportError: (Self.kind(of: error), "nas: error: \(error)")
      case is ONNXError, is SafetensorsError, is WeightsError:
        (.badData, "nas: error: what was written cannot be read back: \(error)")
      case let error as KernelError: (.unavailable, "nas: error: \(error)")
      default:
        (.bug, "nas: error: \(error); this is a mistake of the program, please report it")
      }
  }

  private static func kind(of error: StrategyError) -> Kind {
    switch error {
    case .unreachable, .tooManyArchitectures, .notNormalized, .unmixable: .badPlan
    case .noValidScore, .noGradient, .noMeasure: .badData
    }
  }

  private static func kind(of error: DatasetError) -> Kind {
    switch error {
    case .missing: .missingInput
    case .malformed, .unrecognized: .badData
    case .unreadable: .inputOutput
    case .unwritable(_, _, let isFull): isFull ? .inputOutput : .cannotCreate
    case .holdOutTooLarge, .batchTooLarge: .badPlan
    }
  }

  private static func kind(of kind: StoreError.Kind) -> Kind {
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

  private static func kind(of error: StudyError) -> Kind {
    switch error {
    case .planChanged, .tooLarge, .checkpointTooLarge, .noTable: .badPlan
    case .materialChanged, .diverged, .damagedState, .badWeights: .badData
    case .unfinished, .unscored, .notRetrained, .nothingToCompare: .tryAgain
    case .unknownBackend: .usage
    case .noSuchNetwork, .nothingToInherit, .noWeights, .noLatencies: .missingInput
    }
  }

  private static func kind(of error: ExportError) -> Kind {
    switch error {
    case .badArchitecture, .disagrees: .badData
    case .exists, .notABundle: .cannotCreate
    case .unwritable(_, _, let isFull): isFull ? .inputOutput : .cannotCreate
    }
  }
}
