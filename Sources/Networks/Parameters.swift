public import Kernels
public import SearchSpace

/// The trained numbers of a network, their gradients and their momentum, each in one block.
///
/// A supernet has the parameters of its largest network. A subnet uses the first channels of the
/// layers it has, in place: nothing is copied.
///
/// Names are the layer's with `weight` for a convolution or linear layer, with `norm.weight` and
/// `norm.bias` for the normalisation behind it, and with `bias` where there is a bias instead. A layer
/// that normalises each of several widths on its own has `norm.16.weight` for that of 16 channels,
/// and so on.
public final class Parameters {
  /// One array of numbers.
  public struct Entry: Hashable, Sendable {
    public let name: String
    public let kind: Kind

    /// Sizes, outermost first: `[output, input, kernel, kernel]`, `[output, input]` or
    /// `[channels]`.
    public let sizes: [Int]

    /// Where the array starts in the block.
    public let offset: Int

    public var count: Int { sizes.reduce(1, *) }
  }

  /// What an array of numbers is for.
  public enum Kind: Hashable, Sendable {
    case convolution
    case depthwiseConvolution
    case linear
    case bias
    case normalizationScale
    case normalizationShift

    /// Whether weight decay applies; it spares what has few numbers or none to compare with.
    public var decays: Bool { self == .convolution || self == .linear }
  }

  /// The arrays in the order of the layers.
  public let entries: [Entry]

  let weights: Tensor
  let gradients: Tensor
  let velocities: Tensor
  private let indices: [String: Int]

  /// Creates the parameters of a network, all zero.
  ///
  /// - Throws: ``KernelError`` if no memory can be reserved.
  public convenience init(of network: Network) throws(KernelError) {
    try self.init(of: network.layers)
  }

  /// Creates the parameters of layers, such as those of a supernet, all zero.
  ///
  /// - Parameters:
  ///   - layers: The layers.
  ///   - widths: The numbers of channels for each of which a layer normalises on its own, by the
  ///     layer's name.
  /// - Throws: ``KernelError`` if no memory can be reserved.
  public init(of layers: [Layer], widths: [String: [Int]] = [:]) throws(KernelError) {
    var entries: [Entry] = []
    var offset = 0
    for layer in layers {
      for (suffix, kind, sizes) in layer.parameterArrays(normalizing: widths[layer.name]) {
        let entry = Entry(name: "\(layer.name).\(suffix)", kind: kind, sizes: sizes, offset: offset)
        entries.append(entry)
        offset += (entry.count + 15) / 16 * 16  // arrays start at cache lines
      }
    }
    self.entries = entries
    indices = Dictionary(uniqueKeysWithValues: zip(entries.map(\.name), entries.indices))
    let shape = TensorShape(rows: 1, channels: offset)
    let bytes = (offset * MemoryLayout<Float>.stride + 63) / 64 * 64
    let arena = try Arena(capacity: max(1 << 16, 3 * bytes))
    weights = arena.zeros(shape)
    gradients = arena.zeros(shape)
    velocities = arena.zeros(shape)
  }

  /// Draws new weights.
  ///
  /// Convolutions: normal of deviation √(2 / (kernel² · outputs)). Linear layers: normal of
  /// deviation 0.01. Scales 1, shifts and biases 0. These are the values of the slimmable networks.
  public func initialize(seed: UInt64) {
    var generator = SeededGenerator(seed: seed, stream: "weights")
    for entry in entries {
      let deviation: Double
      switch entry.kind {
      case .convolution, .depthwiseConvolution:
        deviation = (2 / Double(entry.sizes[0] * entry.sizes[2] * entry.sizes[3])).squareRoot()
      case .linear: deviation = 0.01
      case .normalizationScale, .normalizationShift, .bias: deviation = 0
      }
      let center: Double = entry.kind == .normalizationScale ? 1 : 0
      array(of: entry, in: weights).copy(
        (0..<entry.count).map { _ in
          Float(deviation == 0 ? center : deviation * generator.normal())
        })
    }
    velocities.fill(with: 0)
  }

