/// Why a scalar is not of the kind that was wanted.
package struct ScalarError: Error {
  /// What ends the message, such as "write digits only".
  package var hint: String?
}

/// How the words of a search file are read as numbers.
///
/// The rules are the file's own and not those of YAML 1.1: `010` is ten, `1_000` is no number, and
/// nothing but `true` and `false` is a truth value.
package enum ScalarRules {
  /// Reads `5000` or `-3`: digits, and a minus before them.
  package static func integer<Number: FixedWidthInteger>(
    _ text: String
  ) throws(ScalarError) -> Number {
    let digits = text.hasPrefix("-") ? text.dropFirst() : text[...]
    guard isDigits(digits) else {
      throw ScalarError(hint: digits.contains(where: \.isNumber) ? "write digits only" : nil)
    }
    guard let number = Number(text) else {
      throw ScalarError(hint: "that is too \(text.hasPrefix("-") ? "small" : "large")")
    }
    return number
  }

  /// Reads `0.1`, `5` or `1e-4`, finite and not so small that it would become zero.
  package static func decimal(_ text: String) throws(ScalarError) -> Double {
    let unsigned = text.hasPrefix("-") ? text.dropFirst() : text[...]
    let parts = unsigned.split(maxSplits: 1, omittingEmptySubsequences: false) {
      $0 == "e" || $0 == "E"
    }
    let mantissa = parts[0].split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    var isNumber = mantissa.allSatisfy(isDigits)
    if parts.count == 2 {
      let hasSign = parts[1].hasPrefix("-") || parts[1].hasPrefix("+")
      isNumber = isNumber && isDigits(hasSign ? parts[1].dropFirst() : parts[1])
    }
    guard isNumber, let number = Double(text) else { throw ScalarError() }
    guard number.isFinite else { throw ScalarError(hint: "that is too large for a number") }
    guard number != 0 || !parts[0].contains(where: { "1"..."9" ~= $0 }) else {
      throw ScalarError(hint: "that is too small to tell from zero")
    }
    return number == 0 ? 0 : number  // Not minus zero.
  }

  /// Reads `4M`, `1.5M`, `300k`, `2G` or `5000`.
  package static func count(_ text: String) throws(ScalarError) -> Int {
    let numeral = try Numeral(text)
    switch numeral.unit {
    case "": return try numeral.times(1)
    case "k": return try numeral.times(1000)
    case "M": return try numeral.times(1_000_000)
    case "G": return try numeral.times(1_000_000_000)
    default: throw ScalarError(hint: "the units are k, M and G")
    }
  }

  /// Reads `40%` or `12.5%` as parts per million.
  package static func share(_ text: String) throws(ScalarError) -> Int {
    let numeral = try Numeral(text)
    guard numeral.unit == "%" else { throw ScalarError() }
    guard numeral.fractionDigits <= 4 else {
      throw ScalarError(hint: "a share has at most 4 decimals")
    }
    return try numeral.times(10_000)
  }

  /// Reads `500ms`, `20s`, `1.5m` or `2h` as milliseconds.
  package static func milliseconds(_ text: String) throws(ScalarError) -> Int {
    let numeral = try Numeral(text)
    switch numeral.unit {
    case "ms": return try numeral.times(1)
    case "s": return try numeral.times(1000)
    case "m": return try numeral.times(60_000)
    case "h": return try numeral.times(3_600_000)
    case "": throw ScalarError(hint: "add a unit: ms, s, m or h")
    default: throw ScalarError(hint: "the units are ms, s, m and h")
    }
  }

  /// Reads `2ms`, `300us`, `1.5s` or `800ns` as nanoseconds.
  package static func nanoseconds(_ text: String) throws(ScalarError) -> Int {
    let numeral = try Numeral(text)
    switch numeral.unit {
    case "ns": return try numeral.times(1)
    case "us", "µs", "μs": return try numeral.times(1000)
    case "ms": return try numeral.times(1_000_000)
    case "s": return try numeral.times(1_000_000_000)
    case "": throw ScalarError(hint: "add a unit: us, ms or s")
    default: throw ScalarError(hint: "the units are us, ms and s")
    }
  }

  fileprivate static func isDigits(_ text: Substring) -> Bool {
    !text.isEmpty && text.utf8.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
  }
}

/// Digits, perhaps a point and more digits, and a unit.
private struct Numeral {
  /// All digits but the zeros at the end of the fraction, without the point.
  let digits: Substring
  let fractionDigits: Int
  let unit: Substring

  init(_ text: String) throws(ScalarError) {
    let number = text.prefix { "0"..."9" ~= $0 || $0 == "." }
    let parts = number.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.allSatisfy(ScalarRules.isDigits) else { throw ScalarError() }
    var fraction = parts.count == 2 ? parts[1] : ""
    while fraction.last == "0" { fraction.removeLast() }
    digits = parts[0] + fraction
    fractionDigits = fraction.count
    unit = text[number.endIndex...]
  }

  /// The number in a unit of which there are `factor` in the numeral's own.
  func times(_ factor: Int) throws(ScalarError) -> Int {
    let notWhole = ScalarError(hint: "that is no whole number")
    guard fractionDigits <= 18 else { throw notWhole }
    let divisor = (0..<fractionDigits).reduce(Int128(1)) { power, _ in power * 10 }
    guard let number = Int(digits) else { throw ScalarError(hint: "that is too large") }
    let (quotient, remainder) = (Int128(number) * Int128(factor)).quotientAndRemainder(
      dividingBy: divisor)
    guard remainder == 0 else { throw notWhole }
    guard let result = Int(exactly: quotient) else {
      throw ScalarError(hint: "that is too large")
    }
    return result
  }
}
