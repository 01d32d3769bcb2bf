/// One question that every architecture of a space answers with one of a few sizes.
public struct Decision: Hashable, Codable, Sendable {
  /// A name such as `stage2.block1.inner`, unique in its space.
  public let name: String

  public let kind: Kind

  /// The numbers on offer, ascending: channels of a width, blocks of a depth, and so on.
  public let choices: [Int]

  /// What a decision sizes.
  public enum Kind: Hashable, Codable, Sendable {
    /// The channels of the group with this index in ``SearchSpace/groups``.
    case width(group: Int)

    /// How many blocks of the stage with this index are kept, counted from its start.
    case depth(stage: Int)

    /// The side of a window.
    ///
    /// Kernels of one supernet share the middle: a smaller one is the centre of the largest.
    case kernel

    /// What the channels of the group with this index are multiples of; see
    /// ``ChannelGroup/Derivation``.
    case expansion(group: Int)

    /// Which of several alternatives is built, by its place among them from 0.
    case alternative
  }
}

/// Channels that must agree in number, and why they must.
///
/// Layers use the first channels of their group, so that those of a narrow network are the first of
/// a wide one's.
public struct ChannelGroup: Hashable, Codable, Sendable {
  /// The name of the first layer or stage whose channels these are.
  public let name: String

  /// All channel counts that are possible, ascending; one if the group is not elastic.
  public internal(set) var choices: [Int]

  /// The decision that picks one of the choices; `nil` if there is only one, or if the channels
  /// derive from others.
  public internal(set) var decision: Int?

  /// How the channels follow from others; `nil` if they are decided on their own.
  public internal(set) var derivation: Derivation?

  /// The layers that produce these channels, each with the reason why it belongs here.
  public internal(set) var members: [Member]

  /// The question behind ``decision``.
  var question: Int?

  /// A layer tied to a group.
  public struct Member: Hashable, Codable, Sendable {
    public let layer: String

    /// Completes the sentence "It has these channels because …"; `nil` for the layer that names
    /// the group.
    public let reason: String?
  }

  /// Channels that are a multiple of others: the expansion inside a block.
  ///
  /// There are `factor · others / denominator` of them, rounded as in
  /// ``WidthRule/divisible(_:by:)``, so that more of the others never make fewer of these.
  public struct Derivation: Hashable, Codable, Sendable {
    /// The group multiplied, or `nil` for the channels that the block reads.
    public let group: Int?

    /// What the factor is divided by: 1, or 100 for factors in per cent.
    public let denominator: Int

    /// What the channels are a multiple of.
    public let divisor: Int

    /// The decision on the factor; `nil` if there is only one.
    public internal(set) var decision: Int?

    /// The question behind ``decision``.
    let question: Int

    /// The channels that follow from `channels` others.
    public func channels(factor: Int, of channels: Int) -> Int {
      WidthRule.divisible(Double(factor * channels) / Double(denominator), by: divisor)
    }
  }
}

/// One answer to every decision of a space, as indices into their choices.
///
/// An architecture has no meaning without its space; ``SearchSpace/network(of:)`` gives it one.
public struct Architecture: Hashable, Codable, Sendable {
  /// For each decision, the index of the choice taken.
  public internal(set) var choices: [Int]

  package init(choices: [Int]) {
    self.choices = choices
  }
}
