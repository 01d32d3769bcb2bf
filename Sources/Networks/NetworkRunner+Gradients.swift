public import Kernels
public import SearchSpace

extension NetworkRunner {
  /// What a forward pass leaves for the backward pass.
  public struct Tape {
    /// What was computed; a plain network is a mixture of one architecture.
    public let mixture: MixedNetwork

    public var network: Network { mixture.network }

    let images: Tensor

    /// What each layer computed.
    var layers: [LayerOutput] = []

    /// The network's outputs, of shape `[batch, classes]`.
    public internal(set) var outputs: Tensor

    /// The statistics of the batch in each layer that normalises.
    public var statistics: [ChannelStatistics?] {
      zip(network.layers, layers).map { $0.isNormalized ? $1.computed?.statistics : nil }
    }

    func input(of layer: Layer) -> NormalizedTensor { value(layer.source) }

    func value(_ value: Value) -> NormalizedTensor {
      switch value {
      case .image: NormalizedTensor(images)
      case .layer(let index): layers[index].value
      }
    }
  }

  /// Computes a network with the statistics of the batch itself, and keeps what a backward pass
  /// needs.
  ///
  /// The tape's tensors lie in this runner's arena, which the caller releases.
  public func forward(_ network: Network, images: Tensor) throws(KernelError) -> Tape {
    try forward(MixedNetwork(network), images: images)
  }

  /// Computes a mixture; otherwise as ``forward(_:images:)-(Network,_)``.
  public func forward(_ mixture: MixedNetwork, images: Tensor) throws(KernelError) -> Tape {
    let network = mixture.network
    var tape = Tape(mixture: mixture, images: images, outputs: images)
    for (index, layer) in network.layers.enumerated() {
      if let mix = mixture.depths[index] {
        tape.layers.append(mixed(mix.values.map(tape.value), mix.weights, like: layer.output))
        continue
      }
      let start = observe == nil ? nil : ContinuousClock.now
      defer { if let start { observe?(layer, .forward, ContinuousClock.now - start) } }
      tape.layers.append(
        try compute(
          layer, input: tape.input(of: layer), operand: layer.operand.map(tape.value),
          keeping: true, mixing: mixture.widths[index]
        ) { .batch { _ in } })
    }
    tape.outputs = final(tape.value(.layer(network.layers.count - 1)))
    return tape
  }

