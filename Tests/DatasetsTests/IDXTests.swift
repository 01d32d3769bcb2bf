import Datasets
import Foundation
import Testing

@Suite struct IDXTests {
  let folder: TemporaryFolder

  /// Three images of 2×2 pixels.
  let images = idx([3, 2, 2], Array(1...12))
  let labels = idx([3], [0, 2, 1])

  init() throws {
    folder = try TemporaryFolder()
  }

  @Test(arguments: ["-", "."], [false, true])
  func `reads every usual name, compressed or not`(separator: String, isCompressed: Bool) throws {
    let suffix = isCompressed ? ".gz" : ""
    try folder.write(
      isCompressed ? gzip(images) : images, as: "train-images\(separator)idx3-ubyte\(suffix)")
    try folder.write(
      isCompressed ? gzip(labels) : labels, as: "train-labels\(separator)idx1-ubyte\(suffix)")

    let dataset = try ImageDataset(idxFolder: folder.path)

    #expect(Array(dataset.pixels) == Array(1...12))
    #expect(dataset.labels == [0, 2, 1])
    #expect((dataset.height, dataset.width, dataset.channels) == (2, 2, 1))
    #expect((dataset.count, dataset.imageSize, dataset.classes) == (3, 4, 3))
  }

  @Test func `knows compression by content, not by name`() throws {
    try folder.write(gzip(images), as: "train-images-idx3-ubyte")
    try folder.write(labels, as: "train-labels-idx1-ubyte.gz")
    #expect(try ImageDataset(idxFolder: folder.path + "/").count == 3)
  }

  @Test func `reads the test part to match the training part`() throws {
    try write(images: images, labels: labels)
    try write(images: idx([1, 2, 2], [9, 8, 7, 6]), labels: idx([1], [0]), part: "t10k")
    let training = try ImageDataset(idxFolder: folder.path)
    let test = try ImageDataset(idxFolder: folder.path, part: .test, matching: training)
    #expect(test.classes == 3)
    #expect(Array(test.pixels) == [9, 8, 7, 6])
  }

  @Test func `names a missing folder`() {
    expectError(
      "\(folder.path)/none: not found; correct the path to the folder of the data.",
      .missing(
        path: folder.path + "/none", remedy: "correct the path to the folder of the data"),
      folder: folder.path + "/none")
  }

  @Test func `names a missing file`() throws {
    try folder.write(labels, as: "train-labels-idx1-ubyte")
    expectError(
      "\(folder.path)/train-images-idx3-ubyte: not found; put that file there, as it is or with .gz.",
      .missing(
        path: folder.path + "/train-images-idx3-ubyte",
        remedy: "put that file there, as it is or with .gz"))
  }

