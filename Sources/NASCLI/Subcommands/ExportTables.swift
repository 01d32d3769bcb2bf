import ArgumentParser
import Export
import Foundation
import Study

extension NAS {
  struct ExportCSV: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "csv", abstract: "Write the trials as comma-separated values.")

    @OptionGroup var options: StoreOptions

    @Option(name: .shortAndLong, help: "The file to write; by default standard output.")
    var output: String?

    @Flag(help: "Replace the file if it is there.")
    var force = false

    func run() throws {
      try reportingErrors {
        let table = try options.open().table()
        guard let output else {
          print(table.csv, terminator: "")
          return
        }
        try table.writeCSV(to: output, replacing: force)
        print("\(output): \(table.rows.count) trials of study \(table.study)")
      }
    }
  }

  struct ExportOptuna: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "optuna",
      abstract: "Write the trials as a database of Optuna's.",
      discussion: "'optuna-dashboard sqlite:///trials.db' shows them.")

    @OptionGroup var options: StoreOptions

    @Option(name: .shortAndLong, help: "The file to write.")
    var output = "trials.db"

    @Flag(help: "Replace the file if it is there.")
    var force = false

    func run() throws {
      try reportingErrors {
        let table = try options.open().table()
        try table.writeOptuna(to: output, replacing: force)
        print(
          "\(output): \(table.rows.count) trials of study \(table.study); "
            + "'optuna-dashboard sqlite:///\(output)' shows them")
      }
    }
  }

  struct ExportTensorBoard: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "tensorboard",
      abstract: "Write learning curves and trials as event files of TensorBoard's.",
      discussion: "'tensorboard --logdir tensorboard' shows them.")

    @OptionGroup var options: StoreOptions

    @Option(name: .shortAndLong, help: "The folder to write.")
    var output = "tensorboard"

    @Flag(help: "Replace the folder if it is there.")
    var force = false

    func run() throws {
      try reportingErrors {
        let table = try options.open().table()
        let count = try table.writeTensorBoard(to: output, replacing: force)
        print(
          "\(output)/: \(table.curves.count) curves and \(count) of \(table.rows.count) trials of "
            + "study \(table.study); 'tensorboard --logdir \(output)' shows them")
      }
    }
  }
}
