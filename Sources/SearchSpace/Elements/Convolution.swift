/// One convolution, with what follows it.
public struct Convolution: SpaceElement {
  public var name: String?
  public var width: Choices
  public var kernel: Choices
  public var stride: Int
  public var groups: Int
  public var completion: ConvolutionOperation.Completion
  public var activation: Activation

  /// Creates a convolution.
  ///
  /// - Parameters:
  ///   - name: The layer's name; by default `conv` and its number.
  ///   - width: The channels computed.
  ///   - kernel: The side of the window, odd.
  ///   - stride: The step of the window.
  ///   - groups: How many groups the channels read and computed are cut into.
  ///   - completion: What follows the sums.
  ///   - activation: The function applied at last.
  public init(
    name: String? = nil, width: Choices, kernel: Choices, stride: Int = 1,
    groups: Int = 1, completion: ConvolutionOperation.Completion = .normalization,
    activation: Activation = .relu
  ) {
    self.name = name
    self.width = width
    self.kernel = kernel
    self.stride = stride
    self.groups = groups
    self.completion = completion
    self.activation = activation
  }

  public func add(to blueprint: inout Blueprint) throws(SearchSpaceError) {
    let name = blueprint.name(name, kind: "conv")
    let group = try blueprint.addGroup(name, width, producer: name)
    let window = try blueprint.window(name, kernel)
    var operation = ConvolutionOperation(
      kernel: window.largest, stride: stride, completion: completion, activation: activation)
    if groups > 1 {
      operation.grouping = .groups(groups)
      for read in blueprint.stream.sorted() + [group] {
        try blueprint.restrict(read, toMultiplesOf: groups, for: name)
      }
    }
    try blueprint.addBlock(
      name,
      [
        LayerTemplate(
          name: name, operation: .convolution(operation), source: .blockInput,
          channels: .group(group), kernel: window.question)
      ])
  }
}

/// A convolution of each channel on its own.
public struct DepthwiseConvolution: SpaceElement {
  public var name: String?
  public var kernel: Choices
  public var stride: Int
  public var completion: ConvolutionOperation.Completion
  public var activation: Activation

  /// Creates a depthwise convolution; the parameters are those of ``Convolution``.
  public init(
    name: String? = nil, kernel: Choices, stride: Int = 1,
    completion: ConvolutionOperation.Completion = .normalization, activation: Activation = .relu
  ) {
    self.name = name
    self.kernel = kernel
    self.stride = stride
    self.completion = completion
    self.activation = activation
  }

  public func add(to blueprint: inout Blueprint) throws(SearchSpaceError) {
    let name = blueprint.name(name, kind: "depthwise")
    let window = try blueprint.window(name, kernel)
    try blueprint.addBlock(
      name,
      [
        LayerTemplate(
          name: name,
          operation: .convolution(
            ConvolutionOperation(
              kernel: window.largest, stride: stride, grouping: .depthwise,
              completion: completion, activation: activation)),
          source: .blockInput, channels: .like(.blockInput), kernel: window.question)
      ])
  }
}
