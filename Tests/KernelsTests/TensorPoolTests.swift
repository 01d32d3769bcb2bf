import Kernels
import Testing

@Suite struct TensorPoolTests {
  private let shape = TensorShape(batch: 2, height: 4, width: 4, channels: 8)

  @Test func `gives the place of a tensor that was given back to the next one`() throws {
    let pool = try TensorPool()
    let first = pool.take(shape, .float32)
    first.fill(with: 3)
    let second = pool.take(shape, .float32)
    second.fill(with: 4)
    #expect(first.elements.allSatisfy { $0 == 3 })
    let peak = pool.peakBytes
    pool.giveBack(first)
    // A smaller tensor has room there too, and finds what lay there.
    let third = pool.take(TensorShape(rows: 3, channels: 5), .float32)
    #expect(third.elements == [Float](repeating: 3, count: 15))
    #expect(second.elements.allSatisfy { $0 == 4 })
    #expect(pool.peakBytes == peak)
  }

  @Test func `takes the smallest place that fits, of the type asked for`() throws {
    let pool = try TensorPool()
    let sizes = [64, 256, 128]
    let tensors = sizes.map { pool.take(TensorShape(rows: 1, channels: $0), .float32) }
    for (tensor, size) in zip(tensors, sizes) { tensor.fill(with: Float(size)) }
    let halves = pool.take(TensorShape(rows: 1, channels: 512), .bfloat16)
    tensors.forEach(pool.giveBack)
    pool.giveBack(halves)
    let peak = pool.peakBytes
    #expect(pool.take(TensorShape(rows: 1, channels: 100), .float32).elements[0] == 128)
    #expect(pool.take(TensorShape(rows: 1, channels: 100), .float32).elements[0] == 256)
    #expect(pool.take(TensorShape(rows: 1, channels: 50), .float32).elements[0] == 64)
    #expect(pool.peakBytes == peak)
    _ = pool.take(TensorShape(rows: 1, channels: 1), .float32)
    #expect(pool.peakBytes > peak)
  }

  @Test func `uses its memory again once it is reset`() throws {
    let pool = try TensorPool()
    func fill() { for _ in 0..<10 { pool.take(shape, .float32).fill(with: 1) } }
    fill()
    let peak = pool.peakBytes
    for _ in 0..<5 {
      pool.reset()
      fill()
    }
    #expect(pool.peakBytes == peak)
  }
}
