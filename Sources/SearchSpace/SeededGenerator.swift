/// A random number generator whose whole state is one number that can be stored.
///
/// Everything random in a study is drawn from such a generator, so that a seed repeats a search
/// and a stored state continues it.
///
/// > G. L. Steele, D. Lea, C. H. Flood. "Fast Splittable Pseudorandom Number Generators."
/// > OOPSLA 2014. [doi:10.1145/2660193.2660195](https://doi.org/10.1145/2660193.2660195)
/// > (the variant known as SplitMix64).
public struct SeededGenerator: RandomNumberGenerator, Hashable, Codable, Sendable {
  /// Everything the generator will ever produce follows from this.
  public var state: UInt64

  /// Creates a generator that always produces the same sequence for the same seed.
  public init(seed: UInt64) {
    state = seed
  }

  /// Creates a generator for one purpose of many that share a seed.
  ///
  ///     SeededGenerator(seed: 1, stream: "augmentation", index: step)
  ///
  /// - Parameters:
  ///   - seed: The seed of the study.
  ///   - stream: The purpose; generators of different purposes do not repeat each other.
  ///   - index: The step, epoch or candidate that the numbers are for.
  public init(seed: UInt64, stream: String, index: Int = 0) {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325  // FNV-1a
    for byte in stream.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    self.init(seed: seed)
    state = next() ^ hash
    state = next() &+ UInt64(bitPattern: Int64(index))
    state = next()
  }

  public mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}

extension RandomNumberGenerator {
  /// Draws a number uniformly from `0..<1`.
  public mutating func uniform() -> Double {
    Double(next() >> 11) * 0x1p-53
  }

  /// Draws a number from the normal distribution of mean 0 and deviation 1.
  ///
  /// The sum of twelve uniform numbers less six: the same on every machine to the last bit, which
  /// logarithms and cosines of different C libraries are not. Its tails end at ±6.
  public mutating func normal() -> Double {
    var sum = -6.0
    for _ in 0..<12 { sum += uniform() }
    return sum
  }
}
