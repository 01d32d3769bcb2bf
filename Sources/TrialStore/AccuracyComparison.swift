import Foundation
import SearchSpace

// Whether accuracies differ by more than the choice of the images explains.
//
// Networks scored on the same images are compared image by image: those that both got right or both
// wrong say nothing about which is better, and of the others each should be in favour of either
// network with equal chances if the two are equally good. On a few thousand images that tells apart
// networks whose 95 % intervals overlap by far.
//
// > Q. McNemar. "Note on the Sampling Error of the Difference Between Correlated Proportions or
// > Percentages." Psychometrika 12 (1947); here with the exact binomial distribution.
//
// Where the answers to single images were not kept, or are to other images, the two counts are
// compared as independent proportions, which finds fewer differences.

extension RecordedScore {
  /// Whether this score tells its network from that of another one, at 95 %.
  ///
  /// Each comparison stands for itself: of many between equally good networks some will find a
  /// difference.
  ///
  /// - Precondition: Neither network diverged.
  public func differs(from other: RecordedScore) -> Bool {
    if imagesHash == other.imagesHash, let answers, let others = other.answers,
      answers.images == others.images
    {
      let (here, there) = answers.disagreements(with: others)
      return mcNemarDiffers(here, there)
    }
    return proportionsDiffer(correct, of: images, other.correct, of: other.images)
  }
}

extension [FrontierPoint] {
  /// For each point the cheapest one of the frontier that its score does not tell it from; `nil`
  /// if it differs from all cheaper ones.
  ///
  /// - Precondition: The points are sorted by cost, as a frontier is.
  public var cheapestEquals: [FrontierPoint?] {
    indices.map { index in
      self[..<index].first { !self[index].score.differs(from: $0.score) }
    }
  }
}

/// The level at which differences are told: a difference between equally good networks is found in
/// one of twenty comparisons.
private let significance = 0.05

/// Whether two networks differ of which one alone got `here` images right and the other `there`.
private func mcNemarDiffers(_ here: Int, _ there: Int) -> Bool {
  let (count, difference) = (Double(here + there), Double(abs(here - there)))
  guard count > 0 else { return false }
  // Hoeffding's bound settles most cases without a sum over the distribution.
  if 2 * exp(-difference * difference / (2 * count)) < significance { return true }
  return mcNemarProbability(here, there) < significance
}

/// The probability that `here + there` tosses of a fair coin fall apart at least as far as into
/// `here` heads and `there` tails: McNemar's exact test, two-sided.
///
///     mcNemarProbability(1, 8)  // 0.0390625
///
/// - Precondition: Neither number is negative.
public func mcNemarProbability(_ here: Int, _ there: Int) -> Double {
  precondition(here >= 0 && there >= 0, "\(here) and \(there) are no numbers of images")
  let (fewer, count) = (min(here, there), here + there)
  guard here != there else { return 1 }
  // The terms of the binomial distribution from the largest one of the tail down.
  var logarithm = -Double(count) * log(2.0)
  for step in 0..<fewer { logarithm += log(Double(count - step) / Double(step + 1)) }
  var term = exp(logarithm)
  var tail = 0.0
  for successes in stride(from: fewer, through: 0, by: -1) {
    tail += term
    term *= Double(successes) / Double(count - successes + 1)
  }
  return min(1, 2 * tail)
}

/// Whether two shares of independent images differ, by the normal approximation with their pooled
/// variance.
private func proportionsDiffer(
  _ correct: Int, of images: Int, _ otherCorrect: Int, of otherImages: Int
) -> Bool {
  let (n, m) = (Double(images), Double(otherImages))
  let pooled = Double(correct + otherCorrect) / (n + m)
  let deviation = (pooled * (1 - pooled) * (1 / n + 1 / m)).squareRoot()
  let difference = abs(Double(correct) / n - Double(otherCorrect) / m)
  return difference > normalQuantile * deviation
}
