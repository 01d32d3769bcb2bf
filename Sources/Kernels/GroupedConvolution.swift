// Convolutions whose channels are cut into groups: each group is moved out, convolved on its own, and
// moved back.

extension Engine {
  func grouped(
    _ sizes: ConvolutionSizes, input: NormalizedTensor, weights: WeightView, into output: Tensor
  ) throws(KernelError) -> ChannelStatistics {
    var statistics = ChannelStatistics(mean: [], variance: [])
    try forEachGroup(of: sizes, output) { group, y throws(KernelError) in
      let found = try convolve(
        group.sizes, input: channels(group.inputs, of: input),
        weights: weights.dropping(rows: group.outputs.lowerBound), into: y)
      statistics.mean += found.mean
      statistics.variance += found.variance
    }
    return statistics
  }

  func grouped(
    _ sizes: ConvolutionSizes, input: NormalizedTensor, weights: WeightView,
    normalizing: Normalizing, into output: Tensor
  ) throws(KernelError) {
    try forEachGroup(of: sizes, output) { group, y throws(KernelError) in
      try convolve(
        group.sizes, input: channels(group.inputs, of: input),
        weights: weights.dropping(rows: group.outputs.lowerBound),
        normalizing: Normalizing(
          normalizing.transform.channels(group.outputs),
          adding: normalizing.addend.map { channels(group.outputs, of: $0) },
          normalizing.nonlinearity),
        into: y)
    }
  }

  func groupedBackward(
    _ sizes: ConvolutionSizes, input: NormalizedTensor, weights: WeightView,
    gradient: NormalizationGradient, addingTo weightGradient: WeightView?, sink: GradientSink?
  ) throws(KernelError) -> GradientSums? {
    for group in sizes.eachGroup {
      let mark = scratch.mark
      defer { scratch.release(to: mark) }
      let part = sink.map { channels(group.inputs, of: $0.gradient) }
      _ = try convolveBackward(
        group.sizes, input: channels(group.inputs, of: input),
        weights: weights.dropping(rows: group.outputs.lowerBound),
        gradient: channels(group.outputs, of: gradient),
        addingTo: weightGradient?.dropping(rows: group.outputs.lowerBound),
        sink: part.map { GradientSink($0, adds: sink?.adds ?? false) })
      if let part, let sink {
        moveChannels(
          group.inputs.count, of: part, from: 0, to: sink.gradient, at: group.inputs.lowerBound)
      }
    }
    guard let sink, sink.finish != nil else { return nil }
    return finishGradient(
      of: input, GradientSink(sink.gradient, adds: true, finish: sink.finish))
  }

  /// Computes each group's part of `output` in a tensor of its own.
  private func forEachGroup(
    of sizes: ConvolutionSizes, _ output: Tensor,
    _ body: (ConvolutionGroup, Tensor) throws(KernelError) -> Void
  ) throws(KernelError) {
    for group in sizes.eachGroup {
      let mark = scratch.mark
      defer { scratch.release(to: mark) }
      let y = scratch.tensor(group.sizes.output, output.type)
      try body(group, y)
      moveChannels(group.outputs.count, of: y, from: 0, to: output, at: group.outputs.lowerBound)
    }
  }

  /// Some channels of a tensor, moved to the scratch.
  private func channels(_ range: Range<Int>, of tensor: Tensor) -> Tensor {
    var shape = tensor.shape
    shape.channels = range.count
    let part = scratch.tensor(shape, tensor.type)
    moveChannels(range.count, of: tensor, from: range.lowerBound, to: part, at: 0)
    return part
  }

  private func channels(_ range: Range<Int>, of tensor: NormalizedTensor) -> NormalizedTensor {
    let x = channels(range, of: tensor.x)
    guard let transform = tensor.transform else { return NormalizedTensor(x) }
    return NormalizedTensor(x, transform.channels(range), tensor.nonlinearity)
  }

  private func channels(
    _ range: Range<Int>, of gradient: NormalizationGradient
  ) -> NormalizationGradient {
    NormalizationGradient(
      gradient: channels(range, of: gradient.gradient), x: channels(range, of: gradient.x),
      a: Array(gradient.a[range]), b: Array(gradient.b[range]), c: Array(gradient.c[range]),
      scale: Array(gradient.scale[range]), shift: Array(gradient.shift[range]))
  }
}

/// One group of a convolution: its sizes and the channels it has on either side.
private struct ConvolutionGroup {
  let sizes: ConvolutionSizes
  let inputs: Range<Int>
  let outputs: Range<Int>
}

extension ConvolutionSizes {
  fileprivate var eachGroup: [ConvolutionGroup] {
    var input = input
    input.channels /= groups
    let (inputs, outputs) = (input.channels, output.channels / groups)
    let sizes = ConvolutionSizes(input: input, channels: outputs, kernel: kernel, stride: stride)
    return (0..<groups).map { group in
      ConvolutionGroup(
        sizes: sizes, inputs: group * inputs..<(group + 1) * inputs,
        outputs: group * outputs..<(group + 1) * outputs)
    }
  }
}
