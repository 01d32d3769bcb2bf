/// Every architecture of a space once, from the smallest to the largest, made as it is asked for.
///
///     for architecture in try space.allArchitectures(atMost: 10_000) { … }
///
/// As in ``ArchitectureCensus``, architectures of the same network count once: decisions that size
/// nothing take their largest choice.
public struct AllArchitectures: Sequence, IteratorProtocol, Sendable {
  private let space: SearchSpace
  private let dependencies: Dependencies
  private var upcoming: Architecture?

  /// Lists what comes after an architecture, or everything.
  ///
  /// - Parameters:
  ///   - space: The space.
  ///   - last: An architecture of this list that it is to go on after; `nil` begins it.
  public init(of space: SearchSpace, after last: Architecture? = nil) {
    self.space = space
    dependencies = Dependencies(of: space)
    upcoming = nil
    upcoming =
      last.map { successor(of: $0) } ?? dependencies.canonical(space.smallest, in: space)
  }

  public mutating func next() -> Architecture? {
    guard let present = upcoming else { return nil }
    upcoming = successor(of: present)
    return present
  }

  /// Counts on by one, as an odometer does; what is idle has only one figure on its wheel.
  private func successor(of architecture: Architecture) -> Architecture? {
    var successor = architecture
    for decision in dependencies.order.reversed() {
      let last = space.decisions[decision].choices.count - 1
      if architecture.choices[decision] < last {
        successor.choices[decision] += 1
        return dependencies.canonical(successor, in: space)
      }
      successor.choices[decision] = 0
    }
    return nil
  }
}

extension SearchSpace {
  /// Lists every architecture, if there are not too many.
  ///
  /// - Parameter limit: The most that are wanted.
  /// - Returns: All of them, none twice.
  /// - Throws: ``TooManyArchitectures`` if there are more.
  public func allArchitectures(
    atMost limit: Int
  ) throws(TooManyArchitectures) -> AllArchitectures {
    let census = ArchitectureCensus(of: self)
    guard census.count <= WholeNumber(limit) else {
      throw TooManyArchitectures(count: census.count, limit: limit)
    }
    return AllArchitectures(of: self)
  }
}

/// More architectures than someone wanted to go through.
public struct TooManyArchitectures: Error, Hashable, Sendable, CustomStringConvertible {
  /// How many there are.
  public let count: WholeNumber

  /// How many were wanted at most.
  public let limit: Int

  public init(count: WholeNumber, limit: Int) {
    self.count = count
    self.limit = limit
  }

  public var description: String {
    "the space has \(count) architectures, and at most \(limit) can be gone through"
  }
}
