import Foundation
import Kernels
import Networks
import SearchSpace
import TestSupport
import Testing

/// Mixtures of widths and depths, against a reference written out in loops and against differences.
@Suite struct MixtureTests {
  /// A stem, two untied blocks whose depth is open, a stage that halves the map, plain shortcuts.
  private static func untied() throws -> SearchSpace {
    try SearchSpace(name: "untied", input: [2, 8, 8]) {
      Convolution(name: "stem", width: [4, 6, 8], kernel: 3, activation: .none)
      Stage(
        .basic(inner: [4, 7]), width: [4, 5, 8], depth: [1, 2], activation: .none,
        residual: .shortcut, projection: .pooledPlain)
      Stage(
        .basic(inner: [6, 8]), width: [6, 9], depth: [1, 2], stride: 2, activation: .none,
        residual: .shortcut, projection: .pooledPlain)
      GlobalAveragePool()
      Linear(classes: 3)
    }
  }

  /// Tied widths, expansions with a depthwise convolution, biases.
  private static func tied() throws -> SearchSpace {
    try SearchSpace(name: "tied", input: [2, 8, 8]) {
      Convolution(
        name: "stem", width: [4, 8], kernel: 3, completion: .bias, activation: .none)
      Stage(
        .invertedResidual(inner: [6, 8]), width: [4, 6], depth: [1, 2], stride: 2,
        activation: .none)
      GlobalAveragePool()
      Linear(classes: 3)
    }
  }

  static func spaces() throws -> [SearchSpace] { [try untied(), try tied()] }

  private func runner(_ space: SearchSpace, _ precision: ElementType = .float32) throws
    -> NetworkRunner
  {
    let parameters = try Parameters(of: space.supernetLayers, widths: space.mixedWidths)
    parameters.initialize(seed: 4)
    // Scales and shifts of their own for each width, and a head that is not near zero.
    for (index, entry) in parameters.entries.enumerated() {
      let noise = randomNumbers(entry.count, seed: UInt64(100 + index))
      switch entry.kind {
      case .normalizationScale: parameters.set(entry, to: noise.map { 1 + 0.3 * $0 })
      case .normalizationShift, .bias: parameters.set(entry, to: noise.map { 0.3 * $0 })
      case .linear: parameters.set(entry, to: noise)
      case .convolution, .depthwiseConvolution: break
      }
    }
    return try NetworkRunner(engine: try Engine(), parameters: parameters, precision: precision)
  }

  /// A mixture of two choices of each width and all depths.
  private func mixture(of space: SearchSpace, seed: UInt64) -> Mixture {
    var generator = SeededGenerator(seed: seed)
    return Mixture(
      blends: space.decisions.map { decision in
        var choices = Array(decision.choices.indices)
        if case .width = decision.kind {
          while choices.count > 2 {
            choices.remove(at: Int.random(in: 0..<choices.count, using: &generator))
          }
        }
        let weights = choices.map { _ in 0.2 + generator.uniform() }
        let sum = weights.reduce(0, +)
        return Mixture.Blend(choices: choices, weights: weights.map { $0 / sum })
      })
  }

  private let labels: [Int32] = [0, 1, 2, 1]

  private func loss(
    _ space: SearchSpace, _ mixture: Mixture, _ runner: NetworkRunner, _ images: [Float]
  ) throws -> Double {
    let mark = runner.arena.mark
    defer { runner.arena.release(to: mark) }
    let batch = runner.arena.tensor(space.input.tensorShape(batch: labels.count))
    batch.copy(images)
    let tape = try runner.forward(space.network(mixing: mixture), images: batch)
    return Probabilities(softmaxOf: tape.outputs).crossEntropy(labels: labels).loss
  }

  private func gradient(
    _ space: SearchSpace, _ mixture: Mixture, _ runner: NetworkRunner, _ images: [Float]
  ) throws -> [Int: [Double]] {
    let mark = runner.arena.mark
    defer { runner.arena.release(to: mark) }
    runner.parameters.clearGradients()
    let batch = runner.arena.tensor(space.input.tensorShape(batch: labels.count))
    batch.copy(images)
    let tape = try runner.forward(space.network(mixing: mixture), images: batch)
    let gradient = runner.arena.tensor(tape.outputs.shape)
    _ = Probabilities(softmaxOf: tape.outputs).crossEntropy(labels: labels, gradient: gradient)
    return try runner.backward(tape, outputGradient: gradient)
  }

  @Test(arguments: try spaces(), [UInt64(1), 2, 3])
  func `have the gradients that finite differences give`(space: SearchSpace, seed: UInt64) throws {
    let runner = try runner(space)
    let images = randomNumbers(labels.count * space.input.count, seed: 20 + seed)
    let mixture = mixture(of: space, seed: seed)
    let slopes = try gradient(space, mixture, runner, images)
    let parameters = runner.parameters

    // By the weights of the mixture. They need not add up to 1 for a derivative.
    for (decision, blend) in mixture.blends.enumerated() where blend.choices.count > 1 {
      let own = try #require(slopes[decision])
      for place in blend.weights.indices {
        func moved(_ step: Double) throws -> Double {
          var moved = mixture
          moved.blends[decision].weights[place] += step
          return try loss(space, moved, runner, images)
        }
        let step = 1e-2
        let difference = (try moved(step) - moved(-step)) / (2 * step)
        #expect(
          abs(own[place] - difference) < 2e-3 * max(1, abs(difference)),
          "\(space.decisions[decision].name) \(blend.choices[place])")
      }
    }

