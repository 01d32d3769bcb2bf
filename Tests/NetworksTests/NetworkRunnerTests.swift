import Kernels
import Networks
import SearchSpace
import TestSupport
import Testing

@Suite struct NetworkRunnerTests {
  /// A residual network, one of inverted and separable convolutions, and two that have every other
  /// layer between them; all small.
  static let spaces: [SearchSpace] = {
    do {
      var settings = Family.Settings()
      settings.width = WidthRule(scale: 0.5, groups: 4, divisor: 4)
      settings.smallestDepth = 1
      let input = Shape(channels: 2, height: 8, width: 8)
      let small = try SearchSpace(name: "inverted", input: input) {
        Convolution(width: [4, 6], kernel: 3, activation: .relu6)
        Stage(.invertedResidual(inner: nil), width: [4, 5], activation: .relu6)
        Stage(
          .invertedResidual(inner: .init([8, 12])), width: [4, 6, 7], depth: [1, 2, 3], stride: 2,
          activation: .relu6)
        Stage(.depthwiseSeparable(), width: [5, 9], depth: [1, 2])
        GlobalAveragePool()
        Linear(classes: 3)
      }
      let gated = try SearchSpace(name: "gated", input: input) {
        Convolution(width: [4, 6], kernel: [3, 5], activation: .hardSwish)
        Stage(
          .invertedResidual(
            expand: [2, 3], kernel: [3, 5], gate: SqueezeAndExcitation(activation: .swish)),
          width: [4, 6], depth: [1, 2], activation: .swish)
        Pool(.average, kernel: 3, stride: 2, roundsUp: true)
        OneOf {
          Alternative {}
          Alternative { Convolution(width: [4, 8], kernel: 1, completion: .bias) }
        }
        Linear(width: [5, 7], activation: .relu)
        Linear(classes: 3)
      }
      let grouped = try SearchSpace(name: "grouped", input: input) {
        Convolution(width: 6, kernel: 3, completion: .bias)
        Pool(.max, kernel: 3, stride: 2)
        Stage(.fire(squeeze: .percent(50)), width: [8, 12], completion: .bias)
        Stage(.bottleneck(inner: .percent(50), in: .groups(2)), width: [8, 16], depth: [1, 2])
        Stage(.basic(), width: [6, 8, 10], depth: [1, 2], residual: .shortcut)
        Convolution(width: [6, 8], kernel: 1, completion: .none, activation: .none)
        Normalization(activation: .relu6)
        GlobalAveragePool()
        Linear(classes: 3)
      }
      let headed = try SearchSpace(name: "headed", input: input, classes: 3) {
        Pool(.average, kernel: 2)
        Convolution(width: [4, 6], kernel: 3, activation: .sigmoid)
        GlobalAveragePool()
        Convolution(width: 3, kernel: 1, completion: .bias, activation: .none)
      }
      return [
        try Family.resNet(layers: 8).space(input: input, classes: 3, settings: settings), small,
        gated, grouped, headed,
      ]
    } catch {
      preconditionFailure("\(error)")
    }
  }()

  private func runner(
    _ space: SearchSpace, backend: Engine.Backend = .fused, precision: ElementType = .float32
  ) throws -> NetworkRunner {
    let parameters = try Parameters(of: space.supernetLayers)
    parameters.initialize(seed: 3)
    // Scales and shifts other than 1 and 0, so that their gradients are seen.
    for (index, entry) in parameters.entries.enumerated() {
      let noise = randomNumbers(entry.count, seed: UInt64(index))
      parameters.set(
        entry, to: zip(parameters.values(of: entry), noise).map { $0 + 0.1 * $1 })
    }
    return try NetworkRunner(
      engine: Engine(backend: backend), parameters: parameters, precision: precision)
  }

  private func loss(
    of network: Network, _ runner: NetworkRunner, images: [Float], labels: [Int32]
  ) throws -> Double {
    let mark = runner.arena.mark
    defer { runner.arena.release(to: mark) }
    let batch = runner.arena.tensor(network.input.tensorShape(batch: labels.count))
    batch.copy(images)
    let tape = try runner.forward(network, images: batch)
    return Probabilities(softmaxOf: tape.outputs).crossEntropy(labels: labels).loss
  }

