/// A whole number of any size: what counting architectures needs, and no more.
///
///     WholeNumber(12) * WholeNumber(1_000_000_007)  // 12000000084
///
/// It adds, multiplies and compares; it cannot be negative.
public struct WholeNumber: Hashable, Sendable {
  /// The digits to the base 10⁹, the lowest first and the highest not 0; none for zero.
  private var digits: [UInt64]

  private static let base: UInt64 = 1_000_000_000

  /// Creates a small number.
  ///
  /// - Precondition: `value` is not negative.
  public init(_ value: Int) {
    precondition(value >= 0, "\(value) is negative")
    digits = []
    var rest = UInt64(value)
    while rest > 0 {
      digits.append(rest % Self.base)
      rest /= Self.base
    }
  }

  /// The number as an `Int`, or `nil` if it is too large for one.
  public var int: Int? { Int(description) }

  /// This number divided by another, as near as a `Double` comes.
  ///
  /// - Precondition: `whole` is not zero.
  func share(of whole: WholeNumber) -> Double {
    precondition(!whole.digits.isEmpty, "a share of nothing")
    // Three digits hold 19 decimals or more, which is all that a Double can tell apart.
    func leading(_ number: WholeNumber) -> Double {
      number.digits.suffix(3).reversed().reduce(0) { $0 * 1e9 + Double($1) }
    }
    var share = leading(self) / leading(whole)
    let places = max(3, digits.count) - max(3, whole.digits.count)
    for _ in 0..<abs(places) { share *= places > 0 ? 1e9 : 1e-9 }
    return share
  }

  public static func + (left: WholeNumber, right: WholeNumber) -> WholeNumber {
    var sum = left
    var carry: UInt64 = 0
    for place in 0..<max(left.digits.count, right.digits.count) {
      if place == sum.digits.count { sum.digits.append(0) }
      let total =
        sum.digits[place] + (place < right.digits.count ? right.digits[place] : 0) + carry
      sum.digits[place] = total % base
      carry = total / base
    }
    if carry > 0 { sum.digits.append(carry) }
    return sum
  }

  public static func * (left: WholeNumber, right: WholeNumber) -> WholeNumber {
    var product = WholeNumber(0)
    product.digits = [UInt64](repeating: 0, count: left.digits.count + right.digits.count)
    for (place, digit) in left.digits.enumerated() {
      var carry: UInt64 = 0
      for (offset, other) in right.digits.enumerated() {
        let total = product.digits[place + offset] + digit * other + carry
        product.digits[place + offset] = total % base
        carry = total / base
      }
      product.digits[place + right.digits.count] = carry
    }
    while product.digits.last == 0 { product.digits.removeLast() }
    return product
  }
}

extension WholeNumber: Comparable {
  public static func < (left: WholeNumber, right: WholeNumber) -> Bool {
    guard left.digits.count == right.digits.count else {
      return left.digits.count < right.digits.count
    }
    return left.digits.reversed().lexicographicallyPrecedes(right.digits.reversed())
  }
}

extension WholeNumber: CustomStringConvertible {
  /// The number in decimals, without separators.
  public var description: String {
    guard let highest = digits.last else { return "0" }
    return digits.dropLast().reversed().reduce("\(highest)") { text, digit in
      let decimals = "\(digit)"
      return text + String(repeating: "0", count: 9 - decimals.count) + decimals
    }
  }
}
