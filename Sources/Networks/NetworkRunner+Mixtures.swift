import Kernels
import SearchSpace

/// The derivatives of a loss by the weights of a mixture, in the making.
struct MixtureSlopes {
  private(set) var byDecision: [Int: [Double]] = [:]

  /// Adds the derivatives that one of a decision's layers contributes.
  mutating func add(_ slopes: [Double], to decision: Int) {
    guard let sum = byDecision[decision] else {
      byDecision[decision] = slopes
      return
    }
    byDecision[decision] = zip(sum, slopes).map { $0 + $1 }
  }
}

extension NetworkRunner {
  // MARK: Depths

  /// What stages of several depths compute, brought to one number of channels and weighted.
  func mixed(_ values: [NormalizedTensor], _ weights: [Double], like shape: Shape) -> LayerOutput {
    output(shape.tensorShape(batch: values[0].shape.batch)) { y in
      for (index, (value, weight)) in zip(values, weights).enumerated() {
        let mix = ChannelMix.interpolation(
          from: value.shape.channels, to: shape.channels, weight: weight)
        engine.mix(mix, final(value), adds: index > 0, into: y)
      }
    }
  }

  /// Hands the gradient of a mixture of depths to each of them.
  func mixedBackward(
    _ gradient: PendingGradients.Gradient, of index: Int, _ tape: Tape,
    _ gradients: inout PendingGradients, _ slopes: inout MixtureSlopes
  ) {
    guard let mix = tape.mixture.depths[index] else { return }
    let outputs = gradient.values.shape.channels
    var weightSlopes: [Double] = []
    for (value, weight) in zip(mix.values, mix.weights) {
      let read = tape.value(value)
      let part = gradients.room(read.shape)
      let mark = arena.mark
      let sums = engine.mixBackward(
        .interpolation(from: read.shape.channels, to: outputs, weight: weight), final(read),
        outputGradient: gradient.values, into: part.values)
      arena.release(to: mark)
      weightSlopes.append(
        (0..<outputs).reduce(0) { sum, output in
          let count = interpolationWindow(of: output, from: read.shape.channels, to: outputs).count
          let products = (0..<count).map { sums.product(output: output, tap: $0) }
          return sum + products.reduce(0, +) / Double(count)
        })
      gradients.hand(part, to: value, engine)
    }
    slopes.add(weightSlopes, to: mix.decision)
  }

  // MARK: Widths

  /// How several widths of a convolution become one.
  func widthMixing(
    _ mix: MixedNetwork.WidthMix, of layer: Layer, _ convolution: ConvolutionOperation,
    _ statistics: ChannelStatistics
  ) -> WidthMixing {
    func array(_ name: String, _ channels: Int) -> (String, [Float]) {
      (name, parameters.firstValues(channels, of: name))
    }
    let isNormalized = convolution.completion == .normalization
    let parts = zip(mix.channels, mix.weights).map { channels, weight in
      let norm = parameters.normalization(of: layer, channels: channels)
      return WidthMixing.Part(
        channels: channels, weight: weight,
        scale: isNormalized ? array("\(norm).weight", channels) : nil,
        shift: isNormalized
          ? array("\(norm).bias", channels)
          : convolution.completion == .bias ? array("\(layer.name).bias", channels) : nil)
    }
    return WidthMixing(parts, statistics: statistics, isNormalized: isNormalized)
  }

  /// What a convolution computed at its largest width, as the mixture of several widths.
  func mixedWidths(of x: Tensor, _ mixing: WidthMixing) -> Tensor {
    output(x.shape) {
      engine.mix(mixing.mix, final(NormalizedTensor(x)), shift: mixing.shift, into: $0)
    }.value.x
  }

  /// Takes the gradient of a mixture of widths back to what the convolution computed, and adds to
  /// the gradients of scales, shifts and biases.
  ///
  /// - Returns: The gradient, and its room, which is to be dropped when it has been used.
  func mixingGradient(
    _ gradient: PendingGradients.Gradient, of index: Int, _ tape: Tape,
    _ gradients: PendingGradients, _ slopes: inout MixtureSlopes
  ) -> (NormalizationGradient, PendingGradients.Gradient) {
    let layer = tape.network.layers[index]
    guard let (x, statistics, mixing) = tape.layers[index].mixed,
      let mix = tape.mixture.widths[index]
    else { preconditionFailure("\(layer.name) mixes no widths") }
    if gradient.sums == nil {
      // What comes from a finishing visit has gone through the activation already.
      _ = engine.finishGradient(
        of: tape.layers[index].value,
        GradientSink(gradient.values, adds: true, finish: gradients.finish(of: index)))
    }
    var room = gradients.room(x.shape)
    let mark = arena.mark
    let back = mixing.backward(
      final(NormalizedTensor(x)), outputGradient: final(NormalizedTensor(gradient.values)),
      into: room.values, engine)
    arena.release(to: mark)
    room = gradients.converted(room, to: x.type, engine)
    for (name, gradient) in back.parameters { parameters.addToGradient(gradient, of: name) }
    slopes.add(back.weights, to: mix.decision)
    let normalization =
      layer.isNormalized
      ? NormalizationGradient(
        room.values, of: x, sums: back.sums, statistics: statistics,
        scale: [Float](repeating: 1, count: x.shape.channels))
      : NormalizationGradient(room.values, ofBiased: x, sums: back.sums)
    return (normalization, room)
  }
}
