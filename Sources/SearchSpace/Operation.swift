/// What a layer computes.
public enum Operation: Hashable, Codable, Sendable {
  /// A convolution; then normalisation or a bias; then the operand is added, if there is one; then
  /// the activation.
  case convolution(ConvolutionOperation)

  /// Batch normalisation on its own, and an activation.
  case normalize(activation: Activation)

  /// An activation on its own.
  case activate(Activation)

  /// The maximum or the mean of each channel over a window.
  case pool(PoolOperation)

  /// The mean of each channel over height and width.
  case globalAveragePool

  /// A matrix product with bias, and an activation.
  ///
  /// Of a map it reads one channel after the other, each row by row, so that the first channels
  /// meet the first columns of the matrix.
  case linear(activation: Activation)

  /// Multiplies each channel of the source by its gate, the operand, of shape channels×1×1.
  case scale

  /// The channels of the source, then those of the operand, which has the same height and width.
  case concatenate
}

/// The settings of a convolution layer; its sizes are the layer's shapes.
public struct ConvolutionOperation: Hashable, Codable, Sendable {
  /// The side of the square window, odd; zeros pad the map by half of it, rounded down.
  public var kernel: Int

  /// The step of the window in both directions.
  public var stride: Int

  /// Which channels each sum takes in.
  public var grouping: Grouping

  /// What is done to the sums.
  public var completion: Completion

  public var activation: Activation

  public init(
    kernel: Int, stride: Int = 1, grouping: Grouping = .none,
    completion: Completion = .normalization, activation: Activation
  ) {
    self.kernel = kernel
    self.stride = stride
    self.grouping = grouping
    self.completion = completion
    self.activation = activation
  }

  /// Whether each channel is convolved on its own.
  public var isDepthwise: Bool { grouping == .depthwise }

  /// Which channels of its input a channel of a convolution's output depends on.
  public enum Grouping: Hashable, Codable, Sendable {
    /// All of them.
    case none
    /// The one of the same index.
    case depthwise
    /// Those of its group, when input and output are cut into this many groups of equal size.
    case groups(Int)

    /// The grouping of so many groups, by its shortest name.
    public init(groups: Int, reading input: Int, computing output: Int) {
      self =
        groups == 1
        ? .none : groups == input && groups == output ? .depthwise : .groups(groups)
    }

    /// How many groups a convolution of so many channels has.
    public func count(channels: Int) -> Int {
      switch self {
      case .none: 1
      case .depthwise: channels
      case .groups(let count): count
      }
    }
  }

  /// What is done to a convolution's sums before anything is added to them.
  public enum Completion: String, Hashable, Codable, Sendable, CaseIterable {
    /// Batch normalisation, with a scale and a shift for each channel.
    case normalization
    /// A number for each channel is added.
    case bias
    /// Nothing.
    case none
  }
}

/// The settings of a pooling layer.
///
/// Windows are cut off where they leave the map: a mean is taken over the elements inside.
public struct PoolOperation: Hashable, Codable, Sendable {
  public var kind: Kind

  /// The side of the square window.
  public var kernel: Int

  /// The step of the window in both directions.
  public var stride: Int

  /// How far the first window begins before the map; at most half of ``kernel``.
  public var padding: Int

  /// Whether a last window is kept that reaches beyond the map and its padding.
  public var roundsUp: Bool

  /// Creates a pooling; the default padding centres an odd window and is nothing for one of two.
  public init(
    _ kind: Kind, kernel: Int, stride: Int, padding: Int? = nil, roundsUp: Bool = false
  ) {
    self.kind = kind
    self.kernel = kernel
    self.stride = stride
    self.padding = padding ?? (kernel - 1) / 2
    self.roundsUp = roundsUp
  }

  public enum Kind: String, Hashable, Codable, Sendable, CaseIterable {
    case max
    case average
  }

