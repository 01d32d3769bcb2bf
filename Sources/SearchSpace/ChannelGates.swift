/// A number for each channel whose presence is open: what it is multiplied by, or what it is worth.
///
/// The numbers of one group of channels follow each other, first channel first, and the groups are
/// those of ``SearchSpace/gatedGroups`` in their order. There may be more channels than the widest
/// network of the space has; see ``GatedGroup/channels(widenedBy:)``.
public struct ChannelGates: Hashable, Codable, Sendable {
  /// How many channels each group has.
  public let counts: [Int]

  /// The numbers of all groups.
  public var values: [Double]

  /// Creates the same number for every channel.
  public init(repeating value: Double, counts: [Int]) {
    self.counts = counts
    values = Array(repeating: value, count: counts.reduce(0, +))
  }

  /// Creates gates from the numbers of each group.
  public init(_ groups: [[Double]]) {
    counts = groups.map(\.count)
    values = groups.flatMap { $0 }
  }

  /// The numbers group by group.
  public var groups: [[Double]] {
    var rest = values[...]
    return counts.map { count in
      defer { rest = rest.dropFirst(count) }
      return Array(rest.prefix(count))
    }
  }
}

/// What a batch of images says about channel gates.
public struct GateGradient: Hashable, Sendable {
  /// The mean cross-entropy of the gated network over the batch, in nats.
  public var loss: Double

  /// Its derivative by each gate.
  public var gradient: ChannelGates

  public init(loss: Double, gradient: ChannelGates) {
    self.loss = loss
    self.gradient = gradient
  }
}

/// How much a channel of a trained network is worth, by its weights alone.
///
/// Where several layers produce the channels of one group, a channel is worth what the layer that
/// values it most says.
public enum ChannelMeasure: String, Hashable, Codable, Sendable {
  /// The absolute scale |γ| of its batch normalisation.
  case normalizationScale

  /// The sum of the absolute weights of its filter, divided by the mean of these sums in its layer.
  case filterNorm
}

/// A group of channels whose number a decision settles.
public struct GatedGroup: Hashable, Codable, Sendable {
  /// The decision, by its index in ``SearchSpace/decisions``.
  public let decision: Int

  /// How many channels each of the decision's choices leaves the largest network, ascending.
  public let channels: [Int]

  /// What their number must be a multiple of.
  let divisor: Int

  /// The most channels that the space has.
  public var widest: Int { channels[channels.count - 1] }

  /// The channels of a network that is wider than the widest of the space.
  public func channels(widenedBy factor: Double) -> Int {
    Int((Double(widest) * factor / Double(divisor)).rounded()) * divisor
  }

  /// The widest choice that needs no more than so many channels; the narrowest if none does.
  public func choice(within count: Int) -> Int {
    channels.lastIndex { $0 <= count } ?? 0
  }
}

/// A block at the end of a stage that shallower networks do without.
public struct RemovableBlock: Hashable, Sendable {
  /// The decision on the stage's depth.
  public let decision: Int

  /// How many blocks of the stage come before it.
  public let position: Int

  /// The gated groups, by their index, all of whose channels are produced in this block.
  public let groups: [Int]
}

/// A network with the places where gates act on its channels.
public struct GatedNetwork: Sendable {
  public let network: Network

  /// For each of ``SearchSpace/gatedGroups``, where its channels are produced.
  public let sites: [[Site]]

  /// Channels that one layer produces.
  public struct Site: Hashable, Sendable {
    /// The layer whose filters they are the results of.
    public let producer: Int

    /// The layer behind whose normalisation or bias, and before whose activation, the gates act.
    ///
    /// It is the producer, unless nothing but layers that keep channels apart and normalise them
    /// anew, such as a depthwise convolution, reads it: their normalisation would undo the gates.
    public let layer: Int

    /// The group's gate of the layer's first channel.
    public let first: Int
  }
}
