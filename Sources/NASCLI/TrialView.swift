import SearchSpace
import TrialStore

/// One trial, ready to be shown.
struct TrialView {
  let study: Study
  let trial: Trial
  let network: Network
  let sizes: [String: Int]
  let scores: [RecordedScore]

  /// How long the layers of the study's networks take, if it asks.
  let latencies: LatencyTable?

  var text: String {
    let cost = network.cost
    var lines = [
      "trial \(trial.number) of study \(study.name)"
        + (trial.role.map { ", \($0)" } ?? "") + (trial.chosen ? ", chosen" : ""),
      "\(cost.macs) MACs, \(cost.parameters) parameters"
        + (trial.latency.map { ", \(short(latency: $0))" } ?? ""), "",
      network.layerTable(latencies), "",
    ]
    if let latencies { lines += ["latency \(latencies.summary)", ""] }
    if scores.isEmpty {
      lines.append("not scored; 'nas retrain \(trial.number)' trains it")
    }
    for score in scores {
      let accuracy = score.accuracy.map { percent($0) } ?? "no number"
      let interval =
        score.interval.map {
          " (\(percent($0.lowerBound, decimals: 1)) – \(percent($0.upperBound, decimals: 1)))"
        } ?? ""
      lines.append(
        "\(accuracy)\(interval) of \(score.images) \(score.isTest ? "test" : "hold-out") images, "
          + "\(score.fidelity.rawValue) weights \(score.weightsHash), "
          + "BatchNorm \(score.calibration)" + (score.isKnown ? ", known before" : "")
          + (score.isTest ? ", looked at \(instant(score.createdAt))" : ""))
    }
    return lines.joined(separator: "\n")
  }

  struct Document: Encodable {
    var schema = "nas.show/1"
    var study: String
    var trial: Int
    var role: String?
    var chosen: Bool
    var macs: Int
    var params: Int
    var latency: Int?
    var architecture: [String: Int]
    var layers: [LayerEntry]
    var scores: [ScoreEntry]

    enum CodingKeys: String, CodingKey {
      case schema, study, trial, role, chosen, macs, params, architecture, layers, scores
      case latency = "latency_ns"
    }

    struct LayerEntry: Encodable {
      var name: String
      var operation: String
      var input: [Int]
      var output: [Int]
      var kernel: Int?
      var stride: Int?
      var groups: Int?
      var activation: String?
      var macs: Int
      var params: Int
    }

    struct ScoreEntry: Encodable {
      var fidelity: String
      var accuracy: Double?
      var low: Double?
      var high: Double?
      var loss: Double?
      var correct: Int
      var images: Int
      var test: Bool
      var calibration: String
      var weights: String
      var known: Bool
    }
  }

  var document: Document {
    Document(
      study: study.name, trial: trial.number, role: trial.role, chosen: trial.chosen,
      macs: network.cost.macs, params: network.cost.parameters, latency: trial.latency,
      architecture: sizes,
      layers: network.layers.map(Document.LayerEntry.init),
      scores: scores.map { score in
        Document.ScoreEntry(
          fidelity: score.fidelity.rawValue, accuracy: score.accuracy,
          low: score.interval?.lowerBound, high: score.interval?.upperBound, loss: score.loss,
          correct: score.correct, images: score.images, test: score.isTest,
          calibration: score.calibration, weights: score.weightsHash, known: score.isKnown)
      })
  }
}

extension TrialView.Document.LayerEntry {
  init(_ layer: Layer) {
    func sizes(_ shape: Shape) -> [Int] { [shape.channels, shape.height, shape.width] }
    self.init(
      name: layer.name, operation: layer.operation.name, input: sizes(layer.input),
      output: sizes(layer.output), macs: layer.cost.macs, params: layer.cost.parameters)
    guard case .convolution(let convolution) = layer.operation else { return }
    kernel = convolution.kernel
    stride = convolution.stride
    groups = convolution.grouping.count(channels: layer.input.channels)
    activation = convolution.activation.rawValue
  }
}

extension Operation {
  fileprivate var name: String {
    switch self {
    case .convolution: "convolution"
    case .normalize: "normalization"
    case .activate: "activation"
    case .pool(let pool): "\(pool.kind.rawValue)-pool"
    case .globalAveragePool: "global-average-pool"
    case .linear: "linear"
    case .scale: "scale"
    case .concatenate: "concatenate"
    }
  }

  var summary: String {
    switch self {
    case .convolution(let convolution):
      "\(convolution.kernel)×\(convolution.kernel)"
        + convolution.grouping.summary
        + (convolution.stride > 1 ? ", stride \(convolution.stride)" : "")
        + (convolution.completion == .normalization ? "" : ", not normalized")
        + convolution.activation.summary
    case .normalize(let activation): "normalization" + activation.summary
    case .activate(let activation): activation.rawValue
    case .pool(let pool):
      "\(pool.kind.rawValue) over \(pool.kernel)×\(pool.kernel), stride \(pool.stride)"
    case .globalAveragePool: "average over the map"
    case .linear(let activation): "linear" + activation.summary
    case .scale: "channels times their gates"
    case .concatenate: "two maps behind each other"
    }
  }
}

extension ConvolutionOperation.Grouping {
  fileprivate var summary: String {
    switch self {
    case .none: ""
    case .depthwise: " depthwise"
    case .groups(let count): " in \(count) groups"
    }
  }
}

extension Activation {
  fileprivate var summary: String { self == .none ? "" : ", \(rawValue)" }
}
