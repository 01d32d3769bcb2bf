import SearchSpace
import Testing

/// Spaces small enough to go through by hand.
enum SmallSpaces: CaseIterable {
  case tied, untied, residual, alternatives, fixed

  func make() throws -> SearchSpace {
    let input = Shape(channels: 3, height: 8, width: 8)
    return switch self {
    case .tied:
      try SearchSpace(name: "tied", input: input) {
        Convolution(name: "stem", width: [4, 8], kernel: 3)
        Stage(.basic(inner: [4, 6, 8]), width: [4, 8], depth: [1, 2, 3])
        Stage(.basic(inner: [4, 8]), width: [4, 8, 12], depth: [1, 2], stride: 2)
        GlobalAveragePool()
        Linear(classes: 3)
      }
    case .untied:
      try SearchSpace(name: "untied", input: input) {
        Stage(.depthwiseSeparable(), width: [4, 6, 8], depth: [2, 4])
        Stage(.depthwiseSeparable(), width: [4, 8], depth: [1, 2, 3], stride: 2)
        GlobalAveragePool()
        Linear(classes: 3)
      }
    case .residual:
      try SearchSpace(name: "residual", input: input) {
        Convolution(width: 4, kernel: 3)
        Stage(
          .invertedResidual(inner: [8, 12, 16]), width: [4, 8], depth: [1, 2, 4])
        Convolution(width: [8, 16], kernel: 1)
        GlobalAveragePool()
        Linear(classes: 3)
      }
    case .alternatives:
      try SearchSpace(name: "alternatives", input: input) {
        Convolution(width: 4, kernel: [3, 5])
        OneOf {
          Alternative {}
          Alternative {
            Stage(
              .invertedResidual(expand: [1, 2], kernel: [3, 5]), width: [4, 8], depth: [1, 2])
          }
        }
        Stage(.basic(), width: [4, 6], depth: [1, 2], residual: .shortcut)
        GlobalAveragePool()
        Linear(classes: 3)
      }
    case .fixed:
      try SearchSpace(name: "fixed", input: input) {
        Convolution(width: 4, kernel: 3)
        GlobalAveragePool()
        Linear(classes: 3)
      }
    }
  }

  /// Every combination of choices, the same network often many times.
  func combinations(of space: SearchSpace) throws -> [Architecture] {
    var all = [space.smallest]
    for (index, decision) in space.decisions.enumerated() {
      all = try all.flatMap { architecture in
        try decision.choices.map { size in
          var sizes = [String: Int](
            uniqueKeysWithValues: zip(space.decisions, architecture.choices).map {
              ($0.name, $0.choices[$1])
            })
          sizes[space.decisions[index].name] = size
          return try space.architecture(sizes: sizes)
        }
      }
    }
    return all
  }
}

@Suite struct CensusTests {
  @Test(arguments: SmallSpaces.allCases)
  func `counts as many architectures as there are different networks`(kind: SmallSpaces) throws {
    let space = try kind.make()
    let networks = Set(try kind.combinations(of: space).map(space.network(of:)))
    #expect(ArchitectureCensus(of: space).count == WholeNumber(networks.count))
  }

  @Test(arguments: SmallSpaces.allCases)
  func `lists every network once, beginning with the smallest`(kind: SmallSpaces) throws {
    let space = try kind.make()
    let expected = Set(try kind.combinations(of: space).map(space.network(of:)))
    let all = Array(try space.allArchitectures(atMost: expected.count))
    #expect(all.count == expected.count)
    #expect(Set(all.map(space.network(of:))) == expected)
    #expect(all.first.map(space.network(of:)) == space.network(of: space.smallest))
  }