  /// Adds the gradients of a network's parameters to those of ``parameters``.
  ///
  /// Layers are visited last to first. A value's gradient is complete when the first layer that
  /// reads it has been visited; that visit also takes it on through the value's activation and sums
  /// it for the normalisation before, while it is in the cache.
  ///
  /// - Parameters:
  ///   - tape: What the forward pass left.
  ///   - outputGradient: The gradient of the loss by the outputs, of shape `[batch, classes]`.
  ///   - weighs: Asked of each layer that multiplies by weights whether their gradient is wanted;
  ///     what is not is not computed. Those of scales, shifts and biases always are.
  /// - Returns: For each decision of which choices are mixed, the derivative of the loss by the
  ///   weight of each choice.
  /// - Throws: ``KernelError`` if a kernel fails.
  @discardableResult
  public func backward(
    _ tape: Tape, outputGradient: Tensor, weighing weighs: (Layer) -> Bool = { _ in true }
  ) throws(KernelError) -> [Int: [Double]] {
    var slopes = MixtureSlopes()
    let mark = arena.mark
    defer { arena.release(to: mark) }
    var gradients = PendingGradients(of: tape, in: arena)
    gradients.give(outputGradient, to: .layer(tape.network.layers.count - 1), engine)
    for index in tape.network.layers.indices.reversed() {
      let layer = tape.network.layers[index]
      guard var gradient = gradients.take(index) else { continue }
      let start = observe == nil ? nil : ContinuousClock.now
      defer { if let start { observe?(layer, .backward, ContinuousClock.now - start) } }
      let input = tape.input(of: layer)
      if let argument = tape.layers[index].argument, let function = layer.activation.function {
        gradient = gradients.converted(gradient, to: .float32, engine)
        engine.applyBackward(function, to: argument, gradient: gradient.values)
      }
      if let (x, _) = tape.layers[index].computed {
        gradient = gradients.converted(gradient, to: x.type, engine)
      } else {
        gradient = gradients.converted(gradient, to: .float32, engine)
      }
      switch layer.operation {
      case .convolution(let convolution):
        var room: PendingGradients.Gradient?
        let normalization: NormalizationGradient
        if tape.layers[index].mixed == nil {
          normalization = completionGradient(&gradient, of: index, tape, gradients)
        } else {
          (normalization, room) = mixingGradient(gradient, of: index, tape, gradients, &slopes)
        }
        let sink = gradients.sink(for: layer.source, visiting: index)
        let weights = parameters.weights(of: layer, convolution, in: arena)
        let weightGradient =
          weighs(layer) ? parameters.weightGradient(of: layer, convolution, in: arena) : nil
        let inputSums = try engine.convolveBackward(
          layer.sizes(convolution, batch: input.shape.batch), input: input, weights: weights,
          gradient: normalization, addingTo: weightGradient?.view, sink: sink)
        weightGradient?.finish()
        gradients.note(inputSums, for: layer.source)
        if let room { gradients.drop(room) }
        if let addend = layer.operand {
          // The gradient of a sum is that of its parts: it is handed on, not copied.
          gradients.hand(gradient, to: addend, engine)
          continue
        }
      case .normalize:
        let normalization = completionGradient(&gradient, of: index, tape, gradients)
        let inputGradient = gradients.room(input.shape)
        engine.gather(normalization, into: inputGradient.values)
        gradients.hand(inputGradient, to: layer.source, engine)
      case .activate where tape.mixture.depths[index] != nil:
        mixedBackward(gradient, of: index, tape, &gradients, &slopes)
      case .activate:
        gradients.hand(gradient, to: layer.source, engine)
        continue
      case .pool(let pool):
        let inputGradient = gradients.room(input.shape)
        engine.poolBackward(
          layer.sizes(pool, batch: input.shape.batch), input: final(input),
          outputGradient: gradient.values, into: inputGradient.values)
        gradients.hand(inputGradient, to: layer.source, engine)
      case .globalAveragePool:
        if let sink = gradients.sink(for: layer.source, visiting: index) {
          let sums = engine.averagePoolBackward(
            outputGradient: gradient.values, input: input, sink: sink)
          gradients.note(sums, for: layer.source)
        }
      case .linear:
        let flat = flat(input)
        if weighs(layer) {
          engine.multiplyBackwardWeights(
            input: flat, outputGradient: gradient.values,
            addingTo: parameters.weightView("\(layer.name).weight", gradient: true))
        }
        parameters.addToGradient(columnSums(of: gradient.values), of: "\(layer.name).bias")
        if case .layer = layer.source {
          let columns = arena.tensor(flat.shape)
          engine.multiplyBackwardData(
            outputGradient: gradient.values,
            weights: parameters.weightView("\(layer.name).weight"), into: columns)
          let inputGradient = gradients.room(input.shape)
          engine.unflatten(columns, into: inputGradient.values)
          gradients.hand(inputGradient, to: layer.source, engine)
        }
      case .scale:
        guard let operand = layer.operand else { continue }
        let gates = final(tape.value(operand))
        let inputGradient = gradients.room(input.shape)
        let gateGradient = gradients.room(gates.shape)
        engine.scaleBackward(
          final(input), gates: gates,
          outputGradient: gradient.values, into: inputGradient.values,
          gateGradient: gateGradient.values)
        gradients.hand(inputGradient, to: layer.source, engine)
        gradients.hand(gateGradient, to: operand, engine)
      case .concatenate:
        guard let operand = layer.operand else { continue }
        var first = 0
        for part in [layer.source, operand] {
          let shape = tape.value(part).shape
          let partGradient = gradients.room(shape)
          engine.moveChannels(
            shape.channels, of: gradient.values, from: first, to: partGradient.values, at: 0)
          gradients.hand(partGradient, to: part, engine)
          first += shape.channels
        }
      }
      gradients.drop(gradient)
    }
    return slopes.byDecision
  }

  /// Takes a layer's gradient through its normalisation or bias, and adds to the gradients of their
  /// parameters.
  private func completionGradient(
    _ gradient: inout PendingGradients.Gradient, of index: Int, _ tape: Tape,
    _ gradients: PendingGradients
  ) -> NormalizationGradient {
    let layer = tape.network.layers[index]
    let sums =
      gradient.sums
      ?? engine.finishGradient(
        of: tape.layers[index].value,
        GradientSink(gradient.values, adds: true, finish: gradients.finish(of: index)))
    guard let sums, let (x, statistics) = tape.layers[index].computed else {
      preconditionFailure("a finished gradient has sums")
    }
    guard layer.isNormalized else {
      let biased = NormalizationGradient(gradient.values, ofBiased: x, sums: sums)
      if case .convolution(let convolution) = layer.operation, convolution.completion == .bias {
        parameters.addToGradient(biased.shift, of: "\(layer.name).bias")
      }
      return biased
    }
    let norm = parameters.normalization(of: layer)
    let normalization = NormalizationGradient(
      gradient.values, of: x, sums: sums, statistics: statistics,
      scale: parameters.firstValues(layer.output.channels, of: "\(norm).weight"))
    parameters.addToGradient(normalization.scale, of: "\(norm).weight")
    parameters.addToGradient(normalization.shift, of: "\(norm).bias")
    return normalization
  }

  private func columnSums(of tensor: Tensor) -> [Float] {
    let channels = tensor.shape.channels
    var sums = [Float](repeating: 0, count: channels)
    tensor.withElements { elements in
      for index in 0..<elements.count { sums[index % channels] += elements[index] }
    }
    return sums
  }
}
