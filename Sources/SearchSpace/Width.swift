/// The numbers that an elastic size may take, ascending and without repetition.
///
///     let narrow: Choices = 16                        // one choice
///     let listed: Choices = [16, 24, 32]
///     let stepped = Choices.range(8...32, step: 8)    // 8, 16, 24, 32
public struct Choices: Hashable, Codable, Sendable, ExpressibleByIntegerLiteral,
  ExpressibleByArrayLiteral
{
  /// The values, ascending.
  public let values: [Int]

  /// Creates choices from values in any order.
  public init(_ values: some Sequence<Int>) {
    self.values = Set(values).sorted()
  }

  public init(integerLiteral value: Int) { self.init([value]) }

  public init(arrayLiteral elements: Int...) { self.init(elements) }

  /// The values `lowerBound`, `lowerBound + step`, … up to `upperBound`.
  ///
  /// - Precondition: `step` is positive.
  public static func range(_ range: ClosedRange<Int>, step: Int = 1) -> Choices {
    precondition(step > 0, "a range cannot advance by \(step)")
    return Choices(stride(from: range.lowerBound, through: range.upperBound, by: step))
  }

  /// The largest value; 0 of no values.
  public var largest: Int { values.last ?? 0 }

  /// These choices with all but the largest left out.
  public var fixed: Choices { Choices([largest]) }
}

/// The rule by which a family of networks makes its widths elastic.
///
/// AutoSlim's own: every width is scaled, then shrinks in about ``groups`` equal steps, each a
/// multiple of ``divisor``.
///
///     WidthRule(scale: 1.5, groups: 12, divisor: 8).choices(of: 96)  // 16, 32, … 128, 144
///
/// > J. Yu, T. Huang. "AutoSlim: Towards One-Shot Architecture Search for Channel Numbers."
/// > [arXiv:1903.11728](https://arxiv.org/abs/1903.11728). The rounding is the one that explains
/// > all of the thirteen channel lists that the authors published.
public struct WidthRule: Hashable, Codable, Sendable {
  /// What each width of the family's table is multiplied by.
  public var scale: Double

  /// How many choices a width has, roughly; 1 leaves only the widest.
  public var groups: Int

  /// What every width is a multiple of.
  public var divisor: Int

  /// The choices in per cent of the widest, which is one of them in any case; `nil` for equal steps.
  ///
  /// What they give is rounded down, as TAS does: of 16 channels, 30 % are 4.
  public var shares: [Int]?

  /// The share of the widest choice below which there are no others, from 0 to 1.
  ///
  /// It is rounded down to a multiple of ``divisor``, so a choice a little below it may remain.
  public var smallest: Double

  /// Creates a rule; the defaults are those of AutoSlim's MobileNets but for the scale.
  ///
  /// - Precondition: The first three are positive.
  public init(
    scale: Double = 1, groups: Int = 12, divisor: Int = 8, shares: [Int]? = nil,
    smallest: Double = 0
  ) {
    precondition(scale > 0 && groups > 0 && divisor > 0, "a width rule takes positive numbers")
    precondition((0...1).contains(smallest), "\(smallest) is no share of a width")
    self.scale = scale
    self.groups = groups
    self.divisor = divisor
    self.shares = shares
    self.smallest = smallest
  }

  /// The widest choice for a width that the family's table gives as `base`.
  public func widest(of base: Int) -> Int {
    Self.divisible(Double(base) * scale, by: divisor)
  }

  /// All choices for a width that the family's table gives as `base`.
  public func choices(of base: Int) -> Choices { choices(downFrom: widest(of: base)) }

  /// The choices from `widest` down: its ``shares`` if there are such, else equal steps, the
  /// narrowest above zero and not below the share ``smallest``.
  public func choices(downFrom widest: Int) -> Choices {
    if let shares {
      let narrower = shares.map { max(divisor, widest * $0 / 100 / divisor * divisor) }
      return Choices(narrower.filter { $0 < widest } + [widest])
    }
    let steps = (Double(widest) / Double(groups * divisor)).rounded(.toNearestOrEven)
    let step = divisor * max(1, Int(steps))
    let least = Int(Double(widest) * smallest) / divisor * divisor
    return Choices(stride(from: widest, through: max(1, least), by: -step))
  }

  /// The multiple of `divisor` nearest to `width`, but not below nine tenths of it.
  public static func divisible(_ width: Double, by divisor: Int) -> Int {
    let nearest = max(divisor, Int(width / Double(divisor) + 0.5) * divisor)
    return Double(nearest) < 0.9 * width ? nearest + divisor : nearest
  }
}