  /// Sets all gradients to zero.
  public func clearGradients() { gradients.fill(with: 0) }

  /// Adds the gradient of an L1 penalty on all numbers of one kind.
  ///
  /// A number that is zero has none.
  public func addPenalty(_ weight: Double, on kind: Kind) {
    for entry in entries where entry.kind == kind {
      addToGradient(
        values(of: entry).map { $0 == 0 ? 0 : $0 > 0 ? Float(weight) : -Float(weight) },
        of: entry.name)
    }
  }

  /// Takes one step of gradient descent with momentum.
  public func step(_ optimizer: MomentumOptimizer, rate: Double, engine: Engine) {
    for entry in entries {
      engine.momentumStep(
        weight: array(of: entry, in: weights), gradient: array(of: entry, in: gradients),
        velocity: array(of: entry, in: velocities), rate: Float(rate),
        momentum: Float(optimizer.momentum),
        decay: entry.kind.decays ? Float(optimizer.weightDecay) : 0,
        isNesterov: optimizer.isNesterov)
    }
  }

  /// Moves the weights towards those of the same network in training: a step of a moving average.
  ///
  /// - Parameters:
  ///   - other: Parameters of the same arrays.
  ///   - share: The part of the way that is gone, from 0 to 1.
  public func approach(_ other: Parameters, by share: Float) {
    precondition(entries == other.entries, "parameters of another network")
    weights.withElements { average in
      other.weights.withElements { present in
        for index in 0..<average.count {
          average[index] += share * (present[index] - average[index])
        }
      }
    }
  }

  // MARK: Arrays by name

  /// Finds an array.
  public subscript(name: String) -> Entry? { indices[name].map { entries[$0] } }

  /// A copy of an array's values.
  public func values(of entry: Entry) -> [Float] { array(of: entry, in: weights).elements }

  /// Replaces an array's values.
  public func set(_ entry: Entry, to values: [Float]) {
    array(of: entry, in: weights).copy(values)
  }

  /// A copy of an array's gradient.
  public func gradient(of entry: Entry) -> [Float] { array(of: entry, in: gradients).elements }

  /// A copy of an array's momentum.
  public func velocity(of entry: Entry) -> [Float] { array(of: entry, in: velocities).elements }

  /// Replaces an array's momentum.
  public func setVelocity(of entry: Entry, to values: [Float]) {
    array(of: entry, in: velocities).copy(values)
  }

  private func array(of entry: Entry, in block: Tensor) -> Tensor {
    block.part(at: entry.offset, TensorShape(rows: 1, channels: entry.count))
  }

  // MARK: Slices for a layer

  /// The first weights of an array of two or more sizes.
  func weightView(_ name: String, gradient: Bool = false) -> WeightView {
    let entry = require(name)
    return WeightView(
      array(of: entry, in: gradient ? gradients : weights), rowStride: entry.count / entry.sizes[0])
  }

  /// A convolution's weights.
  ///
  /// Those of a window smaller than the largest are its middle, copied.
  func weights(
    of layer: Layer, _ convolution: ConvolutionOperation, in arena: Arena
  ) -> WeightView {
    guard let crop = crop(of: layer, convolution) else {
      return weightView("\(layer.name).weight")
    }
    let copy = arena.tensor(crop.shape)
    crop.copy(from: array(of: crop.entry, in: weights), to: copy)
    return WeightView(copy, rowStride: crop.rowStride)
  }

  /// Where the gradient of a convolution's weights is added, and what is to be done when it has been.
  func weightGradient(
    of layer: Layer, _ convolution: ConvolutionOperation, in arena: Arena
  ) -> (view: WeightView, finish: () -> Void) {
    guard let crop = crop(of: layer, convolution) else {
      return (weightView("\(layer.name).weight", gradient: true), {})
    }
    let copy = arena.zeros(crop.shape)
    let whole = array(of: crop.entry, in: gradients)
    return (WeightView(copy, rowStride: crop.rowStride), { crop.add(copy, to: whole) })
  }

