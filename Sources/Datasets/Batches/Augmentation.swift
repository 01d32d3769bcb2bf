import Glibc

/// How training images are varied at random, so that a network never sees one twice alike.
///
/// In this order: the image is padded with black and cut back to its size at a random place, or a part
/// of it is stretched to its size; it is mirrored left to right with probability ½; a square of it is
/// blotted out.
///
/// > C. Szegedy et al. "Going Deeper with Convolutions." CVPR 2015, section 6 (the parts: some share of
/// > the area, three quarters to four thirds as wide as high).
/// > [arXiv:1409.4842](https://arxiv.org/abs/1409.4842)
///
/// > T. DeVries, G. W. Taylor. "Improved Regularization of Convolutional Neural Networks with
/// > Cutout." 2017. [arXiv:1708.04552](https://arxiv.org/abs/1708.04552)
///
/// The padding is black because it is added before normalisation, as torchvision's `RandomCrop`
/// does. Cutout comes after normalisation and leaves 0, the mean, as the paper does; the middle
/// of its square may be any pixel, so the square may reach beyond the image.
public struct Augmentation: Hashable, Codable, Sendable {
  /// The pixels of padding on each side, at least 0.
  public let crop: Int

  /// Whether images are mirrored at random.
  public let flip: Bool

  /// The side of the square blotted out, in pixels; 0 for none.
  public let cutout: Int

  /// The least share of its area that a part of the image has which is stretched to the image's size,
  /// above 0 and at most 1; `nil` if none is.
  public let resizedCrop: Double?

  /// Images as they are.
  public static let none = Augmentation()

  /// Creates a way to vary images.
  ///
  /// - Parameters:
  ///   - crop: The pixels of padding on each side.
  ///   - flip: Whether images are mirrored at random.
  ///   - cutout: The side of the square blotted out, in pixels.
  ///   - resizedCrop: The least share of the area that is stretched to the image's size.
  /// - Precondition: `crop` and `cutout` are not negative, and `crop` is 0 where a part is stretched.
  public init(crop: Int = 0, flip: Bool = false, cutout: Int = 0, resizedCrop: Double? = nil) {
    precondition(crop >= 0, "images cannot be padded by \(crop) pixels")
    precondition(cutout >= 0, "a square cannot be \(cutout) pixels wide")
    precondition(
      resizedCrop.map { crop == 0 && $0 > 0 && $0 <= 1 } ?? true, "parts of \(resizedCrop ?? 0)")
    self.resizedCrop = resizedCrop
    self.crop = crop
    self.flip = flip
    self.cutout = cutout
  }

  /// What happens to one image.
  package struct Variation: Hashable, Sendable {
    /// How far down and to the right of the image's corner the cut begins; negative in the padding.
    package var top = 0, left = 0
    /// The height and the width of the part that is stretched to the image's size; 0 if none is.
    package var partHeight = 0, partWidth = 0
    package var isMirrored = false
    /// The rows and columns blotted out, all of them within the image.
    package var blottedRows = 0..<0, blottedColumns = 0..<0

    /// Whether a pixel of the image may come to lie elsewhere.
    var movesPixels: Bool { top != 0 || left != 0 || partHeight > 0 || isMirrored }
  }

  /// Draws what happens to one image of the given size.
  ///
  /// Nothing is drawn for what is switched off, so adding cutout leaves crops and flips as they
  /// were.
  package func variation(
    height: Int, width: Int, using rng: inout some RandomNumberGenerator
  ) -> Variation {
    var variation = Variation()
    if crop > 0 {
      variation.top = rng.number(below: 2 * crop + 1) - crop
      variation.left = rng.number(below: 2 * crop + 1) - crop
    }
    if let resizedCrop {
      variation.takePart(of: height, width, from: resizedCrop, using: &rng)
    }
    if flip { variation.isMirrored = rng.number(below: 2) == 1 }
    if cutout > 0 {
      let (row, column) = (rng.number(below: height), rng.number(below: width))
      variation.blottedRows = square(around: row).clamped(to: 0..<height)
      variation.blottedColumns = square(around: column).clamped(to: 0..<width)
    }
    return variation
  }

  private func square(around middle: Int) -> Range<Int> {
    middle - cutout / 2..<middle - cutout / 2 + cutout
  }
}

extension Augmentation.Variation {
  /// How often a part is drawn that may not fit, until the whole image is taken.
  private static let tries = 10

  /// Draws the part of an image that is stretched to its size.
  fileprivate mutating func takePart(
    of height: Int, _ width: Int, from least: Double, using rng: inout some RandomNumberGenerator
  ) {
    (partHeight, partWidth) = (height, width)
    for _ in 0..<Self.tries {
      let area = Double(height * width) * (least + (1 - least) * rng.fraction())
      let shape = exp((2 * rng.fraction() - 1) * log(4.0 / 3))
      let (rows, columns) = (
        Int((area / shape).squareRoot().rounded()), Int((area * shape).squareRoot().rounded())
      )
      guard 1...height ~= rows, 1...width ~= columns else { continue }
      (partHeight, partWidth) = (rows, columns)
      top = rng.number(below: height - rows + 1)
      left = rng.number(below: width - columns + 1)
      return
    }
  }
}
