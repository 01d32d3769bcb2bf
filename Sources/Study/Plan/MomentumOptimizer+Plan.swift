import Networks

/// How a search file writes an optimizer.
extension MomentumOptimizer {
  mutating func read(_ form: Form?, _ reader: inout FormReader) {
    let keys = reader.mapping(
      form,
      keys: [
        "lr", "momentum", "nesterov", "weight-decay", "schedule", "warm-up", "milestones",
      ])
    reader.decimal(keys["lr"], .above(0, to: 100), into: &rate)
    reader.decimal(keys["momentum"], .from(0, below: 1), into: &momentum)
    reader.flag(keys["nesterov"], into: &isNesterov)
    reader.decimal(keys["weight-decay"], .from(0, to: 1), into: &weightDecay)
    reader.word(keys["schedule"], into: &schedule)
    reader.share(keys["warm-up"], into: &warmUp)
    guard let places = keys["milestones"] else { return }
    guard schedule == .step else {
      reader.report(
        places.position, "milestones go with 'schedule: step', not \(schedule.rawValue)")
      return
    }
    guard let forms = reader.list(places, example: "[50%, 75%]") else { return }
    milestones = forms.map { form in
      var milestone = 0.0
      reader.share(form, into: &milestone)
      return milestone
    }
    if zip(milestones, milestones.dropFirst()).contains(where: >=) {
      reader.report(places.position, "milestones come in their order, such as [50%, 75%]")
    }
  }

  /// The lines below `optimizer` in the file that says the same, without indentation.
  ///
  /// A warm-up of nothing and milestones that count for nothing are left out.
  var lines: [String] {
    var lines = [
      "lr: \(rate)", "momentum: \(momentum)", "nesterov: \(isNesterov)",
      "weight-decay: \(weightDecay)", "schedule: \(schedule.rawValue)",
    ]
    if warmUp > 0 { lines.append("warm-up: \(warmUp.share)") }
    if schedule == .step {
      lines.append("milestones: [\(milestones.map(\.share).joined(separator: ", "))]")
    }
    return lines
  }
}

extension FormReader {
  /// Reads a share of less than all, such as `5%`.
  fileprivate mutating func share(_ form: Form?, into share: inout Double) {
    scalar(form, expecting: "a share from 0% to below 100%, such as 5%", into: &share) {
      (text) throws(ScalarError) in
      let partsPerMillion = try ScalarRules.share(text)
      guard partsPerMillion < 1_000_000 else { throw ScalarError() }
      return Double(partsPerMillion) / 1_000_000
    }
  }
}

extension Double {
  /// The number as a search file has shares: `5%`.
  fileprivate var share: String {
    Plan.Limit.Amount.text(ofShare: Int((self * 1_000_000).rounded()))
  }
}