  @Test(arguments: spaces, Engine.Backend.allCases)
  func `has the gradients that finite differences give, in every subnet`(
    space: SearchSpace, backend: Engine.Backend
  ) throws {
    let runner = try runner(space, backend: backend)
    let parameters = runner.parameters
    let labels: [Int32] = [0, 1, 2, 1, 0, 2]
    // With these no element lies so near a bend that every step goes across it.
    let images = randomNumbers(labels.count * space.input.count, seed: 10)
    var generator = SeededGenerator(seed: 5)
    let architectures =
      [space.largest, space.smallest]
      + (0..<2).map { _ in
        space.randomArchitecture(using: &generator)
      }

    for architecture in architectures {
      let network = space.network(of: architecture)
      parameters.clearGradients()
      let mark = runner.arena.mark
      let batch = runner.arena.tensor(space.input.tensorShape(batch: labels.count))
      batch.copy(images)
      let tape = try runner.forward(network, images: batch)
      let gradient = runner.arena.tensor(tape.outputs.shape)
      _ = Probabilities(softmaxOf: tape.outputs).crossEntropy(labels: labels, gradient: gradient)
      try runner.backward(tape, outputGradient: gradient)
      runner.arena.release(to: mark)

      func slope(of entry: Parameters.Entry, along direction: [Float], step: Float) throws -> Double
      {
        let values = parameters.values(of: entry)
        func moved(_ sign: Float) throws -> Double {
          parameters.set(entry, to: zip(values, direction).map { $0 + sign * step * $1 })
          defer { parameters.set(entry, to: values) }
          return try loss(of: network, runner, images: images, labels: labels)
        }
        return (try moved(1) - moved(-1)) / (2 * Double(step))
      }
      for entry in parameters.entries {
        let gradient = parameters.gradient(of: entry)
        let square = gradient.reduce(0.0) { $0 + Double($1) * Double($1) }
        let name = "\(entry.name) of \(space.key(of: architecture))"
        if square > 1e-6 {
          // Along the gradient itself the loss must rise by its length: every number takes part,
          // and the bends of the activations average out.
          let length = square.squareRoot()
          // A bend within a step spoils that step.
          let measured = try [1e-3, 5e-4, 2e-4].map { step in
            try slope(of: entry, along: gradient.map { $0 / Float(length) }, step: step)
          }
          let error = measured.map { abs($0 - length) }.min() ?? .infinity
          #expect(error < 0.05 * length + 3e-4, "\(name): \(measured), \(length)")
        }
        // Single numbers, those without a gradient among them, so that none is left out.
        let largest = gradient.reduce(0) { max($0, abs($1)) }
        for place in stride(from: 0, to: entry.count, by: max(1, entry.count / 4)) {
          var direction = [Float](repeating: 0, count: entry.count)
          direction[place] = 1
          let measured = Float(try slope(of: entry, along: direction, step: 2e-4))
          #expect(
            abs(measured - gradient[place]) < 0.08 * largest + 3e-3,
            "\(name) at \(place): \(measured), \(gradient[place])")
        }
      }
    }
  }

  @Test(arguments: spaces)
  func `gives a subnet's gradient to the channels it uses and to no others`(
    space: SearchSpace
  ) throws {
    let runner = try runner(space)
    let labels: [Int32] = [0, 1]
    let network = space.network(of: space.smallest)
    let batch = runner.arena.tensor(space.input.tensorShape(batch: 2))
    batch.copy(randomNumbers(batch.count, seed: 1))
    let tape = try runner.forward(network, images: batch)
    let gradient = runner.arena.tensor(tape.outputs.shape)
    _ = Probabilities(softmaxOf: tape.outputs).crossEntropy(labels: labels, gradient: gradient)
    try runner.backward(tape, outputGradient: gradient)

    let layers = Dictionary(uniqueKeysWithValues: network.layers.map { ($0.name, $0) })
    for entry in runner.parameters.entries where entry.kind == .normalizationShift {
      let name = String(entry.name.dropLast(".norm.bias".count))
      let values = runner.parameters.gradient(of: entry)
      let used = layers[name]?.output.channels ?? 0
      #expect(values.dropFirst(used).allSatisfy { $0 == 0 }, "\(entry.name)")
      if used > 0 { #expect(values.prefix(used).contains { $0 != 0 }, "\(entry.name)") }
    }
  }

  @Test(arguments: spaces)
  func `gives the same answers with every library`(space: SearchSpace) throws {
    let images = randomNumbers(4 * space.input.count, seed: 2)
    let outputs = try Engine.Backend.allCases.map { backend in
      let runner = try runner(space, backend: backend)
      let batch = runner.arena.tensor(space.input.tensorShape(batch: 4))
      batch.copy(images)
      return try runner.forward(space.network(of: space.largest), images: batch).outputs.elements
    }
    for other in outputs.dropFirst() { #expect(relativeDifference(other, outputs[0]) < 1e-4) }
  }

  @Test(arguments: spaces, Engine.Backend.allCases)
  func `answers and learns with activations in bfloat16 nearly as in single precision`(
    space: SearchSpace, backend: Engine.Backend
  ) throws {
    // Each class has a picture of its own beneath the noise. With nothing to learn, the images'
    // gradients would cancel and leave their rounding.
    let labels = (0..<96).map { Int32($0 % 3) }
    let size = space.input.count
    let pictures = randomNumbers(3 * size, seed: 8)
    let noise = randomNumbers(labels.count * size, seed: 9)
    let images = noise.indices.map {
      pictures[Int(labels[$0 / size]) * size + $0 % size] + 0.5 * noise[$0]
    }
    for architecture in [space.largest, space.smallest] {
      let network = space.network(of: architecture)
      let (exact, rounded) = try (
        pass(network, runner(space, backend: backend), images: images, labels: labels),
        pass(
          network, runner(space, backend: backend, precision: .bfloat16), images: images,
          labels: labels)
      )
      // Each of some ten layers rounds by up to 2⁻⁸ of a number.
      #expect(relativeDifference(rounded.outputs, exact.outputs) < 5e-2)
      #expect(relativeDifference(rounded.fixedOutputs, exact.fixedOutputs) < 5e-2)
      #expect(rounded.outputs != exact.outputs)
      // A number that rounding takes across a bend lets its gradient through or stops it. In an
      // untrained network so narrow that tells: 0.982 was measured over the twelve convolutions of
      // the largest of inverted residuals, with each library, and more than 0.99 elsewhere.
      #expect(cosine(rounded.gradient, exact.gradient) > 0.97)
    }
  }

  /// What a network answers, with the batch's statistics and with the same ones fixed, and the
  /// gradient of all its parameters.
  private func pass(
    _ network: Network, _ runner: NetworkRunner, images: [Float], labels: [Int32]
  ) throws -> (outputs: [Float], fixedOutputs: [Float], gradient: [Float]) {
    let batch = runner.arena.tensor(network.input.tensorShape(batch: labels.count))
    batch.copy(images)
    runner.parameters.clearGradients()
    let tape = try runner.forward(network, images: batch)
    let gradient = runner.arena.tensor(tape.outputs.shape)
    _ = Probabilities(softmaxOf: tape.outputs).crossEntropy(labels: labels, gradient: gradient)
    try runner.backward(tape, outputGradient: gradient)
    let fixed = try runner.outputs(of: network, images: batch, statistics: tape.statistics)
    return (
      tape.outputs.elements, fixed.elements,
      runner.parameters.entries.flatMap(runner.parameters.gradient(of:))
    )
  }

  private func cosine(_ a: [Float], _ b: [Float]) -> Double {
    func product(_ a: [Float], _ b: [Float]) -> Double {
      zip(a, b).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    }
    return product(a, b) / (product(a, a) * product(b, b)).squareRoot()
  }

  @Test(arguments: spaces)
  func `answers with fixed statistics as it trained with them`(space: SearchSpace) throws {
    let runner = try runner(space)
    let network = space.network(of: space.largest)
    let batch = runner.arena.tensor(space.input.tensorShape(batch: 4))
    batch.copy(randomNumbers(batch.count, seed: 2))
    let trained = try runner.forward(network, images: batch)
    let answered = try runner.outputs(
      of: network, images: batch, statistics: trained.statistics)
    #expect(relativeDifference(answered.elements, trained.outputs.elements) < 1e-5)
  }
}

@Suite struct TrainedNetworkTests {
  @Test(arguments: NetworkRunnerTests.spaces)
  func `answers on its own as its slice of the supernet does`(space: SearchSpace) throws {
    let engine = try Engine()
    let parameters = try Parameters(of: space.supernetLayers)
    parameters.initialize(seed: 3)
    let supernet = try NetworkRunner(engine: engine, parameters: parameters)
    var generator = SeededGenerator(seed: 8)
    let architectures =
      [space.smallest, space.largest]
      + (0..<3).map { _ in space.randomArchitecture(using: &generator) }
    for architecture in architectures {
      let network = space.network(of: architecture)
      let batch = supernet.arena.tensor(network.input.tensorShape(batch: 4))
      batch.copy(randomNumbers(batch.count, seed: 2))
      let statistics = try supernet.forward(network, images: batch).statistics
      let expected = try supernet.outputs(of: network, images: batch, statistics: statistics)
      let cut = TrainedNetwork(network, slicing: parameters, statistics: statistics)
      // By way of the file that others would read.
      let names = ParameterNames(of: network.layers, family: space.name)
      let read = try TrainedNetwork(network, from: cut.safetensors(named: names), named: names)
      let runner = try read.makeRunner(engine: engine)
      let found = try runner.outputs(of: network, images: batch, statistics: read.statistics)
      #expect(found.elements == expected.elements, "\(space.key(of: architecture))")
      #expect(expected.elements.contains { abs($0) > 1e-6 })
    }
  }
}

@Suite struct LossTests {
  @Test func `agrees with values worked out by hand`() throws {
    let arena = try Arena(capacity: 1 << 26)
    let logits = arena.tensor(TensorShape(rows: 2, channels: 3))
    logits.copy([0, 0, 0, 100, 0, -100])
    let gradient = arena.tensor(logits.shape)
    let loss = Probabilities(softmaxOf: logits).crossEntropy(labels: [1, 2], gradient: gradient)
    // ln 3 for the undecided row, 200 for the one that is sure and wrong.
    #expect(abs(loss.loss - (1.0986122886681098 + 200) / 2) < 1e-6)
    #expect(loss.correct == 0)
    let third = Float(1) / 6
    #expect(
      relativeDifference(gradient.elements, [third, third - 0.5, third, 0.5, 0, -0.5]) < 1e-6)
  }

  @Test func `has the gradients that finite differences give, by labels and by a teacher`() throws {
    let arena = try Arena(capacity: 1 << 26)
    let logits = arena.tensor(TensorShape(rows: 3, channels: 4))
    let gradient = arena.tensor(logits.shape)
    let point = randomNumbers(12, seed: 3)
    let other = arena.tensor(logits.shape)
    other.copy(randomNumbers(12, seed: 4))
    let teacher = Probabilities(softmaxOf: other)
    let losses: [(Probabilities) -> Double] = [
      { $0.crossEntropy(labels: [0, 3, 1], gradient: gradient).loss },
      { $0.crossEntropy(teacher: teacher, gradient: gradient) },
    ]
    for loss in losses {
      func value(_ elements: [Float]) -> Double {
        logits.copy(elements)
        return loss(Probabilities(softmaxOf: logits))
      }
      let expected = finiteDifferences(of: value, at: point, places: Array(0..<12), step: 1e-2)
      _ = value(point)
      #expect(relativeDifference(gradient.elements, expected) < 1e-3)
    }
  }

  @Test func `is least against a teacher when it agrees with it`() throws {
    let arena = try Arena(capacity: 1 << 26)
    let logits = arena.tensor(TensorShape(rows: 3, channels: 4))
    logits.copy(randomNumbers(12, seed: 1))
    let gradient = arena.tensor(logits.shape)
    let own = Probabilities(softmaxOf: logits)
    let agreement = own.crossEntropy(teacher: own, gradient: gradient)
    #expect(gradient.elements.allSatisfy { abs($0) < 1e-7 })
    let other = arena.tensor(logits.shape)
    other.copy(randomNumbers(12, seed: 2))
    #expect(
      Probabilities(softmaxOf: other).crossEntropy(teacher: own, gradient: gradient) > agreement)
  }
}

@Suite struct ParametersTests {
  @Test func `decay shrinks convolutions and linear weights and spares everything else`() throws {
    let space = NetworkRunnerTests.spaces[1]
    let parameters = try Parameters(of: space.supernetLayers)
    parameters.initialize(seed: 1)
    for entry in parameters.entries {
      parameters.set(entry, to: [Float](repeating: 2, count: entry.count))
    }
    parameters.clearGradients()
    var optimizer = MomentumOptimizer()
    optimizer.weightDecay = 0.1
    parameters.step(optimizer, rate: 0.5, engine: try Engine())
    // With g = 0.1 · 2 and Nesterov's momentum of 0.9 the step is 0.5 · 1.9 · g.
    for entry in parameters.entries {
      let decays = entry.kind == .convolution || entry.kind == .linear
      let expected: Float = decays ? 2 - 0.5 * 1.9 * 0.2 : 2
      #expect(
        parameters.values(of: entry).allSatisfy { abs($0 - expected) < 1e-6 }, "\(entry.name)")
    }
    #expect(parameters.entries.contains { $0.kind == .depthwiseConvolution })
  }
}
