/// Several architectures of one space at once, each decision answered by several choices with
/// weights.
///
/// What a differentiable search computes with: the loss of a mixture has a gradient by its weights.
public struct Mixture: Hashable, Codable, Sendable {
  /// For each decision of the space, what it is answered with.
  public var blends: [Blend]

  /// Some choices of one decision.
  public struct Blend: Hashable, Codable, Sendable {
    /// The choices, as indices, ascending.
    public var choices: [Int]

    /// The share of each; they add up to 1.
    public var weights: [Double]

    public init(choices: [Int], weights: [Double]) {
      precondition(!choices.isEmpty && choices.count == weights.count, "one weight a choice")
      self.choices = choices
      self.weights = weights
    }

    /// The largest choice.
    var largest: Int { choices[choices.count - 1] }
  }

  public init(blends: [Blend]) {
    self.blends = blends
  }

  /// The mixture of one architecture alone.
  public init(_ architecture: Architecture) {
    blends = architecture.choices.map { Blend(choices: [$0], weights: [1]) }
  }
}

/// The gradient of a mixture's loss.
public struct MixtureGradient: Hashable, Sendable {
  /// The loss, in nats.
  public var loss: Double

  /// For each decision, the derivative of the loss by the weight of each of its choices.
  public var weights: [[Double]]

  public init(loss: Double, weights: [[Double]]) {
    self.loss = loss
    self.weights = weights
  }
}

/// A mixture made concrete: one network, as wide and as deep as the largest choices, and where in
/// it the choices are mixed.
///
/// > X. Dong, Y. Yang. "Network Pruning via Transformable Architecture Search." NeurIPS 2019.
/// > [arXiv:1905.09717](https://arxiv.org/abs/1905.09717), section 3.1.
public struct MixedNetwork: Hashable, Sendable {
  /// The network that a runner computes.
  ///
  /// Behind each stage whose depth is mixed stands a layer that hands on what it reads; the depths
  /// are mixed there.
  public let network: Network

  /// The layers whose channels are mixed, by their index.
  public let widths: [Int: WidthMix]

  /// The layers at which depths are mixed, by their index.
  public let depths: [Int: DepthMix]

  /// A network in which nothing is mixed.
  public init(_ network: Network) {
    self.init(network: network, widths: [:], depths: [:])
  }

  init(network: Network, widths: [Int: WidthMix], depths: [Int: DepthMix]) {
    self.network = network
    self.widths = widths
    self.depths = depths
  }

  /// The mixing of a layer's channels: for each width, the first so many are normalised on their
  /// own and brought to the number of the widest.
  public struct WidthMix: Hashable, Sendable {
    /// The decision whose choices are mixed.
    public let decision: Int

    /// The channels of each choice, ascending.
    public let channels: [Int]

    /// The share of each choice.
    public let weights: [Double]
  }

  /// The mixing of what a stage computes with fewer and more blocks.
  public struct DepthMix: Hashable, Sendable {
    /// The decision whose choices are mixed.
    public let decision: Int

    /// What the stage computes with the depth of each choice.
    public let values: [Value]

    /// The share of each choice.
    public let weights: [Double]
  }
}

extension SearchSpace {
  /// The decisions that no mixture can answer with several choices: those that are neither a width
  /// of convolutions nor a depth.
  public var unmixableDecisions: [Decision] {
    var producers = [[Operation]](repeating: [], count: groups.count)
    for block in blocks {
      for layer in block.layers {
        if case .group(let group) = layer.channels { producers[group].append(layer.operation) }
      }
    }
    return decisions.filter { decision in
      switch decision.kind {
      case .depth: false
      case .width(let group):
        !producers[group].allSatisfy {
          if case .convolution(let convolution) = $0 {
            convolution.grouping == .none
          } else {
            false
          }
        }
      case .kernel, .expansion, .alternative: true
      }
    }
  }

