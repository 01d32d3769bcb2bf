import ArgumentParser
import Study
import TrialStore

/// The `nas` command: it parses, calls the library and prints, and decides nothing.
@main
struct NAS: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "nas",
    abstract: "Search channel counts and depths of neural networks.",
    discussion: """
      A search file describes data, a space of networks, a strategy and budgets. \
      'nas explain FILE' tells what that means, 'nas run FILE' does the search, 'nas pareto' \
      lists what it found, 'nas export best' hands it over. \
      Results go to standard output, progress to standard error.
      """,
    version: "0.1.0",
    subcommands: [
      Validate.self, Explain.self, Run.self, Retrain.self, Train.self, Pareto.self, Compare.self,
      Show.self, Export.self, DescribeData.self, Doctor.self, Bench.self,
    ])
}

/// Where the results are.
struct StoreOptions: ParsableArguments {
  @Option(name: .customLong("db"), help: "The file of results.")
  var database = "results.sqlite"

  @Option(help: "The study; by default the newest.")
  var study: String?

  /// Opens the study that is meant.
  ///
  /// - Parameter name: Its name, if it is given otherwise than by the option.
  /// - Returns: The study.
  /// - Throws: What keeps it from being read.
  func open(study name: String? = nil) throws -> StudyReader {
    try StudyReader(named: name ?? study, in: TrialStore.open(path: database, for: .reading))
  }
}
