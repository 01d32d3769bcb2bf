import ArgumentParser
import Export
import Foundation
import SearchSpace
import Study

extension NAS {
  struct Export: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Hand over a network, or all trials, to other programs.",
      discussion: """
        'nas export best' writes the bundle of a network. 'nas export csv', 'optuna' and \
        'tensorboard' write the trials of a study.
        """,
      subcommands: [
        ExportBundle.self, ExportCSV.self, ExportOptuna.self, ExportTensorBoard.self,
      ],
      defaultSubcommand: ExportBundle.self)
  }

  struct ExportBundle: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "bundle",
      abstract: "Write a network as a folder that other programs can read (default).",
      discussion: """
        The folder holds architecture.yaml, weights.safetensors, model.onnx, report.json and \
        README.md. It appears only after the network, read back from it in both forms, has \
        answered as it did in the search.
        """)

    @Argument(help: "'best', or a trial's number.")
    var network: String

    @OptionGroup var options: StoreOptions

    @Option(
      help: "With 'best': the most accurate network within so many MACs, such as 4M, or in 2ms.")
    var budget: Limit?

    @Option(name: .shortAndLong, help: "The folder to write.")
    var output = "best"

    @Flag(help: "Replace the folder if it is there.")
    var force = false

    @Flag(
      name: .customLong("keep-bn"),
      help: "Keep batch normalisations as nodes of model.onnx, to train on with.")
    var keepsNormalization = false

    @Flag(
      name: .customLong("with-preprocessing"),
      help: "Have model.onnx take pixels, as bytes, and normalise them itself.")
    var includesPreprocessing = false

    @Flag(help: "Print the report as JSON.")
    var json = false

    func validate() throws {
      guard network == "best" || Int(network) != nil else {
        throw ValidationError("'\(network)' is neither 'best' nor the number of a trial.")
      }
      guard network == "best" || budget == nil else {
        throw ValidationError("--budget goes with 'best', not with the number of a trial.")
      }
    }

    func run() throws {
      try reportingErrors {
        let reader = try options.open()
        let trial = try reader.trial(choice)
        var options = BundleExporter.Options()
        options.replaces = force
        options.keepsNormalization = keepsNormalization
        options.includesPreprocessing = includesPreprocessing
        let report = try BundleExporter(reader).export(trial, to: output, options: options)
        if json {
          try printJSON(report)
          return
        }
        print(
          "\(output)/: trial \(report.trial), \(short(report.macs)) MACs, "
            + "\(short(report.params)) parameters, "
            + (report.latency.map { "\(short(latency: $0)), " } ?? "")
            + "\(percent(report.accuracy.bundle)) of "
            + "\(report.accuracy.images) hold-out images")
        print(
          "weights.safetensors and model.onnx read back and checked: largest difference of a logit "
            + String(format: "%.1e", report.largestLogitDifference))
      }
    }

    private var choice: StudyReader.Choice {
      if let number = Int(network) { return .trial(number) }
      if let budget { return .within(budget.budget) }
      return .best
    }

    /// A count with an optional unit, `4M`, `300k`, `2G`, or a time, `2ms`, `300us`.
    struct Limit: ExpressibleByArgument {
      var budget: Budget

      init?(argument: String) {
        if let count = try? ScalarRules.count(argument), count > 0 {
          budget = Budget(.macs, atMost: count)
        } else if let time = try? ScalarRules.nanoseconds(argument), time > 0 {
          budget = Budget(.latency, atMost: time)
        } else {
          return nil
        }
      }
    }
  }
}
