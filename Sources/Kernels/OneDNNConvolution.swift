import CKernels
import COneDNN

/// A convolution that oneDNN has compiled for its sizes, destroyed with this object.
@safe
final class OneDNNConvolution {
  private let handle: OpaquePointer
  let scratchBytes: Int

  /// What a convolution computes from what.
  enum Direction: UInt32 {
    case forward = 0
    case backwardData = 1
    case backwardWeights = 2
  }

  init(
    _ direction: Direction, _ sizes: ConvolutionSizes, weightRowStride: Int
  ) throws(KernelError) {
    var description = nas_convolution_sizes(
      batch: sizes.input.batch, input_channels: sizes.input.channels,
      input_height: sizes.input.height, input_width: sizes.input.width,
      output_channels: sizes.output.channels, output_height: sizes.output.height,
      output_width: sizes.output.width, kernel: sizes.kernel, stride: sizes.stride,
      weight_row_stride: weightRowStride)
    var created: OpaquePointer?
    let status = unsafe nas_convolution_create(
      nas_direction(direction.rawValue), &description, &created)
    guard status == 0, let created = unsafe created else {
      throw KernelError(
        call: "oneDNN convolution (\(direction))", status: Int(status), subject: "\(sizes)")
    }
    unsafe handle = created
    scratchBytes = unsafe nas_convolution_scratch(created)
  }

  deinit {
    unsafe nas_convolution_destroy(handle)
  }

  func execute(
    input: Tensor, weights: WeightView, output: Tensor, scratch: Tensor
  ) throws(KernelError) {
    let status = unsafe nas_convolution_execute(
      handle, input.start, weights.start, output.start, scratch.start)
    guard status == 0 else {
      throw KernelError(
        call: "oneDNN execution", status: Int(status), subject: "\(output.shape)")
    }
  }
}

/// Compiled convolutions by their sizes, of which only so many are kept.
///
/// Random subnets meet thousands of sizes; when the cache is full, the half that was used longest
/// ago is dropped.
final class ConvolutionCache {
  struct Key: Hashable {
    let direction: OneDNNConvolution.Direction
    let sizes: ConvolutionSizes
    let weightRowStride: Int
  }

  private struct Entry {
    let convolution: OneDNNConvolution
    var lastUse: Int
  }

  private let limit: Int
  private var entries: [Key: Entry] = [:]
  private var clock = 0

  init(limit: Int) {
    self.limit = limit
  }

  var count: Int { entries.count }

  func convolution(for key: Key) throws(KernelError) -> OneDNNConvolution {
    clock += 1
    if let index = entries.index(forKey: key) {
      entries.values[index].lastUse = clock
      return entries.values[index].convolution
    }
    if entries.count >= limit { dropOlderHalf() }
    let convolution = try OneDNNConvolution(
      key.direction, key.sizes, weightRowStride: key.weightRowStride)
    entries[key] = Entry(convolution: convolution, lastUse: clock)
    return convolution
  }

  private func dropOlderHalf() {
    let uses = entries.values.map(\.lastUse).sorted()
    let median = uses[uses.count / 2]
    entries = entries.filter { $0.value.lastUse > median }
  }
}

extension Engine {
  func oneDNN(
    _ direction: OneDNNConvolution.Direction, _ sizes: ConvolutionSizes, input: Tensor,
    weights: WeightView, output: Tensor
  ) throws(KernelError) {
    let mark = scratch.mark
    defer { scratch.release(to: mark) }
    // oneDNN (2.6.3 and 3.2.0 alike) gets the weight gradient of strided 1×1 convolutions wrong in
    // this layout for some small sizes, so they read a copy of the pixels they use.
    if sizes.kernel == 1 && sizes.stride > 1 {
      let dense = sizes.withoutSkippedPixels
      let pixels = scratch.tensor(dense.input)
      if direction != .backwardData { gather(input, stride: sizes.stride, into: pixels) }
      try oneDNN(direction, dense, input: pixels, weights: weights, output: output)
      if direction == .backwardData { scatter(pixels, stride: sizes.stride, into: input) }
      return
    }
    let convolution = try convolutions.convolution(
      for: ConvolutionCache.Key(
        direction: direction, sizes: sizes, weightRowStride: weights.rowStride))
    let memory = scratch.tensor(
      TensorShape(rows: 1, channels: convolution.scratchBytes / MemoryLayout<Float>.stride))
    try convolution.execute(input: input, weights: weights, output: output, scratch: memory)
  }

  private func gather(_ x: Tensor, stride: Int, into pixels: Tensor) {
    let shape = x.shape
    unsafe nas_gather_pixels(
      x.start, shape.batch, shape.height, shape.width, shape.channels, stride, pixels.start)
  }

  private func scatter(_ pixels: Tensor, stride: Int, into x: Tensor) {
    let shape = x.shape
    unsafe nas_scatter_pixels(
      pixels.start, shape.batch, shape.height, shape.width, shape.channels, stride, x.start)
  }
}

extension ConvolutionSizes {
  /// A 1×1 convolution of stride 1 over just the pixels that this one reads.
  fileprivate var withoutSkippedPixels: ConvolutionSizes {
    var pixels = output
    pixels.channels = input.channels
    return ConvolutionSizes(input: pixels, channels: output.channels, kernel: 1)
  }
}
