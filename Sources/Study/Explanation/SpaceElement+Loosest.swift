import SearchSpace

// What a part of a space would be if nothing kept its networks from being small: to find the part that
// stands in the way of a budget.

extension SpaceElement {
  /// The part with the smallest of every size on offer too; `nil` if it has no sizes of its own.
  ///
  /// Of alternatives all are so; which there are stays as it is.
  var loosest: (any SpaceElement)? {
    switch self {
    case var convolution as Convolution:
      convolution.width = convolution.width.withOne
      convolution.kernel = convolution.kernel.withOne
      return convolution
    case var depthwise as DepthwiseConvolution:
      depthwise.kernel = depthwise.kernel.withOne
      return depthwise
    case var stage as Stage:
      stage.width = stage.width.withOne
      stage.depth = stage.depth.withOne
      stage.block = stage.block.loosest
      return stage
    case var linear as Linear:
      guard let width = linear.width else { return nil }
      linear.width = width.withOne
      return linear
    case var choice as OneOf:
      for index in choice.alternatives.indices {
        choice.alternatives[index].elements = choice.alternatives[index].elements.map {
          $0.loosest ?? $0
        }
      }
      return choice
    default: return nil
    }
  }
}

extension StageBlock {
  /// The block with one inner channel, or the least multiple, and a kernel of 1 on offer too.
  fileprivate var loosest: any StageBlock {
    switch self {
    case var block as Basic:
      (block.inner, block.kernel) = (block.inner.withOne, block.kernel.withOne)
      return block
    case var block as Bottleneck:
      (block.inner, block.kernel) = (block.inner.withOne, block.kernel.withOne)
      return block
    case var block as InvertedResidual:
      (block.inner, block.kernel) = (block.inner?.withOne, block.kernel.withOne)
      return block
    case var block as DepthwiseSeparable:
      block.kernel = block.kernel.withOne
      return block
    case var block as Plain:
      block.kernel = block.kernel.withOne
      return block
    case var block as Fire:
      block.squeeze = block.squeeze.withOne
      return block
    default: return self
    }
  }
}

extension Inner {
  fileprivate var withOne: Inner {
    switch size {
    case .widths(let first, let others): Inner(first: first.withOne, others: others.withOne)
    case .multiple(let factor):
      factor.denominator == 1
        ? .times(factor.choices.withOne, divisor: factor.divisor)
        : .percent(factor.choices.withOne, divisor: factor.divisor)
    }
  }
}

extension Choices {
  fileprivate var withOne: Choices { Choices(values + [1]) }
}
