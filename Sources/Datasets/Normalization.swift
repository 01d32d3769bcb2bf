/// The scale on which networks see pixels: each channel with mean 0 and deviation 1.
///
///     let normalization = Normalization(measuring: dataset, examples: split.training)
///     normalization.mean       // [0.286…] for Fashion-MNIST
///     normalization.deviation  // [0.353…]
///
/// A pixel *p* becomes (*p* / 255 − mean) / deviation.
public struct Normalization: Hashable, Codable, Sendable {
  /// The mean of each channel, where black is 0 and white is 1.
  public let mean: [Double]

  /// The standard deviation of each channel, on the scale of ``mean``; never 0.
  public let deviation: [Double]

  /// Creates a scale of known figures.
  ///
  /// - Parameters:
  ///   - mean: The mean of each channel.
  ///   - deviation: The standard deviation of each channel. A deviation of 0, which a channel of a
  ///     single value has, is replaced by 1: such a channel becomes 0 everywhere.
  /// - Precondition: Both name the same number of channels, and no deviation is negative or NaN.
  public init(mean: [Double], deviation: [Double]) {
    precondition(
      mean.count == deviation.count,
      "there are \(mean.count) means but \(deviation.count) deviations")
    precondition(
      deviation.allSatisfy { $0 >= 0 }, "the deviations \(deviation) are not all 0 or more")
    self.mean = mean
    self.deviation = deviation.map { $0 == 0 ? 1 : $0 }
  }

  /// Measures the scale of some images of a data set.
  ///
  /// Give it the training part: figures taken from the images that score candidates would let
  /// them leak into training. The deviation is that of the population, divided by *n*.
  ///
  /// - Parameters:
  ///   - dataset: The data set.
  ///   - examples: The indices of the images to measure.
  /// - Complexity: O(`examples.count` · `dataset.imageSize`); some milliseconds for 60,000 images
  ///   of 28×28 pixels.
  /// - Precondition: There is an example.
  public init(measuring dataset: ImageDataset, examples: [Int]) {
    precondition(!examples.isEmpty, "no image to measure")
    let (size, channels) = (dataset.imageSize, dataset.channels)
    // Whole numbers are exact in any order, and outgrow 64 bits only past 10¹⁴ pixels.
    var sums = [UInt64](repeating: 0, count: channels)
    var squares = sums
    for example in examples {
      dataset.pixels.withSpan(of: example * size..<(example + 1) * size) { image in
        for channel in 0..<channels {
          var (sum, square): (UInt64, UInt64) = (0, 0)
          for index in stride(from: channel, to: size, by: channels) {
            let pixel = UInt64(image[index])
            sum &+= pixel
            square &+= pixel &* pixel
          }
          sums[channel] += sum
          squares[channel] += square
        }
      }
    }
    let count = Double(examples.count) * Double(size / channels)
    let means = sums.map { Double($0) / count }
    self.init(
      mean: means.map { $0 / 255 },
      deviation: zip(squares, means).map { square, mean in
        max(0, Double(square) / count - mean * mean).squareRoot() / 255
      })
  }
}
