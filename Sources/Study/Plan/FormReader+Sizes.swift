import SearchSpace

/// How a search file writes numbers to choose from.
extension FormReader {
  /// Reads the shape of images.
  ///
  /// - Returns: The shape; `nil` if there is no form, or no list.
  mutating func shape(_ form: Form?) -> Shape? {
    guard let form, let sides = list(form, example: "[3, 32, 32]") else { return nil }
    var numbers = [1, 1, 1]
    if sides.count == 3 {
      for (index, side) in sides.enumerated() { integer(side, 1...65536, into: &numbers[index]) }
    } else {
      report(form.position, "\(form.path) lists channels, height and width: three numbers")
    }
    return Shape(channels: numbers[0], height: numbers[1], width: numbers[2])
  }

  /// The most numbers that one size may be chosen from.
  private static let longestChoice = 4096

  /// The most channels that a layer may have.
  private static let widest = 65536

  /// Reads a name of letters, digits, `-` and `_`.
  mutating func name(_ form: Form?, into name: inout String?) {
    guard let form else { return }
    var text = ""
    self.text(form, expecting: "a name", longest: 60, into: &text)
    guard !text.isEmpty else { return }
    let isPlain = text.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
        true
      default: false
      }
    }
    if isPlain, text.first?.isLetter == true {
      name = text
    } else {
      report(form.position, "\(form.path) takes letters, digits, - and _, a letter first")
    }
  }

  /// Reads channels: `16`, `[16, 24]`, `{from: 8, to: 32, step: 8}` or
  /// `{base: 64, scale: 1, groups: 12, divisor: 8}`.
  mutating func widths(_ form: Form?, into choices: inout Choices) {
    guard let form, case .mapping(let entries) = form.content,
      entries.contains(where: { $0.key == "base" })
    else {
      self.choices(
        form, 1...Self.widest, example: "16, [16, 24] or {from: 8, to: 32, step: 8}",
        into: &choices)
      return
    }
    var (base, rule) = (1, WidthRule())
    let keys = mapping(form, keys: ["base", "scale", "groups", "divisor"])
    integer(keys["base"], 1...Self.widest, into: &base)
    decimal(keys["scale"], .from(0.01, to: 10), into: &rule.scale)
    integer(keys["groups"], 1...1000, into: &rule.groups)
    integer(keys["divisor"], 1...1024, into: &rule.divisor)
    choices = rule.choices(of: base)
  }

  /// Reads odd sides of windows.
  mutating func kernels(_ form: Form?, into choices: inout Choices) {
    let before = problems.count
    self.choices(form, 1...31, example: "3 or [3, 5, 7]", into: &choices)
    guard let form, problems.count == before else { return }
    if choices.values.contains(where: { $0.isMultiple(of: 2) }) {
      report(form.position, "\(form.path) must be odd, as a window without a middle has no place")
    }
  }

  /// Reads one number, a list of them, or a range.
  mutating func choices(
    _ form: Form?, _ range: ClosedRange<Int>, example: String, into choices: inout Choices
  ) {
    guard let form else { return }
    switch form.content {
    case .scalar:
      var number = choices.largest
      integer(form, range, into: &number)
      choices = Choices([number])
    case .list(let elements):
      if elements.isEmpty {
        report(form.position, "\(form.path) offers nothing to choose; write for example \(example)")
        return
      }
      guard elements.count <= Self.longestChoice else {
        report(form.position, "\(form.path) lists more than \(Self.longestChoice) numbers")
        return
      }
      choices = Choices(
        elements.map { element in
          var (element, number) = (element, range.lowerBound)
          element.path = "an entry of \(form.path)"
          integer(element, range, into: &number)
          return number
        })
    case .mapping:
      stepped(form, range, into: &choices)
    }
  }

  private mutating func stepped(
    _ form: Form, _ range: ClosedRange<Int>, into choices: inout Choices
  ) {
    let before = problems.count
    var (from, to, step) = (range.lowerBound, range.lowerBound, 1)
    let keys = mapping(
      form, keys: ["from", "to", "step"], required: ["from": "from: 8", "to": "to: 32"])
    integer(keys["from"], range, into: &from)
    integer(keys["to"], range, into: &to)
    integer(keys["step"], 1...range.upperBound, into: &step)
    guard problems.count == before else { return }
    if from > to {
      report(form.position, "\(form.path) goes from \(from) to \(to); exchange them")
    } else if !(to - from).isMultiple(of: step) {
      let last = to - (to - from) % step
      report(
        keys["step"]?.position ?? form.position,
        "steps of \(step) do not lead from \(from) to \(to); the last would be \(last)")
    } else if (to - from) / step >= Self.longestChoice {
      report(form.position, "\(form.path) has more than \(Self.longestChoice) choices")
    } else {
      choices = .range(from...to, step: step)
    }
  }

  /// Reads channels inside a block: as widths, or in per cent, such as `25%` or `[25%, 50%]`.
  mutating func inner(_ form: Form?, divisor: Int, into inner: inout Inner) {
    guard let form else { return }
    guard form.isShare else {
      var widths: Choices = 1
      self.widths(form, into: &widths)
      inner = Inner(widths)
      return
    }
    let elements = if case .list(let elements) = form.content { elements } else { [form] }
    let shares = elements.prefix(Self.longestChoice).map { element in
      var (element, share) = (element, 100)
      element.path = form.path
      percent(element, into: &share)
      return share
    }
    inner = .percent(Choices(shares), divisor: divisor)
  }

  /// Reads parts of a width, such as `[30%, 50%, 100%]`.
  ///
  /// - Returns: The shares in per cent, ascending; `nil` if there is no form.
  mutating func shares(_ form: Form?) -> [Int]? {
    guard let form, let elements = list(form, example: "[30%, 50%, 100%]") else { return nil }
    if elements.isEmpty { report(form.position, "\(form.path) offers nothing to choose") }
    let shares = elements.prefix(Self.longestChoice).map { element in
      let before = problems.count
      var share = 100
      percent(element, into: &share)
      if share > 100, problems.count == before {
        report(element.position, "\(element.path) is at most 100%, the widest choice")
      }
      return share
    }
    return Set(shares).sorted()
  }

  private mutating func percent(_ form: Form, into share: inout Int) {
    scalar(form, expecting: "a share from 1% to 1000%", into: &share) {
      (text) throws(ScalarError) in
      let parts = try ScalarRules.share(text)
      guard parts.isMultiple(of: 10_000), 1...1000 ~= parts / 10_000 else {
        throw ScalarError(hint: "a share of channels is a whole number of per cent")
      }
      return parts / 10_000
    }
  }

  /// Reads a gate; its mapping may be empty.
  mutating func gate(_ form: Form) -> SqueezeAndExcitation {
    var gate = SqueezeAndExcitation()
    let keys = mapping(form, keys: ["share", "of", "divisor", "activation"])
    if let form = keys["share"] { percent(form, into: &gate.share) }
    word(keys["of"], into: &gate.reference)
    integer(keys["divisor"], 1...1024, into: &gate.divisor)
    word(keys["activation"], into: &gate.activation)
    return gate
  }
}

extension Form {
  /// Whether a number, or the first of a list, ends in a per cent sign.
  fileprivate var isShare: Bool {
    switch content {
    case .scalar(let text, _): text.hasSuffix("%")
    case .list(let elements): elements.first?.isShare ?? false
    case .mapping: false
    }
  }
}