  @Test(.enabled(if: !FileManager.default.fileExists(atPath: ImageDataset.fashionMNISTFolder)))
  func `says which package holds Fashion-MNIST`() {
    let error = #expect(throws: DatasetError.self) {
      try ImageDataset(idxFolder: ImageDataset.fashionMNISTFolder)
    }
    #expect(error?.description.contains("apt-get install dataset-fashion-mnist") == true)
  }

  @Test func `refuses what is not a regular file without waiting for it`() throws {
    mkfifo("\(folder.path)/train-images-idx3-ubyte", 0o600)
    try folder.write(labels, as: "train-labels-idx1-ubyte")
    expectError(
      "\(imagesPath): not a regular file; check that it is a readable file or folder on a sound disk.",
      .unreadable(path: imagesPath, reason: "not a regular file"))
  }

  @Test func `keeps a message on one line whatever the path`() {
    let error = DatasetError.missing(path: "a\nb\u{1b}[31m\u{202e}é", remedy: "look")
    #expect(error.description == #"a\nb\u{1B}[31m\u{202E}é: not found; look."#)
  }

  @Test func `refuses images and labels exchanged`() throws {
    try write(images: images, labels: images)
    expectError(
      "\(labelsPath): starts with 0x00000803, not with 0x00000801; "
        + "give an IDX file of unsigned bytes, images and labels not exchanged.",
      .malformed(file: labelsPath, .wrongMagic(found: 0x803, expected: 0x801)))
  }

  @Test func `refuses elements other than unsigned bytes`() throws {
    try write(images: idx([3, 2, 2], Array(1...12), magic: 0xd03), labels: labels)
    expectDefect(.wrongMagic(found: 0xd03, expected: 0x803))
  }

  @Test(arguments: [0, 3, 4, 15])
  func `refuses a file that ends within its header`(count: Int) throws {
    try write(images: Array(images.prefix(count)), labels: labels)
    expectDefect(.headerIncomplete)
  }

  @Test func `refuses a file without images`() throws {
    try write(images: idx([0, 28, 28], []), labels: labels)
    expectDefect(.empty(dimensions: [0, 28, 28]))
  }

  @Test(arguments: [
    [UInt32(1 << 31), 1 << 31, 1], [1 << 31, 1 << 31, 1 << 31], [.max, .max, .max], [3, 5, 2],
  ])
  func `refuses dimensions larger than the file before it makes room`(
    dimensions: [UInt32]
  ) throws {
    try write(images: idx(dimensions, Array(1...12)), labels: labels)
    expectDefect(.tooLarge(dimensions: dimensions.map(Int.init), fileSize: 28))
  }

  @Test func `refuses more or fewer bytes than declared`() throws {
    try write(images: images.dropLast(), labels: labels)
    expectDefect(.tooShort(promised: 12))
    try write(images: images + [0], labels: labels)
    expectDefect(.tooLong(promised: 12))
  }

  @Test func `refuses another number of labels than images`() throws {
    try write(images: images, labels: idx([2], [0, 1]))
    expectError(
      "\(labelsPath): holds 2 labels for 3 images; use images and labels of the same set.",
      .malformed(file: labelsPath, .labelCount(labels: 2, images: 3)))
  }

  @Test func `refuses a test part of another set`() throws {
    try write(images: images, labels: labels)
    let training = try ImageDataset(idxFolder: folder.path)
    try write(images: images, labels: idx([3], [0, 3, 1]), part: "t10k")
    #expect(
      throws: DatasetError.malformed(
        file: "\(folder.path)/t10k-labels-idx1-ubyte",
        .labelOutOfRange(label: 3, index: 1, classes: 3))
    ) {
      try ImageDataset(idxFolder: folder.path, part: .test, matching: training)
    }
    try write(images: idx([3, 4, 1], Array(1...12)), labels: labels, part: "t10k")
    #expect(
      throws: DatasetError.malformed(
        file: "\(folder.path)/t10k-images-idx3-ubyte",
        .imageSize(height: 4, width: 1, expectedHeight: 2, expectedWidth: 2))
    ) {
      try ImageDataset(idxFolder: folder.path, part: .test, matching: training)
    }
  }

  // MARK: - Compressed files

  @Test func `refuses every truncation of a compressed file`() throws {
    let packed = gzip(images)
    for count in 2..<packed.count {
      try write(images: Array(packed.prefix(count)), labels: labels)
      expectDefect(.gzipIncomplete)
    }
  }

  @Test func `never reads other pixels than were packed, whatever byte is damaged`() throws {
    let packed = gzip(images)
    for index in packed.indices {
      for change: UInt8 in [0x01, 0x40, 0xff] {
        var damaged = packed
        damaged[index] ^= change
        try write(images: damaged, labels: labels)
        // A few bytes, such as the time of packing, say nothing about the content.
        let dataset = try? ImageDataset(idxFolder: folder.path)
        #expect(dataset.map { Array($0.pixels) == Array(1...12) } ?? true)
      }
    }
  }

  @Test func `refuses a compressed file that fails its checksum`() throws {
    var packed = gzip(images)
    packed[packed.count - 8] ^= 1
    try write(images: packed, labels: labels)
    expectDefect(.gzipDamaged(detail: "incorrect data check"))
  }

  @Test func `refuses a compressed file with a wrong length`() throws {
    var packed = gzip(images)
    packed[packed.count - 1] ^= 1
    try write(images: packed, labels: labels)
    expectDefect(.gzipDamaged(detail: "incorrect length check"))
  }

  @Test func `refuses anything after the compressed data`() throws {
    for garbage in [[0], gzip([1]), [UInt8](repeating: 0, count: 100_000)] {
      try write(images: gzip(images) + garbage, labels: labels)
      expectDefect(.gzipFollowedByOtherData)
    }
  }

  @Test func `refuses compressed data shorter or longer than declared`() throws {
    try write(images: gzip(idx([3, 2, 3], Array(1...12))), labels: labels)
    expectDefect(.tooShort(promised: 18))
    try write(images: gzip(images + [0]), labels: labels)
    expectDefect(.tooLong(promised: 12))
  }

  @Test func `stops a bomb at the size its header declares`() throws {
    let bomb = gzip(images + [UInt8](repeating: 0, count: 64 << 20))
    #expect(bomb.count < 70_000)
    try write(images: bomb, labels: labels)
    expectDefect(.tooLong(promised: 12))
  }

  @Test func `refuses a bomb that declares more than it can hold`() throws {
    let bomb = gzip(idx([1 << 20, 1 << 10, 1 << 10], [UInt8](repeating: 0, count: 1 << 20)))
    try write(images: bomb, labels: labels)
    expectDefect(.tooLarge(dimensions: [1 << 20, 1 << 10, 1 << 10], fileSize: bomb.count))
  }

  // MARK: - Steps

  private var imagesPath: String { "\(folder.path)/train-images-idx3-ubyte" }
  private var labelsPath: String { "\(folder.path)/train-labels-idx1-ubyte" }

  private func write(images: some Sequence<UInt8>, labels: [UInt8], part: String = "train") throws {
    try folder.write(Array(images), as: "\(part)-images-idx3-ubyte")
    try folder.write(labels, as: "\(part)-labels-idx1-ubyte")
  }

  private func expectDefect(
    _ defect: DatasetError.Defect, at location: SourceLocation = #_sourceLocation
  ) {
    #expect(
      throws: DatasetError.malformed(file: imagesPath, defect), sourceLocation: location
    ) {
      try ImageDataset(idxFolder: folder.path)
    }
  }

  private func expectError(
    _ description: String, _ expected: DatasetError, folder: String? = nil,
    at location: SourceLocation = #_sourceLocation
  ) {
    let error = #expect(throws: DatasetError.self, sourceLocation: location) {
      try ImageDataset(idxFolder: folder ?? self.folder.path)
    }
    #expect(error == expected, sourceLocation: location)
    #expect(error?.description == description, sourceLocation: location)
  }
}
