extension SearchSpace {
  /// Whether `architecture` answers every decision with a choice on offer.
  public func contains(_ architecture: Architecture) -> Bool {
    architecture.choices.count == decisions.count
      && zip(architecture.choices, decisions).allSatisfy { $1.choices.indices.contains($0) }
  }

  /// Every decision at its largest choice.
  public var largest: Architecture {
    Architecture(choices: decisions.map { $0.choices.count - 1 })
  }

  /// Every decision at its smallest choice.
  public var smallest: Architecture {
    Architecture(choices: decisions.map { _ in 0 })
  }

  /// Every decision at the choice, by its place among the others, that a closure gives it, or at its
  /// largest where there is none.
  public func architecture(choosing choice: (_ decision: Int) -> Int?) -> Architecture {
    let architecture = Architecture(
      choices: decisions.indices.map { choice($0) ?? decisions[$0].choices.count - 1 })
    precondition(contains(architecture), "the choices are not all of \(name)")
    return architecture
  }

  /// Draws every decision on its own, uniformly from its choices.
  public func randomArchitecture(using generator: inout some RandomNumberGenerator)
    -> Architecture
  {
    Architecture(choices: decisions.map { .random(in: $0.choices.indices, using: &generator) })
  }

  /// Returns `architecture` with one decision a choice smaller.
  ///
  /// - Returns: `nil` if the decision is at its smallest choice already, or sizes only blocks that
  ///   the architecture does not have.
  public func lowering(_ decision: Int, of architecture: Architecture) -> Architecture? {
    guard architecture.choices[decision] > 0, isActive(decision, in: architecture) else {
      return nil
    }
    var lowered = architecture
    lowered.choices[decision] -= 1
    return lowered
  }

  /// Whether a decision sizes anything in `architecture`.
  ///
  /// The sizes of blocks that a shallower stage or another alternative leaves out size nothing.
  public func isActive(_ decision: Int, in architecture: Architecture) -> Bool {
    activeDecisions(in: architecture)[decision]
  }

  /// For each decision, whether it sizes anything in `architecture`.
  public func activeDecisions(in architecture: Architecture) -> [Bool] {
    uses.map { uses in uses.contains { holds($0, in: architecture) } }
  }

  /// The architecture of the same network in which every decision that sizes nothing takes its
  /// largest choice, so that equal networks have equal architectures.
  public func canonical(_ architecture: Architecture) -> Architecture {
    var canonical = architecture
    for (decision, isActive) in activeDecisions(in: architecture).enumerated() where !isActive {
      canonical.choices[decision] = decisions[decision].choices.count - 1
    }
    return canonical
  }

  /// Finds the parts of the space that each decision sizes.
  ///
  /// Left out are those that are there only together with another, and conditions that no decision
  /// settles.
  func usesOfDecisions() -> [[[Condition]]] {
    var uses = [[[Condition]]](repeating: [], count: decisions.count)
    func use(_ question: Int, _ conditions: [Condition]) {
      guard let decision = questions[question].decision else { return }
      let open = conditions.filter { questions[$0.question].decision != nil }
      let settled = conditions.filter { questions[$0.question].decision == nil }
      guard settled.allSatisfy({ $0.holds(for: questions[$0.question].choices[0]) }),
        !uses[decision].contains(where: { open.imply($0) })
      else { return }
      uses[decision].removeAll { $0.imply(open) }
      uses[decision].append(open)
    }
    func use(group: Int, _ conditions: [Condition]) {
      if let question = groups[group].question { use(question, conditions) }
      guard let derivation = groups[group].derivation else { return }
      use(derivation.question, conditions)
      if let group = derivation.group { use(group: group, conditions) }
    }
    for (index, question) in questions.enumerated() {
      switch question.kind {
      case .depth, .alternative: use(index, question.conditions)
      case .width, .kernel, .expansion: break  // in force where a layer has them
      }
    }
    for block in blocks {
      for layer in block.layers {
        if let kernel = layer.kernel { use(kernel, block.conditions) }
        if case .group(let group) = layer.channels { use(group: group, block.conditions) }
      }
    }
    return uses
  }

  /// The sizes chosen, by the names of their decisions, without those that size nothing.
  public func sizes(of architecture: Architecture) -> [(name: String, size: Int)] {
    let active = activeDecisions(in: architecture)
    return decisions.indices.compactMap { index in
      guard active[index] else { return nil }
      return (decisions[index].name, decisions[index].choices[architecture.choices[index]])
    }
  }

  /// A text that two architectures share exactly when they make the same network.
  public func key(of architecture: Architecture) -> String {
    sizes(of: architecture).map { "\($0.name)=\($0.size)" }.joined(separator: " ")
  }

  /// Finds the architecture with the given sizes.
  ///
  /// Decisions that are left out take their largest choice if they are fixed or size nothing.
  ///
  /// - Parameter sizes: A size for each decision, by name.
  /// - Returns: The architecture.
  /// - Throws: ``SearchSpaceError`` if a size is not on offer, missing or unknown.
  public func architecture(sizes: [String: Int]) throws(SearchSpaceError) -> Architecture {
    let known = decisions.map(\.name)
    for name in sizes.keys.sorted() where !known.contains(name) {
      throw .unknownDecision(name, known: known)
    }
    var architecture = largest
    for (index, decision) in decisions.enumerated() {
      guard let size = sizes[decision.name] else { continue }
      guard let choice = decision.choices.firstIndex(of: size) else {
        throw .badChoice(decision: decision.name, value: "\(size)", choices: decision.choices)
      }
      architecture.choices[index] = choice
    }
    let active = activeDecisions(in: architecture)
    for (index, decision) in decisions.enumerated()
    where sizes[decision.name] == nil && active[index] {
      throw .badChoice(decision: decision.name, value: "left out", choices: decision.choices)
    }
    return architecture
  }
}

extension [Condition] {
  /// Whether all of the others hold wherever all of these do.
  fileprivate func imply(_ others: [Condition]) -> Bool {
    others.allSatisfy { other in contains { $0.implies(other) } }
  }
}