  @Test func `refuses to list more than are wanted`() throws {
    let space = try SmallSpaces.tied.make()
    let count = ArchitectureCensus(of: space).count
    let enough = try #require(count.int)
    #expect(throws: TooManyArchitectures(count: count, limit: enough - 1)) {
      try space.allArchitectures(atMost: enough - 1)
    }
  }

  @Test func `counts by hand what can be counted by hand`() throws {
    // The stem shares its width with the first stage; blocks have an inner width of 3 choices, of
    // which a stage of depth d has d: 2 · (3 + 3² + 3³) · 3 · (2 + 2²).
    #expect(
      try ArchitectureCensus(of: SmallSpaces.tied.make()).count == WholeNumber(2 * 39 * 3 * 6))
    // MobileNetV2 as AutoSlim searches it has twenty-five widths and no depths: a plain product.
    let space = try Family.mobileNetV2.space(
      input: Shape(channels: 3, height: 224, width: 224), classes: 1000)
    let product = space.decisions.reduce(WholeNumber(1)) { $0 * WholeNumber($1.choices.count) }
    #expect(ArchitectureCensus(of: space).count == product)
  }

  @Test(arguments: [SmallSpaces.tied, .untied, .residual])
  func `draws every network equally often`(kind: SmallSpaces) throws {
    let space = try kind.make()
    let census = ArchitectureCensus(of: space)
    let count = try #require(census.count.int)
    var generator = SeededGenerator(seed: 11)
    let draws = 40 * count
    var times: [Architecture: Int] = [:]
    for _ in 0..<draws { times[census.randomArchitecture(using: &generator), default: 0] += 1 }
    // Pearson's statistic is about normal of mean n - 1 and variance 2 (n - 1) for so many cells.
    let squares = times.values.reduce(0.0) { $0 + Double(($1 - 40) * ($1 - 40)) / 40 }
    let statistic = squares + 40 * Double(count - times.count)
    let freedom = Double(count - 1)
    #expect(abs(statistic - freedom) < 4 * (2 * freedom).squareRoot(), "\(statistic) of \(freedom)")
    // Drawing each decision on its own fails the same test: shallow networks come too often.
    var naive: [String: Int] = [:]
    for _ in 0..<draws {
      naive[space.key(of: space.randomArchitecture(using: &generator)), default: 0] += 1
    }
    let others = naive.values.reduce(0.0) { $0 + Double(($1 - 40) * ($1 - 40)) / 40 }
    #expect(others > freedom + 10 * (2 * freedom).squareRoot())
  }

  @Test func `counts and draws from spaces too large for machine numbers`() throws {
    var settings = Family.Settings()
    settings.smallestDepth = 1
    settings.width = WidthRule(groups: 8, divisor: 2)
    let space = try Family("resnet-1202").space(
      input: Shape(channels: 3, height: 8, width: 8), classes: 10, settings: settings)
    let census = ArchitectureCensus(of: space)
    // Each stage of 200 blocks with k inner widths has k + k² + … + k²⁰⁰ of them.
    func power(_ base: Int, _ exponent: Int) -> WholeNumber {
      (0..<exponent).reduce(WholeNumber(1)) { power, _ in power * WholeNumber(base) }
    }
    let expected = [16, 32, 64].reduce(WholeNumber(1)) { product, width in
      let choices = settings.width.choices(of: width).values.count
      let stage = (1...200).reduce(WholeNumber(0)) { $0 + power(choices, $1) }
      return product * stage * WholeNumber(choices)
    }
    #expect(census.count == expected)
    var generator = SeededGenerator(seed: 3)
    for _ in 0..<20 {
      #expect(space.contains(census.randomArchitecture(using: &generator)))
    }
  }
}

@Suite struct NestedChoiceTests {
  /// Stages tied to one another, so that one width is used by all of them, within an alternative.
  private func space(stages: Int, side: Int = 4) throws -> SearchSpace {
    try SearchSpace(name: "tied", input: Shape(channels: 3, height: side, width: side)) {
      OneOf {
        Alternative {}
        Alternative {
          Convolution(width: [4, 8], kernel: 1)
          for _ in 0..<stages { Stage(.basic(inner: 4), width: [4, 8], depth: [1, 2]) }
        }
      }
      GlobalAveragePool()
      Linear(classes: 2)
    }
  }

  @Test(arguments: [20, 40])
  func `counts a width that many stages use`(stages: Int) throws {
    let census = ArchitectureCensus(of: try space(stages: stages))
    // Nothing, or a width and the depth of each stage.
    let depths = (0..<stages).reduce(WholeNumber(1)) { count, _ in count * WholeNumber(2) }
    #expect(census.count == WholeNumber(1) + WholeNumber(2) * depths)
    var generator = SeededGenerator(seed: 7)
    for _ in 0..<20 {
      #expect(census.space.contains(census.randomArchitecture(using: &generator)))
    }
  }

  @Test func `counts as going through the networks does`() throws {
    let space = try space(stages: 3)
    let networks = try SmallSpaces.fixed.combinations(of: space).map(space.network(of:))
    #expect(ArchitectureCensus(of: space).count == WholeNumber(Set(networks).count))
  }

  @Test func `refuses alternatives nested deeper than can be counted`() throws {
    func nested(_ depth: Int) -> [any SpaceElement] {
      guard depth > 0 else { return [Convolution(width: 3, kernel: 3)] }
      return [OneOf(alternatives: [Alternative(elements: []), .init(elements: nested(depth - 1))])]
    }
    func space(_ depth: Int) throws -> SearchSpace {
      try SearchSpace(
        name: "nested", input: Shape(channels: 3, height: 4, width: 4),
        elements: nested(depth) + [GlobalAveragePool(), Linear(classes: 2)])
    }
    #expect(ArchitectureCensus(of: try space(9)).count == WholeNumber(10))
    #expect(throws: SearchSpaceError.tooManyChoices) { try space(64) }
  }
}

@Suite struct WholeNumberTests {
  @Test func `multiplies and adds as small numbers do`() {
    var generator = SeededGenerator(seed: 5)
    for _ in 0..<2000 {
      let bits = Int.random(in: 0...31, using: &generator)
      let left = Int.random(in: 0...(1 << bits), using: &generator)
      let right = Int.random(in: 0...(1 << 31), using: &generator)
      #expect(WholeNumber(left) * WholeNumber(right) == WholeNumber(left * right))
      #expect(WholeNumber(left) + WholeNumber(right) == WholeNumber(left + right))
      #expect((WholeNumber(left) < WholeNumber(right)) == (left < right))
      #expect("\(WholeNumber(left))" == "\(left)")
      #expect(WholeNumber(left).int == left)
    }
  }

  @Test func `writes large numbers in full`() {
    let factorial = (1...30).reduce(WholeNumber(1)) { $0 * WholeNumber($1) }
    // 30!, as in OEIS A000142.
    #expect("\(factorial)" == "265252859812191058636308480000000")
    #expect(factorial.int == nil)
    let power = (0..<300).reduce(WholeNumber(1)) { product, _ in product * WholeNumber(10) }
    #expect("\(power)" == "1" + String(repeating: "0", count: 300))
    #expect(power + WholeNumber(1) > power)
  }
}