  /// For each layer of which a mixture mixes the channels, the numbers of channels that it may have.
  ///
  /// A layer that normalises has a scale and a shift for each of them.
  public var mixedWidths: [String: [Int]] {
    var widths: [String: [Int]] = [:]
    for block in blocks {
      for layer in block.layers {
        guard case .group(let group) = layer.channels, groups[group].decision != nil else {
          continue
        }
        widths[layer.name] = groups[group].choices
      }
    }
    return widths
  }

  /// Makes a mixture concrete.
  ///
  /// - Precondition: The mixture answers every decision of the space, and of its
  ///   ``unmixableDecisions`` each with one choice.
  public func network(mixing mixture: Mixture) -> MixedNetwork {
    let widest = Architecture(choices: mixture.blends.map(\.largest))
    precondition(contains(widest), "the mixture is not one of \(name)")
    var builder = MixtureBuilder(space: self, mixture: mixture, widest: widest)
    for block in blocks where holds(block.conditions, in: widest) { builder.add(block) }
    return builder.finish()
  }
}

/// Builds a mixed network block by block.
private struct MixtureBuilder {
  let space: SearchSpace
  let mixture: Mixture
  private let sizes: ChosenSizes
  private var layers: [Layer] = []
  private var groups: [Int?] = []
  private var stream: Stream
  private var depths: [Int: MixedNetwork.DepthMix] = [:]

  /// The stage that the last block belongs to, if its depth is mixed: the decision, and what the
  /// stage computes with each depth so far.
  private var stage: (decision: Int, values: [Value])?

  init(space: SearchSpace, mixture: Mixture, widest: Architecture) {
    self.space = space
    self.mixture = mixture
    sizes = ChosenSizes(space: space, architecture: widest)
    stream = Stream(value: .image, shape: space.input, group: 0)
  }

  mutating func add(_ block: Block) {
    let depth = mixedDepth(of: block)
    if let stage, stage.decision != depth?.decision { endStage() }
    if let (decision, position) = depth {
      // Without this block the stage has `position` of them.
      let choices = mixture.blends[decision].choices.map { space.decisions[decision].choices[$0] }
      if stage == nil { stage = (decision, []) }
      if choices.contains(position) { stage?.values.append(stream.value) }
    }
    stream = block.build(reading: stream, sizes, into: &layers, groups: &groups)
  }

  mutating func finish() -> MixedNetwork {
    endStage()
    var widths: [Int: MixedNetwork.WidthMix] = [:]
    for (index, layer) in layers.enumerated() {
      guard case .convolution(let convolution) = layer.operation, !convolution.isDepthwise,
        let group = groups[index], let decision = space.groups[group].decision
      else { continue }
      let blend = mixture.blends[decision]
      guard blend.choices.count > 1 else { continue }
      widths[index] = MixedNetwork.WidthMix(
        decision: decision, channels: blend.choices.map { space.decisions[decision].choices[$0] },
        weights: blend.weights)
    }
    return MixedNetwork(
      network: Network(input: space.input, layers: layers), widths: widths, depths: depths)
  }

  /// The decision on the depth of a block's stage, and how many blocks are before it; `nil` for a
  /// block that every depth of the mixture keeps.
  private func mixedDepth(of block: Block) -> (decision: Int, position: Int)? {
    for condition in block.conditions {
      guard case .above(let position) = condition.test,
        let decision = space.questions[condition.question].decision
      else { continue }
      let choices = space.decisions[decision].choices
      if choices[mixture.blends[decision].choices[0]] <= position { return (decision, position) }
    }
    return nil
  }

  private mutating func endStage() {
    guard let (decision, values) = stage else { return }
    stage = nil
    layers.append(
      Layer(
        name: space.decisions[decision].name, operation: .activate(.none), source: stream.value,
        input: stream.shape, output: stream.shape))
    groups.append(stream.group)
    depths[layers.count - 1] = MixedNetwork.DepthMix(
      decision: decision, values: values + [stream.value],
      weights: mixture.blends[decision].weights)
    stream.value = .layer(layers.count - 1)
  }
}