  /// The side of what is computed from a map of this side; less than 1 if no window fits.
  public func side(of side: Int) -> Int {
    let room = side + 2 * padding - kernel
    guard room >= 0 else { return roundsUp ? 1 : 0 }
    guard roundsUp else { return room / stride + 1 }
    let count = (room + stride - 1) / stride + 1
    // A window that begins behind the map has nothing to look at.
    return (count - 1) * stride >= side + padding ? count - 1 : count
  }
}

/// The function applied to each element of a layer's output.
public enum Activation: String, Hashable, Codable, Sendable, CaseIterable {
  /// The identity.
  case none
  /// max(x, 0)
  case relu
  /// min(max(x, 0), 6)
  case relu6
  /// x / (1 + exp(−x))
  case swish
  /// x · min(max(x + 3, 0), 6) / 6
  case hardSwish = "hard-swish"
  /// 1 / (1 + exp(−x))
  case sigmoid
}

// MARK: - Shapes

extension Operation {
  /// The shape computed.
  ///
  /// - Parameters:
  ///   - input: The shape of the source.
  ///   - operand: The shape of the operand, if there is one.
  ///   - channels: How many channels a convolution or a linear layer computes; the others have as
  ///     many as they are given.
  /// - Returns: The shape, of which nothing need be positive if the layer is impossible.
  public func output(of input: Shape, operand: Shape? = nil, channels: Int) -> Shape {
    var output = input
    switch self {
    case .convolution(let convolution):
      // Padding of half a window: a stride divides the side and rounds up.
      output.channels = channels
      output.height = (input.height + convolution.stride - 1) / convolution.stride
      output.width = (input.width + convolution.stride - 1) / convolution.stride
    case .pool(let pool):
      output.height = pool.side(of: input.height)
      output.width = pool.side(of: input.width)
    case .globalAveragePool:
      (output.height, output.width) = (1, 1)
    case .linear:
      output = Shape(channels: channels, height: 1, width: 1)
    case .concatenate:
      output.channels += operand?.channels ?? 0
    case .normalize, .activate, .scale:
      break
    }
    return output
  }

  /// Says why a layer cannot have these shapes, as the end of a sentence that its name begins.
  ///
  /// - Returns: `nil` if it can.
  public func misfit(reading input: Shape, operand: Shape?, computing output: Shape) -> String? {
    guard input.isPossible, output.isPossible else { return "has an impossible shape" }
    switch self {
    case .convolution(let convolution):
      let groups = convolution.grouping.count(channels: input.channels)
      guard convolution.kernel > 0, convolution.kernel % 2 == 1,
        convolution.stride > 0,
        // A single element leaves pixels out at any stride.
        convolution.kernel == 1 || convolution.stride <= convolution.kernel + 1
      else {
        return "has an impossible window"
      }
      guard groups > 0, input.channels % groups == 0, output.channels % groups == 0 else {
        return "has \(groups) groups of \(input.channels) channels"
      }
      if convolution.isDepthwise && input.channels != output.channels {
        return "changes the channels"
      }
      if let operand, operand != output { return "adds a value of another shape" }
    case .pool(let pool):
      guard pool.kernel > 0, pool.stride > 0, 0...pool.kernel / 2 ~= pool.padding else {
        return "has an impossible window"
      }
    case .scale:
      guard operand == Shape(channels: input.channels, height: 1, width: 1) else {
        return "needs one gate for each channel"
      }
    case .concatenate:
      guard let operand, (operand.height, operand.width) == (input.height, input.width) else {
        return "needs a second map of the same size"
      }
    case .normalize, .activate, .globalAveragePool, .linear: break
    }
    if operand != nil && !takesOperand { return "takes no second value" }
    guard output == self.output(of: input, operand: operand, channels: output.channels) else {
      return "computes another shape"
    }
    return nil
  }

  private var takesOperand: Bool {
    switch self {
    case .convolution, .scale, .concatenate: true
    case .normalize, .activate, .pool, .globalAveragePool, .linear: false
    }
  }
}

extension Shape {
  /// Whether there is something of it, and its elements can be counted.
  fileprivate var isPossible: Bool {
    [channels, height, width].allSatisfy { (1...1 << 20).contains($0) }
  }
}