    // By the parameters, along their own gradient.
    let gradients = parameters.entries.map { parameters.gradient(of: $0) }
    var tried = 0
    for (entry, gradient) in zip(parameters.entries, gradients) {
      let length = gradient.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
      guard length > 1e-3 else { continue }
      tried += 1
      let values = parameters.values(of: entry)
      func moved(_ step: Double) throws -> Double {
        parameters.set(
          entry, to: zip(values, gradient).map { $0 + Float(step / length) * $1 })
        defer { parameters.set(entry, to: values) }
        return try loss(space, mixture, runner, images)
      }
      // Both losses are rounded by some 10⁻⁷: where they hardly differ, they are taken further apart.
      let step = length < 1e-2 ? 4e-2 : 1e-2
      let slope = (try moved(step) - moved(-step)) / (2 * step)
      #expect(abs(slope - length) < 2e-2 * length, "\(entry.name)")
    }
    #expect(tried > parameters.entries.count / 2)
  }

  @Test func `compute what the paper's equations say, written out in loops`() throws {
    let space = try SearchSpace(name: "stem", input: [2, 5, 5]) {
      Convolution(name: "stem", width: [3, 5, 8], kernel: 1, activation: .relu)
      GlobalAveragePool()
      Linear(classes: 3)
    }
    let runner = try runner(space)
    let parameters = runner.parameters
    let images = randomNumbers(labels.count * space.input.count, seed: 7)
    let mixture = Mixture(blends: [Mixture.Blend(choices: [1, 2], weights: [0.3, 0.7])])
    let batch = runner.arena.tensor(space.input.tensorShape(batch: labels.count))
    batch.copy(images)
    let outputs = try runner.forward(space.network(mixing: mixture), images: batch).outputs.elements

    func values(_ name: String) throws -> [Double] {
      parameters.values(of: try #require(parameters[name])).map(Double.init)
    }
    let weights = try values("stem.weight")
    let head = try values("classifier.weight")
    let headBias = try values("classifier.bias")
    let pixels = 25
    // y: [image · pixel][channel], a 1×1 convolution.
    let y: [[Double]] = (0..<labels.count * pixels).map { pixel in
      let colors = images[2 * pixel..<2 * pixel + 2].map(Double.init)
      return (0..<8).map { weights[2 * $0] * colors[0] + weights[2 * $0 + 1] * colors[1] }
    }
    let count = Double(y.count)
    let mean = (0..<8).map { channel in y.reduce(0) { $0 + $1[channel] } / count }
    let variance: [Double] = (0..<8).map { channel in
      let distances = y.map { $0[channel] - mean[channel] }
      return distances.reduce(0) { $0 + $1 * $1 } / count
    }
    var mixed = y.map { $0.map { _ in 0.0 } }
    for (channels, weight) in [(5, 0.3), (8, 0.7)] {
      let scale = try values("stem.norm.\(channels).weight")
      let shift = try values("stem.norm.\(channels).bias")
      for (pixel, row) in y.enumerated() {
        let normal: [Double] = (0..<channels).map { channel in
          let deviation = (variance[channel] + 1e-5).squareRoot()
          return (row[channel] - mean[channel]) / deviation * scale[channel] + shift[channel]
        }
        for output in 0..<8 {
          let first = output * channels / 8
          let end = Int((Double((output + 1) * channels) / 8).rounded(.up))
          mixed[pixel][output] += weight * normal[first..<end].reduce(0, +) / Double(end - first)
        }
      }
    }
    for image in labels.indices {
      for label in 0..<3 {
        var expected = headBias[label]
        for channel in 0..<8 {
          let map = mixed[image * pixels..<(image + 1) * pixels].map { max(0, $0[channel]) }
          expected += head[label * 8 + channel] * map.reduce(0, +) / Double(pixels)
        }
        #expect(abs(Double(outputs[image * 3 + label]) - expected) < 1e-4)
      }
    }
  }

  @Test(arguments: try spaces())
  func `of one architecture have its answers, with the normalisation of its own widths`(
    space: SearchSpace
  ) throws {
    let runner = try runner(space)
    let images = randomNumbers(labels.count * space.input.count, seed: 3)
    let batch = runner.arena.tensor(space.input.tensorShape(batch: labels.count))
    batch.copy(images)
    var generator = SeededGenerator(seed: 8)
    for _ in 0..<4 {
      let architecture = space.randomArchitecture(using: &generator)
      let network = space.network(of: architecture)
      let tape = try runner.forward(network, images: batch)
      let single = try runner.forward(
        space.network(mixing: Mixture(architecture)), images: batch)
      #expect(single.outputs.elements == tape.outputs.elements)
      // Cut out, it has the scales and shifts of its widths.
      let trained = TrainedNetwork(
        network, slicing: runner.parameters, statistics: tape.statistics)
      let own = try trained.makeRunner(engine: runner.engine)
      let ownBatch = own.arena.tensor(batch.shape)
      ownBatch.copy(images)
      let answers = try own.outputs(of: network, images: ownBatch, statistics: tape.statistics)
      #expect(relativeDifference(answers.elements, tape.outputs.elements) < 1e-4)
    }
  }

  @Test(arguments: try spaces())
  func `computes in bfloat16 nearly as in single precision`(space: SearchSpace) throws {
    let images = randomNumbers(labels.count * space.input.count, seed: 3)
    let mixture = mixture(of: space, seed: 1)
    let full = try gradient(space, mixture, try runner(space), images)
    let half = try gradient(space, mixture, try runner(space, .bfloat16), images)
    #expect(Set(full.keys) == Set(half.keys))
    for (decision, slopes) in full {
      let other = try #require(half[decision])
      let length = slopes.reduce(0) { $0 + $1 * $1 }.squareRoot()
      let error = zip(slopes, other).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
      #expect(error < 0.1 * max(0.1, length), "\(space.decisions[decision].name)")
    }
  }
}
