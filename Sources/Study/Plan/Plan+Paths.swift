import Evaluator

// Which subnets a step of the supernet's training takes, as a search file says it.

extension Plan.Supernet {
  /// The words for `paths`.
  private enum Word: String, CaseIterable {
    case sandwich
    case single
    case largest
  }

  mutating func readPaths(_ keys: [String: Form], _ reader: inout FormReader) {
    var word = Word.sandwich
    reader.word(keys["paths"], into: &word)
    let idle: [String]
    switch word {
    case .sandwich:
      idle = ["sparsity"]
      var (random, distills) = (2, true)
      reader.integer(keys["sandwich"], 0...16, into: &random)
      reader.flag(keys["distill"], into: &distills)
      paths = .sandwich(random: random, distills: distills)
    case .single:
      idle = ["sandwich", "distill", "sparsity"]
      paths = .single
    case .largest:
      idle = ["sandwich", "distill"]
      var sparsity = 0.0
      reader.decimal(keys["sparsity"], .from(0, to: 1), into: &sparsity)
      paths = .largest(sparsity: sparsity)
    }
    for key in idle {
      guard let form = keys[key] else { continue }
      reader.report(
        form.position, "\(form.path) has no effect with paths: \(word.rawValue); remove it")
    }
  }
}

extension Plan.Supernet {
  mutating func readProbe(_ form: Form?, _ reader: inout FormReader) {
    reader.scalar(form, expecting: "3 to 100 networks, or 0 for no probe", into: &probe) {
      (text) throws(ScalarError) in
      let count = try ScalarRules.count(text)
      guard count == 0 || RankProbe.fewest...100 ~= count else { throw ScalarError() }
      return count
    }
  }

  /// Whether the training presses the scales of normalisations towards zero.
  var isSparse: Bool {
    if case .largest(let sparsity) = paths { sparsity > 0 } else { false }
  }
}

extension Supernet.Paths {
  /// The lines below `supernet` that say so.
  ///
  /// The sandwich is told by its own settings, as it was before there was another rule: so the
  /// fingerprints of plans stay what they were.
  var lines: [String] {
    switch self {
    case .sandwich(let random, let distills): ["sandwich: \(random)", "distill: \(distills)"]
    case .single: ["paths: single"]
    case .largest(let sparsity): ["paths: largest", "sparsity: \(sparsity)"]
    }
  }
}
