/// Returns the 95 % interval of the accuracy of which `correct` of `images` is one sample.
///
/// The score interval, unlike the textbook ± 1.96 σ, neither leaves `0...1` nor shrinks to nothing
/// when all images or none are classified correctly.
///
///     wilsonInterval(correct: 15, of: 148)  // 0.0624...0.1605
///
/// > E. B. Wilson. "Probable Inference, the Law of Succession, and Statistical Inference."
/// > Journal of the American Statistical Association 22 (1927).
///
/// - Parameters:
///   - correct: How many images were classified correctly.
///   - images: How many were classified.
/// - Returns: The interval, which lies in `0...1` and contains `correct / images`.
/// - Precondition: `images >= 1 && (0...images).contains(correct)`.
public func wilsonInterval(correct: Int, of images: Int) -> ClosedRange<Double> {
  precondition(images >= 1, "an accuracy over \(images) images has no interval")
  precondition((0...images).contains(correct), "\(correct) of \(images) images cannot be correct")
  let z = normalQuantile
  let n = Double(images)
  let accuracy = Double(correct) / n
  let center = (accuracy + z * z / (2 * n)) / (1 + z * z / n)
  let reach =
    z / (1 + z * z / n)
    * (accuracy * (1 - accuracy) / n + z * z / (4 * n * n)).squareRoot()
  // Rounding may carry an end past 0, 1 or the accuracy itself by a last bit.
  return max(0, min(center - reach, accuracy))...min(1, max(center + reach, accuracy))
}

/// The normal distribution's 97.5 % quantile: 95 % lie nearer to its mean, counted in deviations.
let normalQuantile = 1.959_963_984_540_054