  private func crop(of layer: Layer, _ convolution: ConvolutionOperation) -> WindowCrop? {
    let entry = require("\(layer.name).weight")
    guard entry.sizes[2] > convolution.kernel else { return nil }
    return WindowCrop(entry: entry, kernel: convolution.kernel)
  }

  /// The first values of an array of one size.
  func firstValues(_ count: Int, of name: String) -> [Float] {
    array(of: require(name), in: weights).part(
      at: 0, TensorShape(rows: 1, channels: count)
    ).elements
  }

  /// Adds to the first values of the gradient of an array of one size.
  func addToGradient(_ addend: [Float], of name: String) {
    array(of: require(name), in: gradients).withElements { gradient in
      for index in addend.indices { gradient[index] += addend[index] }
    }
  }

  /// The name of a layer's normalisation: that of its number of channels, if it has several.
  func normalization(of layer: Layer, channels: Int? = nil) -> String {
    let own = "\(layer.name).norm.\(channels ?? layer.output.channels)"
    return self["\(own).weight"] == nil ? "\(layer.name).norm" : own
  }

  private func require(_ name: String) -> Entry {
    guard let entry = self[name] else { preconditionFailure("there is no parameter '\(name)'") }
    return entry
  }
}

/// The middle of the windows of an array of weights.
private struct WindowCrop {
  let entry: Parameters.Entry
  let kernel: Int

  var shape: TensorShape { TensorShape(rows: entry.sizes[0], channels: rowStride) }

  /// The weights of one output channel.
  var rowStride: Int { entry.sizes[1] * kernel * kernel }

  func copy(from whole: Tensor, to part: Tensor) {
    whole.withElements { whole in
      part.withElements { part in
        forEachWeight { outer, inner in part[inner] = whole[outer] }
      }
    }
  }

  func add(_ part: Tensor, to whole: Tensor) {
    whole.withElements { whole in
      part.withElements { part in
        forEachWeight { outer, inner in whole[outer] += part[inner] }
      }
    }
  }

  /// Calls a closure with the place of each weight of the crop, in the whole and in the crop.
  private func forEachWeight(_ body: (Int, Int) -> Void) {
    let side = entry.sizes[2]
    let margin = (side - kernel) / 2
    for window in 0..<entry.sizes[0] * entry.sizes[1] {
      for y in 0..<kernel {
        for x in 0..<kernel {
          body(
            (window * side + margin + y) * side + margin + x, (window * kernel + y) * kernel + x)
        }
      }
    }
  }
}

extension Layer {
  /// The suffix, kind and sizes of each of the layer's arrays of parameters.
  var parameterArrays: [(String, Parameters.Kind, [Int])] { parameterArrays(normalizing: nil) }

  /// The same with a normalisation for each of several numbers of channels.
  func parameterArrays(normalizing widths: [Int]?) -> [(String, Parameters.Kind, [Int])] {
    switch operation {
    case .convolution(let convolution):
      let inputs = input.channels / convolution.grouping.count(channels: input.channels)
      let sizes = [output.channels, inputs, convolution.kernel, convolution.kernel]
      let weight: (String, Parameters.Kind, [Int]) = (
        "weight", convolution.isDepthwise ? .depthwiseConvolution : .convolution, sizes
      )
      switch convolution.completion {
      case .normalization: return [weight] + normalizationArrays(widths)
      case .bias: return [weight, ("bias", .bias, [output.channels])]
      case .none: return [weight]
      }
    case .normalize:
      return normalizationArrays(widths)
    case .activate, .pool, .globalAveragePool, .scale, .concatenate:
      return []
    case .linear:
      return [
        ("weight", .linear, [output.channels, input.count]), ("bias", .bias, [output.channels]),
      ]
    }
  }

  private func normalizationArrays(_ widths: [Int]?) -> [(String, Parameters.Kind, [Int])] {
    guard let widths else {
      return [
        ("norm.weight", .normalizationScale, [output.channels]),
        ("norm.bias", .normalizationShift, [output.channels]),
      ]
    }
    return widths.flatMap { width in
      [
        ("norm.\(width).weight", .normalizationScale, [width]),
        ("norm.\(width).bias", .normalizationShift, [width]),
      ]
    }
  }
}
