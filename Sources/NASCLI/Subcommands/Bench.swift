import ArgumentParser
import Foundation
import Study

extension NAS {
  struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Measure how fast the engine is on this machine.",
      discussion: """
        Trains and scores subnets of supernets on random images of 32×32 pixels. \
        OMP_NUM_THREADS sets the number of threads. 'make benchmark' does the same work with \
        PyTorch and compares.
        """)

    @Option(help: "resnet20, mobilenet_v2 or all; other depths of resnet too.")
    var net = "all"

    @Option(help: "\(Bench.precisionNames.joined(separator: ", ")) or all.")
    var precision = "all"

    @Option(help: "Supernet steps measured, after one that is not; 0 trains nothing.")
    var steps = 4

    @Option(help: "Images in a step, and computed at a time in scoring.")
    var batch = 128

    @Option(help: "What all widths are multiplied by.")
    var width = 1.0

    @Flag(help: "Score the candidates of a greedy step too.")
    var greedy = false

    @Option(help: "Score so many candidates together, in place of a greedy step.")
    var candidates: Int?

    @Flag(help: "Show instead where the time of a training pass goes, operation by operation.")
    var operations = false

    @Option(
      parsing: .upToNextOption,
      help: ArgumentHelp(
        "Compare the strategies instead, on the tables of these search files.", valueName: "file"))
    var strategies: [String] = []

    @Option(help: "How many searches each strategy is compared by.")
    var seeds = 50

    @Option(help: "A folder to draw the comparison into, as SVG.")
    var charts: String?

    @Flag(help: "Print one line of JSON for each network and precision.")
    var json = false

    static let precisionNames = EngineBenchmark.Precision.allCases.map { "\($0)" }

    func validate() throws {
      guard !networks.isEmpty else {
        throw ValidationError("There is no network '\(net)'; there are resnet20 and mobilenet_v2.")
      }
      guard !precisions.isEmpty else {
        throw ValidationError(
          "There is no precision '\(precision)'; there is \(Self.precisionNames.joined(separator: ", "))."
        )
      }
      guard 0...10_000 ~= steps else { throw ValidationError("--steps must lie in 0 to 10000.") }
      guard 1...4096 ~= batch else { throw ValidationError("--batch must lie in 1 to 4096.") }
      guard 0.01...10 ~= width else { throw ValidationError("--width must lie in 0.01 to 10.") }
      guard 1...100_000 ~= seeds else { throw ValidationError("--seeds must lie in 1 to 100000.") }
      guard 1...10_000 ~= candidates ?? 1 else {
        throw ValidationError("--candidates must lie in 1 to 10000.")
      }
    }

    func run() throws {
      try reportingErrors {
        guard strategies.isEmpty else {
          for file in strategies { try compareStrategies(on: file) }
          return
        }
        guard !operations else {
          for network in networks {
            for precision in precisions {
              let table = try OperationTable(
                of: network, precision: precision.elementType, batch: batch)
              print("\(network.name), \(precision)\n\n\(OperationView(table: table).text)\n")
            }
          }
          return
        }
        var results: [EngineFigures] = []
        for network in networks {
          for precision in precisions {
            let figures = try EngineBenchmark(network, precision: precision, settings: settings)
              .run()
            if json { try printJSONLine(figures) }
            results.append(figures)
          }
        }
        if !json { print(EngineView(results: results).text) }
      }
    }

    /// Prints how the strategies do on a table.
    private func compareStrategies(on file: String) throws {
      let benchmark = try StrategyBenchmark(of: Plan(contentsOf: file))
      let view = StrategiesView(
        benchmark: benchmark,
        figures: try StrategyBenchmark.names.map { try benchmark.figures(of: $0, seeds: seeds) },
        seconds: try StrategyBenchmark.names.map {
          try StrategyBenchmark.secondsForThousandProposals(of: $0)
        }, seeds: seeds)
      print(view.text + "\n")
      guard let charts else { return }
      for (name, chart) in [("regret", view.regretChart), ("hypervolume", view.hypervolumeChart)] {
        let path = "\(charts)/\(benchmark.space)-\(name).svg"
        try Data(chart.utf8).write(to: URL(fileURLWithPath: path))
      }
    }

    private var networks: [EngineBenchmark.Network] {
      net == "all" ? EngineBenchmark.Network.all : [EngineBenchmark.Network(net)].compactMap(\.self)
    }

    private var precisions: [EngineBenchmark.Precision] {
      EngineBenchmark.Precision.allCases.filter { precision == "all" || precision == "\($0)" }
    }

    private var settings: EngineBenchmark.Settings {
      var settings = EngineBenchmark.Settings()
      settings.steps = steps
      settings.batch = batch
      settings.width = width
      settings.together = candidates.map { .candidates($0) } ?? (greedy ? .greedyStep : nil)
      return settings
    }
  }
}
