import Datasets
import Foundation
import Testing

@Suite struct CIFARTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  // MARK: - Reading

  @Test func `reads the batches of CIFAR-10 in their order, each pixel's channels side by side`()
    throws
  {
    try folder.write(cifarRecord([3], red: 10, green: 20, blue: 30), as: "data_batch_2.bin")
    try folder.write(cifarRecord([9]) + cifarRecord([0]), as: "data_batch_1.bin")
    try folder.write(cifarRecord([5]), as: "test_batch.bin")
    let training = try ImageDataset(cifar: .ten, at: folder.path)
    #expect(training.labels == [9, 0, 3])
    #expect((training.count, training.classes) == (3, 10))
    #expect((training.channels, training.height, training.width) == (3, 32, 32))
    #expect(Array(training.pixels.suffix(6)) == [10, 20, 30, 10, 20, 30])
    #expect(Array(training.pixels.prefix(3)) == [1, 2, 3])
    #expect(training.classNames == nil)
    #expect(try ImageDataset(cifar: .ten, at: folder.path, part: .test).labels == [5])
  }

  @Test func `puts every pixel where it is in the planes`() throws {
    let planes = (0..<3072).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 / 256) }
    try folder.write([1] + planes, as: "data_batch_1.bin")
    let pixels = Array(try ImageDataset(cifar: .ten, at: folder.path).pixels)
    for pixel in 0..<1024 {
      for channel in 0..<3 {
        #expect(pixels[3 * pixel + channel] == planes[1024 * channel + pixel])
      }
    }
  }

  @Test func `takes the fine label of CIFAR-100, and the names`() throws {
    try folder.write(cifarRecord([19, 99]) + cifarRecord([0, 4]), as: "train.bin")
    let names = (0..<100).map { "class\($0)" }
    try folder.write(
      Array(names.joined(separator: "\n").utf8) + [10, 10], as: "fine_label_names.txt")
    let dataset = try ImageDataset(cifar: .hundred, at: folder.path)
    #expect(dataset.labels == [99, 4])
    #expect(dataset.classes == 100)
    #expect(dataset.classNames == names)
  }

  @Test(arguments: [true, false])
  func `reads the archive without unpacking it to disk`(isCompressed: Bool) throws {
    let files =
      [
        ("cifar-10-batches-bin/", []), ("cifar-10-batches-bin/data_batch_4.bin", cifarRecord([4])),
        ("cifar-10-batches-bin/readme.html", Array("hello".utf8)),
      ]
      + [1, 3, 2, 5].map { ("cifar-10-batches-bin/data_batch_\($0).bin", cifarRecord([UInt8($0)])) }
      + [("cifar-10-batches-bin/test_batch.bin", cifarRecord([7]))]
    let archive = tar(files, kinds: ["cifar-10-batches-bin/": "5"])
    let path = try folder.write(isCompressed ? gzip(archive) : archive, as: "cifar.tar.gz")
    #expect(try DataFormat(recognizing: path) == .cifar10)
    let training = try DataSource(format: .cifar10, path: path).read()
    #expect(training.labels == [1, 2, 3, 4, 5])
    #expect(
      try DataSource(format: .cifar10, path: path).readTest(matching: training)?.labels == [7])
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["cifar.tar.gz"])
  }

  @Test func `finds the folder that the archive unpacks to, and does without a test part`() throws {
    try folder.write(cifarRecord([0, 1]), deep: "cifar-100-binary/train.bin")
    #expect(try DataFormat(recognizing: folder.path) == .cifar100)
    let source = DataSource(format: .cifar100, path: folder.path)
    let training = try source.read()
    #expect(training.labels == [1])
    #expect(try source.readTest(matching: training) == nil)
  }

  // MARK: - Bad files

  @Test func `refuses a file that is no whole number of records, with the place`() throws {
    let path = try folder.write(cifarRecord([1]) + [2, 3], as: "data_batch_1.bin")
    expect(.malformed(file: path, .partialRecord(bytes: 3075, record: 3073)))
    let error = #expect(throws: DatasetError.self) {
      try ImageDataset(cifar: .ten, at: folder.path)
    }
    #expect(
      error?.description
        == "\(path): holds 3075 bytes, and the record of 3073 bytes that begins at "
        + "byte 3073 is not whole; fetch the file again, or name the format that it has.")
  }

  @Test func `refuses a label that is none, with the place`() throws {
    let path = try folder.write(cifarRecord([9]) + cifarRecord([10]), as: "data_batch_1.bin")
    expect(.malformed(file: path, .labelAt(offset: 3073, label: 10, classes: 10)))
    let other = try folder.write(cifarRecord([0, 100]), as: "train.bin")
    expect(.malformed(file: other, .labelAt(offset: 1, label: 100, classes: 100)), .hundred)
  }

  @Test func `refuses an empty file, and one of the other CIFAR`() throws {
    let path = try folder.write([], as: "data_batch_1.bin")
    expect(.malformed(file: path, .empty(dimensions: [0])))
    try folder.write(cifarRecord([0, 1]), as: "data_batch_1.bin")
    expect(.malformed(file: path, .partialRecord(bytes: 3074, record: 3073)))
  }

  @Test func `refuses another number of names than classes`() throws {
    try folder.write(cifarRecord([1]), as: "data_batch_1.bin")
    let path = try folder.write(Array("cat\ndog\n".utf8), as: "batches.meta.txt")
    expect(.malformed(file: path, .classNames(count: 2, expected: 10)))
  }

  @Test func `does not train on fewer images because a file in the middle is missing`() throws {
    expect(.missing(path: "\(folder.path)/data_batch_1.bin", remedy: "put that file there"))
    try folder.write(cifarRecord([1]), as: "data_batch_1.bin")
    try folder.write(cifarRecord([1]), as: "data_batch_3.bin")
    expect(.malformed(file: folder.path, .gap(missing: "data_batch_2.bin")))
  }

  @Test func `refuses every truncation of an archive`() throws {
    let archive = tar([("a/data_batch_1.bin", cifarRecord([1]))])
    for count in stride(from: 1, to: archive.count - 1024, by: 97) {
      let path = try folder.write(Array(archive.prefix(count)), as: "cifar.tar")
      #expect(throws: DatasetError.malformed(file: path, .archiveDamaged(offset: 0))) {
        try ImageDataset(cifar: .ten, at: path)
      }
    }
    let packed = gzip(archive)
    for count in 2..<packed.count {
      let path = try folder.write(Array(packed.prefix(count)), as: "cifar.tar.gz")
      #expect(throws: DatasetError.malformed(file: path, .gzipIncomplete)) {
        try ImageDataset(cifar: .ten, at: path)
      }
    }
  }

  @Test func `refuses an archive with anything behind it, or with a wrong checksum`() throws {
    let archive = tar([("data_batch_1.bin", cifarRecord([1]))])
    let path = try folder.write(archive + [1], as: "cifar.tar")
    #expect(throws: DatasetError.self) { try ImageDataset(cifar: .ten, at: path) }
    try folder.write(gzip(archive) + [0], as: "cifar.tar")
    #expect(throws: DatasetError.malformed(file: path, .gzipFollowedByOtherData)) {
      try ImageDataset(cifar: .ten, at: path)
    }
    var packed = gzip(archive)
    packed[packed.count - 8] ^= 1
    try folder.write(packed, as: "cifar.tar")
    #expect(
      throws: DatasetError.malformed(file: path, .gzipDamaged(detail: "incorrect data check"))
    ) {
      try ImageDataset(cifar: .ten, at: path)
    }
    var damaged = archive
    damaged[130] ^= 1
    try folder.write(damaged, as: "cifar.tar")
    #expect(throws: DatasetError.malformed(file: path, .archiveDamaged(offset: 0))) {
      try ImageDataset(cifar: .ten, at: path)
    }
  }

  @Test func `follows no link of an archive, and takes no memory for what it does not hold`() throws
  {
    let path = try folder.write(
      tar([("data_batch_1.bin", [])], kinds: ["data_batch_1.bin": "2"]), as: "cifar.tar")
    #expect(throws: DatasetError.malformed(file: path, .notInArchive(name: "data_batch_1.bin"))) {
      try ImageDataset(cifar: .ten, at: path)
    }
    // An entry of half a gigabyte, all of it promised.
    var archive = tar([("data_batch_1.bin", [])])
    archive.replaceSubrange(124..<135, with: Array("04000000000".utf8))
    let sum = archive[..<512].enumerated().reduce(0) {
      $0 + (148..<156 ~= $1.offset ? 32 : Int($1.element))
    }
    let digits = Array(String(sum, radix: 8).utf8)
    archive.replaceSubrange(148..<156, with: [48, 48] + digits + [0, 32])
    try folder.write(archive, as: "cifar.tar")
    #expect(throws: DatasetError.malformed(file: path, .archiveDamaged(offset: 0))) {
      try ImageDataset(cifar: .ten, at: path)
    }
  }

  @Test func `stops an archive that unpacks to more than any that is read`() throws {
    // Pieces that can be put together: the header of an entry, and zeros again and again.
    var header = Array(tar([("padding", [])]).prefix(512))
    header.replaceSubrange(124..<135, with: Array("03777777777".utf8))
    let sum = header.enumerated().reduce(0) {
      $0 + (148..<156 ~= $1.offset ? 32 : Int($1.element))
    }
    header.replaceSubrange(
      148..<156, with: [48, 48] + Array(String(sum, radix: 8).utf8) + [0, 32])
    let zeros = deflatedPiece([UInt8](repeating: 0, count: 1 << 24))
    let bomb =
      [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3] + deflatedPiece(header)
      + Array(repeatElement(zeros, count: 33).joined())
    #expect(bomb.count < 1 << 20)
    let path = try folder.write(bomb, as: "cifar.tar.gz")
    #expect(throws: DatasetError.malformed(file: path, .archiveTooLarge(limit: 1 << 29))) {
      try ImageDataset(cifar: .ten, at: path)
    }
  }

  @Test func `tells what is no data`() throws {
    #expect(throws: DatasetError.unrecognized(path: folder.path)) {
      try DataFormat(recognizing: folder.path)
    }
    let path = try folder.write(Array("hello".utf8), as: "data.zip")
    #expect(throws: DatasetError.unrecognized(path: path)) { try DataFormat(recognizing: path) }
    try folder.write(tar([("cats/1.jpg", [1])]), as: "data.zip")
    #expect(throws: DatasetError.unrecognized(path: path)) { try DataFormat(recognizing: path) }
  }

  // MARK: - Real images

  /// The 10,000 images of CIFAR-10 as `data_batch_1.bin` and `test_batch.bin`, where there are any.
  static let realFolder = ProcessInfo.processInfo.environment["NAS_CIFAR_10"]

  @Test(.enabled(if: realFolder != nil)) func `reads the real images`() throws {
    let path = try #require(Self.realFolder)
    let training = try ImageDataset(cifar: .ten, at: path)
    #expect(training.imagesPerClass.allSatisfy { $0 * 10 == training.count })
    // The mean and deviation of the whole set are 0.4914, 0.4822, 0.4465 and 0.2470, 0.2435, 0.2616.
    let scale = Normalization(measuring: training, examples: Array(training.labels.indices))
    for (mean, known) in zip(scale.mean, [0.4914, 0.4822, 0.4465]) {
      #expect(abs(mean - known) < 0.01)
    }
    for (deviation, known) in zip(scale.deviation, [0.2470, 0.2435, 0.2616]) {
      #expect(abs(deviation - known) < 0.01)
    }
  }

  private func expect(
    _ expected: DatasetError, _ variant: CIFAR = .ten,
    at location: SourceLocation = #_sourceLocation
  ) {
    #expect(throws: expected, sourceLocation: location) {
      try ImageDataset(cifar: variant, at: folder.path)
    }
  }
}
