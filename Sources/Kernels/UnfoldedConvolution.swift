import COpenBLAS

// Convolution as a matrix product, for OpenBLAS.
//
// For each pixel computed, the window it sees is unfolded into a row of kernel · kernel · input
// channels; the rows of an image times the weights give its pixels. Images are divided among the
// threads, so that a thread's rows stay in its cache.

extension Engine {
  func unfolded(
    _ sizes: ConvolutionSizes, input: Tensor, weights: WeightView, into output: Tensor
  ) {
    let mark = scratch.mark
    defer { scratch.release(to: mark) }
    let packed = pack(sizes, weights)
    withWindows(of: sizes) { image, windows in
      unfold(sizes, image: input.images(image..<image + 1), into: windows)
      // output[pixel, channel] = Σ windows[pixel, k] · packed[channel, k]
      unsafe cblas_sgemm(
        CblasRowMajor, CblasNoTrans, CblasTrans, Int32(sizes.pixels),
        Int32(sizes.output.channels), Int32(sizes.weightsPerOutput), 1, windows.start,
        Int32(sizes.weightsPerOutput), packed.start, Int32(sizes.weightsPerOutput), 0,
        output.images(image..<image + 1).start, Int32(sizes.output.channels))
    }
  }

  func unfoldedBackwardData(
    _ sizes: ConvolutionSizes, outputGradient: Tensor, weights: WeightView,
    into inputGradient: Tensor
  ) {
    let mark = scratch.mark
    defer { scratch.release(to: mark) }
    let packed = pack(sizes, weights)
    withWindows(of: sizes) { image, windows in
      // windows[pixel, k] = Σ gradient[pixel, channel] · packed[channel, k]
      unsafe cblas_sgemm(
        CblasRowMajor, CblasNoTrans, CblasNoTrans, Int32(sizes.pixels),
        Int32(sizes.weightsPerOutput), Int32(sizes.output.channels), 1,
        outputGradient.images(image..<image + 1).start, Int32(sizes.output.channels),
        packed.start, Int32(sizes.weightsPerOutput), 0, windows.start,
        Int32(sizes.weightsPerOutput))
      fold(sizes, windows: windows, into: inputGradient.images(image..<image + 1))
    }
  }

  func unfoldedBackwardWeights(
    _ sizes: ConvolutionSizes, input: Tensor, outputGradient: Tensor,
    addingTo weightGradient: WeightView
  ) {
    let mark = scratch.mark
    defer { scratch.release(to: mark) }
    let threads = Engine.threads
    let packedShape = TensorShape(
      rows: sizes.output.channels, channels: sizes.weightsPerOutput)
    let partial = (0..<threads).map { _ in scratch.zeros(packedShape) }
    withWindows(of: sizes) { thread, image, windows in
      unfold(sizes, image: input.images(image..<image + 1), into: windows)
      // partial[channel, k] += Σ gradient[pixel, channel] · windows[pixel, k]
      unsafe cblas_sgemm(
        CblasRowMajor, CblasTrans, CblasNoTrans, Int32(sizes.output.channels),
        Int32(sizes.weightsPerOutput), Int32(sizes.pixels), 1,
        outputGradient.images(image..<image + 1).start, Int32(sizes.output.channels),
        windows.start, Int32(sizes.weightsPerOutput), 1, partial[thread].start,
        Int32(sizes.weightsPerOutput))
    }
    for packed in partial {
      sizes.forEachWeight(rowStride: weightGradient.rowStride) { weight, place in
        unsafe weightGradient.start[weight] += packed.start[place]
      }
    }
  }

  /// Copies weights so that those of one output channel lie in the order of a window's row.
  private func pack(_ sizes: ConvolutionSizes, _ weights: WeightView) -> Tensor {
    let packed = scratch.tensor(
      TensorShape(rows: sizes.output.channels, channels: sizes.weightsPerOutput))
    sizes.forEachWeight(rowStride: weights.rowStride) { weight, place in
      unsafe packed.start[place] = weights.start[weight]
    }
    return packed
  }

  private func withWindows(of sizes: ConvolutionSizes, _ body: (Int, Tensor) -> Void) {
    withWindows(of: sizes) { _, image, windows in body(image, windows) }
  }

  /// Calls `body` with thread, image and room for the image's windows, for every image.
  private func withWindows(of sizes: ConvolutionSizes, _ body: (Int, Int, Tensor) -> Void) {
    let threads = Engine.threads
    let shape = TensorShape(rows: sizes.pixels, channels: sizes.weightsPerOutput)
    let windows = (0..<threads).map { _ in scratch.tensor(shape) }
    let batch = sizes.input.batch
    parallel(threads) { thread in
      for image in batch * thread / threads..<batch * (thread + 1) / threads {
        body(thread, image, windows[thread])
      }
    }
  }

  private func unfold(_ sizes: ConvolutionSizes, image: Tensor, into windows: Tensor) {
    let channels = sizes.input.channels
    sizes.forEachWindowPlace { place, source in
      let target = unsafe windows.start + place * channels
      if let source {
        unsafe target.update(from: image.start + source * channels, count: channels)
      } else {
        unsafe target.update(repeating: 0, count: channels)
      }
    }
  }

  private func fold(_ sizes: ConvolutionSizes, windows: Tensor, into image: Tensor) {
    let channels = sizes.input.channels
    image.fill(with: 0)
    sizes.forEachWindowPlace { place, source in
      guard let source else { return }
      let target = unsafe image.start + source * channels
      let window = unsafe windows.start + place * channels
      for channel in 0..<channels { unsafe target[channel] += window[channel] }
    }
  }
}

extension ConvolutionSizes {
  /// The pixels that one image has in the output.
  fileprivate var pixels: Int { output.height * output.width }

  /// Pairs each weight's offset in `[output, input, kernel, kernel]` with its place in
  /// `[output, kernel, kernel, input]`.
  fileprivate func forEachWeight(rowStride: Int, _ body: (Int, Int) -> Void) {
    let window = kernel * kernel
    for row in 0..<output.channels {
      for channel in 0..<input.channels {
        for tap in 0..<window {
          body(
            row * rowStride + channel * window + tap,
            row * weightsPerOutput + tap * input.channels + channel)
        }
      }
    }
  }

  /// Pairs each place of each output pixel's window with the input pixel it sees, or with `nil`
  /// in the padding.
  fileprivate func forEachWindowPlace(_ body: (Int, Int?) -> Void) {
    let padding = kernel / 2
    var place = 0
    for row in 0..<output.height {
      for column in 0..<output.width {
        for tapRow in 0..<kernel {
          let y = row * stride + tapRow - padding
          for tapColumn in 0..<kernel {
            let x = column * stride + tapColumn - padding
            let isInside = (0..<input.height).contains(y) && (0..<input.width).contains(x)
            body(place, isInside ? y * input.width + x : nil)
            place += 1
          }
        }
      }
    }
  }
}
