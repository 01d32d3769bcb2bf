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
  /// The widths of blocks that a shallower stage leaves out size nothing.
  public func isActive(_ decision: Int, in architecture: Architecture) -> Bool {
    switch decisions[decision].kind {
    case .depth: true
    case .width(let group):
      blocks.contains { block in
        isPresent(block, in: architecture) && block.layers.contains { $0.group == group }
      }
    }
  }

  /// The sizes chosen, by the names of their decisions, without those that size nothing.
  public func sizes(of architecture: Architecture) -> [(name: String, size: Int)] {
    decisions.indices.compactMap { index in
      guard isActive(index, in: architecture) else { return nil }
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
    for (index, decision) in decisions.enumerated()
    where sizes[decision.name] == nil && isActive(index, in: architecture) {
      throw .badChoice(decision: decision.name, value: "left out", choices: decision.choices)
    }
    return architecture
  }
}
