import Datasets
import Foundation
import Testing

@Suite struct NormalizationTests {
  @Test func `measures each channel of the given images alone`() {
    // Two pixels an image, two channels a pixel; the last image is not among the examples.
    let dataset = ImageDataset(
      pixels: [0, 10, 255, 10, 0, 30, 255, 30, 99, 99, 99, 99], labels: [0, 0, 0],
      height: 1, width: 2, channels: 2, classes: 1)
    let normalization = Normalization(measuring: dataset, examples: [0, 1])
    #expect(normalization.mean == [0.5, 20.0 / 255])
    #expect(normalization.deviation == [0.5, 10.0 / 255])
  }

  @Test func `makes a channel of a single value 0 everywhere`() {
    let dataset = ImageDataset(
      pixels: [51, 51, 51], labels: [0, 0, 0], height: 1, width: 1, channels: 1, classes: 1)
    let normalization = Normalization(measuring: dataset, examples: [0, 1, 2])
    #expect(normalization.deviation == [1])
    var images: [Float] = [9]
    var labels: [Int32] = [9]
    var imageView = images.mutableSpan
    var labelView = labels.mutableSpan
    BatchMaker(of: dataset, normalization: normalization)
      .fill(&imageView, labels: &labelView, with: [2])
    #expect(abs(images[0]) < 1e-6)
  }

  @Test func `can be stored`() throws {
    let normalization = Normalization(mean: [0.1, 0.2], deviation: [0.3, 0])
    let data = try JSONEncoder().encode(normalization)
    #expect(try JSONDecoder().decode(Normalization.self, from: data) == normalization)
  }
}
