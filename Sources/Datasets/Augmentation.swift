/// How training images are varied at random, so that a network never sees one twice alike.
///
/// In this order: the image is padded with black and cut back to its size at a random place; it
/// is mirrored left to right with probability ½; a square of it is blotted out.
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

  /// Images as they are.
  public static let none = Augmentation()

  /// Creates a way to vary images.
  ///
  /// - Parameters:
  ///   - crop: The pixels of padding on each side.
  ///   - flip: Whether images are mirrored at random.
  ///   - cutout: The side of the square blotted out, in pixels.
  /// - Precondition: `crop` and `cutout` are not negative.
  public init(crop: Int = 0, flip: Bool = false, cutout: Int = 0) {
    precondition(crop >= 0, "images cannot be padded by \(crop) pixels")
    precondition(cutout >= 0, "a square cannot be \(cutout) pixels wide")
    self.crop = crop
    self.flip = flip
    self.cutout = cutout
  }

  /// What happens to one image.
  package struct Variation: Hashable, Sendable {
    /// How far down and to the right of the image's corner the cut begins; negative in the padding.
    package var top = 0, left = 0
    package var isMirrored = false
    /// The rows and columns blotted out, all of them within the image.
    package var blottedRows = 0..<0, blottedColumns = 0..<0
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
