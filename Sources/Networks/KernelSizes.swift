public import Kernels
public import SearchSpace

// What descriptions of networks are to kernels.

extension Value {
  func tensor(in values: [NormalizedTensor], images: Tensor) -> NormalizedTensor {
    switch self {
    case .image: NormalizedTensor(images)
    case .layer(let index): values[index]
    }
  }
}

extension Shape {
  /// The shape of a batch of activations.
  public func tensorShape(batch: Int) -> TensorShape {
    TensorShape(batch: batch, height: height, width: width, channels: channels)
  }
}

extension Layer {
  func sizes(_ convolution: ConvolutionOperation, batch: Int) -> ConvolutionSizes {
    let groups =
      if case .groups(let count) = convolution.grouping { count } else { 1 }
    return ConvolutionSizes(
      input: input.tensorShape(batch: batch), channels: output.channels,
      kernel: convolution.kernel, stride: convolution.stride,
      isDepthwise: convolution.isDepthwise, groups: groups)
  }

  func sizes(_ pool: PoolOperation, batch: Int) -> PoolingSizes {
    PoolingSizes(
      input: input.tensorShape(batch: batch), output: output.tensorShape(batch: batch),
      kernel: pool.kernel, stride: pool.stride, padding: pool.padding,
      takesMaximum: pool.kind == .max)
  }
}

extension Layer {
  /// The function applied last.
  var activation: Activation {
    switch operation {
    case .convolution(let convolution): convolution.activation
    case .normalize(let activation), .activate(let activation), .linear(let activation): activation
    case .pool, .globalAveragePool, .scale, .concatenate: .none
    }
  }
}

extension Activation {
  /// The function as one that is applied whenever a value is read; `nil` if it cannot be.
  var nonlinearity: Nonlinearity? {
    switch self {
    case .none: Nonlinearity.none
    case .relu: .relu
    case .relu6: .relu6
    case .swish, .hardSwish, .sigmoid: nil
    }
  }

  /// The function as a pass of its own; `nil` for the identity.
  var function: PointwiseFunction? {
    switch self {
    case .none: nil
    case .relu: .relu
    case .relu6: .relu6
    case .swish: .swish
    case .hardSwish: .hardSwish
    case .sigmoid: .sigmoid
    }
  }
}
