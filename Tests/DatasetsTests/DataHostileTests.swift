import CSPNG
import Datasets
import Foundation
import SearchSpace
import Testing

/// Damaged files of every format: each is read or refused, and none ends the program.
@Suite struct DataHostileTests {
  /// Seconds that each format is tried for; `make fuzz` gives it more.
  private static let seconds =
    ProcessInfo.processInfo.environment["NAS_FUZZ_SECONDS"].flatMap { Double($0) }.map { $0 / 3 }
    ?? 0.5

  @Test(arguments: [true, false])
  func `no damage to an image ends the program`(isJPEG: Bool) {
    let seeds =
      isJPEG
      ? [jpeg(quarters()), jpeg(quarters(), isProgressive: true), turned(jpeg(quarters()), 6)]
      : [
        quarters().png,
        png([1, 2, 3], width: 3, height: 1, bits: 8, color: SPNG_COLOR_TYPE_GRAYSCALE),
      ]
    var read = 0
    damage(seeds, seed: 1) { file in
      guard let picture = try? Picture(decoding: file, for: 8) else { return }
      _ = picture.square(side: 8)
      read += 1
    }
    // Not everything is refused: much of the damage lies behind the checks.
    #expect(read > 0)
  }

  @Test func `no damage to an archive ends the program`() throws {
    let folder = try TemporaryFolder()
    let archive = tar([
      ("data_batch_1.bin", cifarRecord([1])), ("test_batch.bin", cifarRecord([2])),
    ])
    var failure: (any Error)?
    damage([archive, gzip(archive)], seed: 2) { file in
      do {
        let path = try folder.write(file, as: "cifar.tar")
        _ = try? ImageDataset(cifar: .ten, at: path)
        _ = try? DataFormat(recognizing: path)
      } catch { failure = error }
    }
    #expect(failure == nil)
  }

  /// Gives damaged copies of files to a closure until time is up.
  private func damage(_ seeds: [[UInt8]], seed: UInt64, _ body: ([UInt8]) -> Void) {
    var generator = SeededGenerator(seed: seed)
    func draw(_ bound: Int) -> Int { Int.random(in: 0..<max(1, bound), using: &generator) }
    let start = ContinuousClock.now
    while ContinuousClock.now - start < .seconds(Self.seconds) {
      var file = seeds[draw(seeds.count)]
      for _ in 0...draw(4) {
        let place = draw(file.count)
        switch draw(4) {
        case 0: file = Array(file.prefix(place))
        case 1:
          file.replaceSubrange(place..<min(place + 4, file.count), with: [255, 255, 255, 255])
        case 2: file.insert(contentsOf: file.prefix(draw(100)), at: place)
        default: if !file.isEmpty { file[place] = UInt8(draw(256)) }
        }
      }
      body(file)
    }
  }
}
