import CTurboJPEG
import Datasets
import Foundation
import Testing

@Suite struct ImageFolderTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  // MARK: - Reading

  @Test func `reads JPEG and PNG files, the classes in the order of their names`() throws {
    try folder.writeImages()
    try folder.write([1, 2, 3], deep: "train/red/notes.txt")
    try folder.write(plain([0, 255, 0]).png, deep: "train/red/.hidden.png")
    #expect(try DataFormat(recognizing: folder.path) == .imageFolder)
    let dataset = try read()
    #expect(dataset.classNames == ["blue", "red"])
    #expect(dataset.labels == [0, 0, 0, 1, 1, 1])
    #expect((dataset.channels, dataset.height, dataset.width, dataset.classes) == (3, 8, 8, 2))
    #expect(Array(dataset.pixels.prefix(3)) == [10, 10, 230])
    for (value, wanted) in zip(dataset.pixels.suffix(3), [230, 10, 10]) {
      #expect(abs(Int(value) - wanted) < 6)
    }
    #expect(dataset.pixels.areMapped)
    #expect(dataset.skipped.isEmpty)
  }

  @Test(arguments: ["test", "val"])
  func `takes the labels of a test part from the training part`(name: String) throws {
    try folder.writeImages()
    try folder.write(plain([250, 0, 0]).png, deep: "\(name)/red/1.png")
    let source = DataSource(format: .imageFolder, path: folder.path, side: 8)
    let training = try source.read()
    let test = try #require(try source.readTest(matching: training))
    #expect(test.labels == [1])
    #expect(test.classNames == ["blue", "red"])
    #expect(test.classes == 2)
  }

  @Test func `does without a test part`() throws {
    try folder.writeImages()
    let source = DataSource(format: .imageFolder, path: folder.path, side: 8)
    #expect(try source.readTest(matching: try source.read()) == nil)
  }

  // MARK: - The cache

  @Test func `decodes once, and again when an image or the size changes`() throws {
    try folder.writeImages()
    var decoded = 0
    func read(side: Int = 8) throws -> ImageDataset {
      decoded = 0
      return try ImageDataset(imageFolder: folder.path, side: side) { done, _ in decoded = done }
    }
    let first = try read()
    #expect(decoded == 6)
    let second = try read()
    #expect(decoded == 0)
    #expect(second.fingerprint == first.fingerprint)
    #expect(second.labels == first.labels && second.pixels == first.pixels)
    #expect(second.classNames == first.classNames)

    #expect(try read(side: 9).width == 9)
    #expect(decoded == 6)
    try folder.write(plain([10, 230, 10]).png, deep: "train/blue/0.PNG")
    #expect(try read().fingerprint != first.fingerprint)
    #expect(decoded == 6)
    try FileManager.default.removeItem(atPath: "\(folder.path)/train/red/1.jpg")
    #expect(try read().count == 5)
    try FileManager.default.moveItem(
      atPath: "\(folder.path)/train/red/0.jpg", toPath: "\(folder.path)/train/red/4.jpg")
    _ = try read()
    #expect(decoded == 5)
  }

  @Test func `makes a damaged or foreign cache anew, whatever byte is damaged`() throws {
    try folder.writeImages(count: 1)
    let whole = try read(side: 2)
    let cache = "\(folder.path)/.nas-cache/train-2.images"
    let bytes = [UInt8](try Data(contentsOf: URL(filePath: cache)))
    for index in bytes.indices where !(88..<128).contains(index) {
      var damaged = bytes
      damaged[index] ^= 0x41
      try folder.write(damaged, as: ".nas-cache/train-2.images")
      let dataset = try read(side: 2)
      #expect(dataset.fingerprint == whole.fingerprint && dataset.labels == whole.labels)
      #expect(dataset.pixels == whole.pixels && dataset.classNames == whole.classNames)
    }
    for count in stride(from: 0, to: bytes.count, by: 5) {
      try folder.write(Array(bytes.prefix(count)), as: ".nas-cache/train-2.images")
      #expect(try read(side: 2).fingerprint == whole.fingerprint)
    }
    #expect([UInt8](try Data(contentsOf: URL(filePath: cache))) == bytes)
    // Nothing but the cache is left behind, not even by a process that was killed. None has this number.
    try folder.write([1], as: ".nas-cache/train-2.images.4194305")
    try folder.write([], as: ".nas-cache/train-2.images")
    _ = try read(side: 2)
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/.nas-cache")
        == ["train-2.images"])
  }

  @Test func `says that it cannot write, and where it could`() throws {
    try folder.writeImages()
    try folder.write([], as: ".nas-cache")
    let error = #expect(throws: DatasetError.self) { try read() }
    #expect(
      error?.description == "\(folder.path)/.nas-cache/train-8.images: cannot be written: Not a "
        + "directory; let NAS_CACHE name a folder that can be written to.")
  }

  @Test func `tells a full disk from other failures`() {
    let error = DatasetError.unwritable(path: "a", reason: "No space left on device", isFull: true)
    #expect(
      error.description == "a: cannot be written: No space left on device; make room, or let "
        + "NAS_CACHE name a folder on another disk.")
  }

  // MARK: - Bad images

  @Test func `leaves out one unreadable image of a hundred, with its reason, and no more`() throws {
    try folder.writeImages(count: 100)
    try folder.write(Array("no image".utf8), deep: "train/red/5.jpg")
    try folder.write([], deep: "train/blue/9.PNG")
    let reasons = [
      "\(folder.path)/train/blue/9.PNG: the file is empty",
      "\(folder.path)/train/red/5.jpg: it is neither JPEG nor PNG",
    ]
    let dataset = try read()
    #expect(dataset.count == 198)
    #expect(dataset.skipped.map(\.description) == reasons)
    #expect(dataset.labels.count { $0 == 0 } == 99)
    // They are told of again when the images come from the cache.
    #expect(try read().skipped.map(\.description) == reasons)

    try folder.write(jpeg(plain([1, 2, 3]), colors: TJPF_CMYK), deep: "train/red/7.jpg")
    let error = #expect(throws: DatasetError.self) { try read() }
    #expect(
      error?.description == "\(folder.path)/train: holds 3 images of 200 that cannot be read, more "
        + "than 1 %; the first is \(reasons[0]); mend or remove them.")
  }

  @Test func `leaves out a link that leads nowhere or in circles`() throws {
    try folder.writeImages(count: 100)
    let red = "\(folder.path)/train/red"
    try FileManager.default.createSymbolicLink(
      atPath: "\(red)/a.jpg", withDestinationPath: "nowhere.jpg")
    try FileManager.default.createSymbolicLink(atPath: "\(red)/b.jpg", withDestinationPath: "b.jpg")
    // One that leads up again is a folder, and folders in classes are passed over.
    try FileManager.default.createSymbolicLink(atPath: "\(red)/c.jpg", withDestinationPath: "..")
    let dataset = try read()
    #expect(dataset.count == 200)
    #expect(
      dataset.skipped.map(\.reason) == [
        "it is not there any more", "it cannot be read: Too many levels of symbolic links",
      ])
  }

  // MARK: - Bad folders

  @Test func `refuses no class, one class and an empty one`() throws {
    try FileManager.default.createDirectory(
      atPath: "\(folder.path)/train", withIntermediateDirectories: true)
    expect(.classFolders(count: 0, limit: 65_536))
    try folder.write(plain([1, 2, 3]).png, deep: "train/cat/1.png")
    expect(.classFolders(count: 1, limit: 65_536))
    try folder.write([], deep: "train/dog/notes.txt")
    expect(.emptyClass(name: "dog"))
    let error = #expect(throws: DatasetError.self) { try read() }
    #expect(
      error?.description == "\(folder.path)/train: holds no .jpg, .jpeg or .png file of the class "
        + "'dog'; put images there, or remove the folder.")
  }

  @Test func `refuses more classes than there can be`() throws {
    let train = "\(folder.path)/train"
    try FileManager.default.createDirectory(atPath: train, withIntermediateDirectories: true)
    for index in 0...65_536 { mkdir("\(train)/\(index)", 0o700) }
    expect(.classFolders(count: 65_537, limit: 65_536))
  }

  @Test func `goes into no loop of links`() throws {
    try folder.writeImages()
    try FileManager.default.createSymbolicLink(
      atPath: "\(folder.path)/train/loop", withDestinationPath: ".")
    expect(.emptyClass(name: "loop"))
    try FileManager.default.removeItem(atPath: "\(folder.path)/train/loop")
    // One that leads to itself is no folder, so it is no class.
    try FileManager.default.createSymbolicLink(
      atPath: "\(folder.path)/train/loop", withDestinationPath: "loop")
    #expect(try read().classNames == ["blue", "red"])
  }

  @Test func `refuses a name that is not UTF-8, and leaves out such an image`() throws {
    try folder.writeImages(count: 50)
    // 0xff is part of no character.
    func path(_ name: String) -> [CChar] {
      (folder.path + name).utf8CString.map { $0 == 1 ? -1 : $0 }
    }
    close(open(path("/train/red/\u{1}.png"), O_CREAT | O_WRONLY, 0o600))
    #expect(try read().skipped.map(\.reason) == ["its name is not UTF-8"])
    mkdir(path("/train/\u{1}"), 0o700)
    expect(.nameNotUTF8(name: "\u{fffd}"))
  }

  @Test func `refuses a test part of other classes`() throws {
    try folder.writeImages()
    try folder.write(plain([1, 2, 3]).png, deep: "test/green/1.png")
    let training = try read()
    #expect(
      throws: DatasetError.malformed(file: "\(folder.path)/test", .unknownClass(name: "green"))
    ) {
      try ImageDataset(imageFolder: folder.path, side: 8, part: .test, matching: training)
    }
  }

  @Test func `refuses a folder that may not be read`() throws {
    try folder.writeImages()
    chmod("\(folder.path)/train/red", 0)
    defer { chmod("\(folder.path)/train/red", 0o700) }
    // The superuser may read everything.
    guard getuid() != 0 else { return }
    #expect(
      throws: DatasetError.unreadable(
        path: "\(folder.path)/train/red", reason: "Permission denied")
    ) { try read() }
  }

  // MARK: - Steps

  private func read(side: Int = 8) throws -> ImageDataset {
    try ImageDataset(imageFolder: folder.path, side: side)
  }

  private func expect(
    _ defect: DatasetError.Defect, at location: SourceLocation = #_sourceLocation
  ) {
    #expect(
      throws: DatasetError.malformed(file: "\(folder.path)/train", defect),
      sourceLocation: location
    ) { try read() }
  }
}
