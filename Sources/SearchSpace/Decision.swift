/// One question that every architecture of a space answers with one of a few sizes.
public struct Decision: Hashable, Codable, Sendable {
  /// A name such as `stage2.block1.inner`, unique in its space.
  public let name: String

  public let kind: Kind

  /// The sizes on offer, ascending: channels of a width, blocks of a depth.
  public let choices: [Int]

  /// What a decision sizes.
  public enum Kind: Hashable, Codable, Sendable {
    /// The channels of the group with this index in ``SearchSpace/groups``.
    case width(group: Int)

    /// How many blocks of the stage with this index are kept, counted from its start.
    case depth(stage: Int)
  }
}

/// Channels that must agree in number, and why they must.
public struct ChannelGroup: Hashable, Codable, Sendable {
  /// The name of the first layer or stage whose channels these are.
  public let name: String

  /// The channel counts on offer, ascending; one if the group is not elastic.
  public let choices: [Int]

  /// The decision that picks one of the choices, or `nil` if there is only one.
  public internal(set) var decision: Int?

  /// The layers that produce these channels, each with the reason why it belongs here.
  public internal(set) var members: [Member]

  /// A layer tied to a group.
  public struct Member: Hashable, Codable, Sendable {
    public let layer: String

    /// Completes the sentence "It has these channels because …"; `nil` for the layer that names
    /// the group.
    public let reason: String?
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
