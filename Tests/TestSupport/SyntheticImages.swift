public import Foundation
import SearchSpace

/// Images that a small network learns in a few steps: each class is a bar of its own, with noise.
public struct SyntheticImages: Sendable {
  /// `[count, side, side]`, from 0 to 255.
  public let pixels: [UInt8]

  /// From 0 to 3, in turn.
  public let labels: [UInt16]

  public let side: Int

  public init(count: Int, side: Int = 8, seed: UInt64 = 1) {
    var generator = SeededGenerator(seed: seed)
    self.side = side
    labels = (0..<count).map { UInt16($0 % 4) }
    var pixels: [UInt8] = []
    for label in labels {
      let place = Int.random(in: 2..<side - 2, using: &generator)
      for y in 0..<side {
        for x in 0..<side {
          let isBar =
            switch label {
            case 0: x == place
            case 1: y == place
            case 2: (x + y) % side == place
            default: (x - y + side) % side == place
            }
          pixels.append(UInt8.random(in: 0..<150, using: &generator) + (isBar ? 100 : 0))
        }
      }
    }
    self.pixels = pixels
  }

  /// Writes the images as an IDX data set, or as its test part, `t10k`.
  public func write(toFolder folder: URL, part: String = "train") throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    func header(_ sizes: [Int]) -> [UInt8] {
      [0, 0, 8, UInt8(sizes.count)]
        + sizes.flatMap { size in
          stride(from: 24, through: 0, by: -8).map { UInt8(size >> $0 & 255) }
        }
    }
    try Data(header([labels.count, side, side]) + pixels).write(
      to: folder.appending(path: "\(part)-images-idx3-ubyte"))
    try Data(header([labels.count]) + labels.map { UInt8($0) }).write(
      to: folder.appending(path: "\(part)-labels-idx1-ubyte"))
  }
}
