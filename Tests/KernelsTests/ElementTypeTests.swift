import Kernels
import TestSupport
import Testing

@Suite struct ElementTypeTests {
  @Test func `rounds to the nearest bfloat16, ties to the even one`() throws {
    let arena = try Arena(capacity: 1 << 26)
    func stored(_ numbers: [Float]) -> [Float] {
      let tensor = arena.tensor(TensorShape(rows: 1, channels: numbers.count), .bfloat16)
      tensor.copy(numbers)
      return tensor.elements
    }
    // 1 has neighbours at a distance of 2⁻⁷ above it.
    let ties: [Float] = [1 + 0x1p-8, 1 + 0x3p-8, -1 - 0x1p-8, 1 + 0x1p-8 + 0x1p-20, 1 + 0x1p-9]
    #expect(stored(ties) == [1, 1 + 0x1p-6, -1, 1 + 0x1p-7, 1])
    // The largest of all is nearer to 2¹²⁸ than to the largest bfloat16.
    let ends: [Float] = [.greatestFiniteMagnitude, .infinity, -.infinity, 0x1.fep127, 0x1.fefp127]
    #expect(stored(ends) == [.infinity, .infinity, -.infinity, 0x1.fep127, 0x1.fep127])
    let zeros: [Float] = [0, -0.0, .leastNonzeroMagnitude, -.leastNonzeroMagnitude]
    #expect(stored(zeros).map(\.bitPattern) == [0, 0x8000_0000, 0, 0x8000_0000])
    // Payloads whose upper half alone would be an infinity, or would carry over into one.
    let none = [0x7f80_0001, 0xff80_0001, 0x7fff_ffff, 0xffff_ffff, 0x7fc0_0000].map {
      Float(bitPattern: $0)
    }
    #expect(stored(none).allSatisfy { $0.isNaN })
  }

  @Test(arguments: ElementType.allCases)
  func `gives back what was copied, rounded once`(type: ElementType) throws {
    let arena = try Arena(capacity: 1 << 26)
    for count in Array(1...70) + [1000, 40_000] {
      let numbers = randomNumbers(count, seed: UInt64(count)).map { $0 * 1e-3 }
      let tensor = arena.tensor(TensorShape(rows: 1, channels: count), type)
      tensor.copy(numbers)
      #expect(tensor.elements == rounded(numbers, to: type))
      // What is representable stays as it is.
      let again = arena.tensor(tensor.shape, type)
      again.copy(tensor.elements)
      #expect(again.elements == tensor.elements)
    }
  }

  @Test(arguments: ElementType.allCases)
  func `takes parts of a tensor by its elements`(type: ElementType) throws {
    let arena = try Arena(capacity: 1 << 26)
    let tensor = arena.tensor(TensorShape(batch: 3, height: 2, width: 1, channels: 5), type)
    tensor.copy((0..<30).map(Float.init))
    #expect(tensor.images(1..<3).elements == (10..<30).map(Float.init))
    #expect(tensor.part(at: 7, TensorShape(rows: 1, channels: 2)).elements == [7, 8])
  }
}
