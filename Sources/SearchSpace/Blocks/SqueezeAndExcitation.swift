/// A gate for each channel, computed from the means of all channels.
///
/// ```
/// x ─▶ mean of the map ─▶ linear, activation ─▶ linear, sigmoid ─▶ × ─▶
/// └───────────────────────────────────────────────────────────────┘
/// ```
///
/// > J. Hu, L. Shen, G. Sun. "Squeeze-and-Excitation Networks." CVPR 2018.
/// > [arXiv:1709.01507](https://arxiv.org/abs/1709.01507), figure 3.
public struct SqueezeAndExcitation: Hashable, Sendable {
  /// How many channels are left between the two matrices, in per cent of the reference.
  public var share: Int

  /// What they are a multiple of.
  public var divisor: Int

  /// What the share is of.
  public var reference: Reference

  /// The activation between the two matrices.
  public var activation: Activation

  public enum Reference: String, Hashable, Sendable, CaseIterable {
    /// The channels that the block reads, as in EfficientNet and RegNetY.
    case input
    /// The channels that are gated, as in the paper and MobileNetV3.
    case inner
  }

  /// Creates a gate.
  ///
  /// - Precondition: The numbers are positive.
  public init(
    share: Int = 25, of reference: Reference = .inner, divisor: Int = 1,
    activation: Activation = .relu
  ) {
    precondition(share > 0 && divisor > 0, "a gate of \(share) % in steps of \(divisor)")
    self.share = share
    self.divisor = divisor
    self.reference = reference
    self.activation = activation
  }
}

extension BlockBuilder {
  /// Gates the channels of `x`, which are those of a group, or of the block's input if that is
  /// `nil`.
  mutating func gated(
    _ x: Source, by gate: SqueezeAndExcitation, channels: Int?
  ) throws(SearchSpaceError) -> Source {
    let squeezed = try blueprint.addGroup(
      "\(name).squeeze",
      Factor(choices: Choices([gate.share]), denominator: 100, divisor: gate.divisor),
      of: gate.reference == .inner ? channels : nil, producer: "\(name).gate.squeeze")
    if let channels {
      blueprint.tie("\(name).gate.excite", to: channels, because: "it gates these channels")
    }
    let mean = add("gate.pool", .globalAveragePool, x, .like(x))
    let squeeze = add(
      "gate.squeeze", .linear(activation: gate.activation), mean, .group(squeezed))
    let excite = add("gate.excite", .linear(activation: .sigmoid), squeeze, .like(x))
    return add("gate", .scale, x, .like(x), operand: excite)
  }
}
