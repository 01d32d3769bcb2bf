import Datasets
import Testing

@Suite struct ImageDatasetTests {
  @Test func `has a fingerprint that stays the same for ever`() {
    let dataset = ImageDataset(
      pixels: Array(0..<27), labels: [0, 1, 2], height: 3, width: 3, channels: 1, classes: 3)
    // Found with the same steps in Python.
    #expect(dataset.fingerprint == "534552008eab80c3")
  }

  @Test func `has another fingerprint if anything differs`() {
    let pixels = [UInt8](repeating: 7, count: 36)
    var changed = pixels
    changed[35] = 8
    let fingerprints = [
      make(pixels, [0, 1, 1], 3, 4, 1, 2), make(changed, [0, 1, 1], 3, 4, 1, 2),
      make(pixels, [1, 0, 1], 3, 4, 1, 2), make(pixels, [0, 1, 1], 4, 3, 1, 2),
      make(pixels, [0, 1, 1], 2, 2, 3, 2), make(pixels, [0, 1, 1], 3, 4, 1, 3),
    ].map(\.fingerprint)
    #expect(Set(fingerprints).count == fingerprints.count)
  }

  @Test func `traps when the bytes do not fit the shape`() async {
    await #expect(processExitsWith: .failure) {
      _ = ImageDataset(
        pixels: [1, 2], labels: [0], height: 1, width: 1, channels: 1, classes: 1)
    }
    await #expect(processExitsWith: .failure) {
      _ = ImageDataset(pixels: [1], labels: [1], height: 1, width: 1, channels: 1, classes: 1)
    }
  }

  private func make(
    _ pixels: [UInt8], _ labels: [UInt16], _ height: Int, _ width: Int, _ channels: Int,
    _ classes: Int
  ) -> ImageDataset {
    ImageDataset(
      pixels: pixels, labels: labels, height: height, width: width, channels: channels,
      classes: classes)
  }
}
