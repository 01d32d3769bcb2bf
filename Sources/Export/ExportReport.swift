/// What a bundle says about its network, as `report.json`.
public struct ExportReport: Codable, Hashable, Sendable {
  public var schema = "nas.report/1"

  /// Where the network comes from.
  public var study: String
  public var trial: Int
  public var strategy: String
  public var seed: UInt64

  /// Whose weights these are: `shared`, the supernet's, or `retrained`, the network's own.
  public var fidelity: String

  public var macs: Int
  public var params: Int

  /// Nanoseconds in which the study predicted the network to classify a batch; `nil` if it knew of no
  /// latencies.
  public var latency: Int?

  /// What the same hold-out images gave, through the network in the store and through each of the
  /// files.
  public var accuracy: Accuracy

  /// The largest difference of any logit from that of the network in the store.
  public var largestLogitDifference: Double

  public var onnx: ONNX

  /// How the statistics of batch normalisation were made.
  public var calibration: Calibration

  /// How an image becomes the network's input: (pixel / 255 - mean) / deviation, by channel.
  public var preprocessing: Preprocessing

  /// What the classes are called, in the order of the logits; none where the data does not say.
  public var classNames: [String]?

  /// Hashes that tie the bundle to the study: of plan, data, hold-out and weights.
  public var planHash: String
  public var dataHash: String
  public var holdOutHash: String
  public var weightsHash: String

  public struct Accuracy: Codable, Hashable, Sendable {
    public var images: Int

    /// What was found on these images when the network was scored, if it was on all of them.
    public var recorded: Double?

    /// Through the network in the store: the supernet's slice, or the retrained network.
    public var supernet: Double

    /// Through the network rebuilt from `architecture.yaml` and `weights.safetensors`.
    public var bundle: Double

    /// Through `model.onnx`, read back and computed node by node.
    public var onnx: Double

    /// The 95 % interval of the accuracy.
    public var low: Double
    public var high: Double

    public init(
      images: Int, recorded: Double?, supernet: Double, bundle: Double, onnx: Double, low: Double,
      high: Double
    ) {
      self.images = images
      self.recorded = recorded
      self.supernet = supernet
      self.bundle = bundle
      self.onnx = onnx
      self.low = low
      self.high = high
    }
  }

  /// What `model.onnx` is like.
  public struct ONNX: Codable, Hashable, Sendable {
    public var opset = Int(ONNXFormat.opset)
    public var irVersion = Int(ONNXFormat.irVersion)

    /// Whether batch normalisations are `folded` into the convolutions or `kept`.
    public var batchNormalization: String

    /// What the image consists of: `float32`, normalised, or `uint8` pixels.
    public var input: String

    public init(_ options: ONNXOptions) {
      batchNormalization = options.keepsNormalization ? "kept" : "folded"
      input = options.preprocessing == nil ? "float32" : "uint8"
    }

    enum CodingKeys: String, CodingKey {
      case opset
      case irVersion = "ir_version"
      case batchNormalization = "batch_normalization"
      case input
    }
  }

  public struct Calibration: Codable, Hashable, Sendable {
    /// Training images, without augmentation.
    public var images: Int
    public var batch: Int
    public var method: String

    public init(images: Int, batch: Int, method: String) {
      self.images = images
      self.batch = batch
      self.method = method
    }
  }

  public struct Preprocessing: Codable, Hashable, Sendable {
    public var mean: [Double]
    public var deviation: [Double]

    /// How images of any size were brought to the network's before, if they were.
    public var resize: String?

    public init(mean: [Double], deviation: [Double], resize: String? = nil) {
      self.mean = mean
      self.deviation = deviation
      self.resize = resize
    }
  }

  public init(
    study: String, trial: Int, strategy: String, seed: UInt64, fidelity: String, macs: Int,
    params: Int, latency: Int? = nil, accuracy: Accuracy, largestLogitDifference: Double,
    onnx: ONNX,
    calibration: Calibration, preprocessing: Preprocessing, planHash: String, dataHash: String,
    holdOutHash: String,
    weightsHash: String
  ) {
    self.study = study
    self.trial = trial
    self.strategy = strategy
    self.seed = seed
    self.fidelity = fidelity
    self.macs = macs
    self.params = params
    self.latency = latency
    self.accuracy = accuracy
    self.largestLogitDifference = largestLogitDifference
    self.onnx = onnx
    self.calibration = calibration
    self.preprocessing = preprocessing
    self.planHash = planHash
    self.dataHash = dataHash
    self.holdOutHash = holdOutHash
    self.weightsHash = weightsHash
  }

  enum CodingKeys: String, CodingKey {
    case schema, study, trial, strategy, seed, fidelity, macs, params, accuracy
    case latency = "latency_ns"
    case largestLogitDifference = "largest_logit_difference"
    case onnx, calibration, preprocessing
    case classNames = "class_names"
    case planHash = "plan_hash"
    case dataHash = "data_hash"
    case holdOutHash = "hold_out_hash"
    case weightsHash = "weights_hash"
  }
}
