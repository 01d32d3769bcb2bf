// The plain meaning of the three directions of a convolution, summed in double precision. Tests
// compare the fast kernels with these; nothing else calls them. Activations are
// [batch, height, width, channels], weights [output, input, kernel, kernel] without gaps.

extension ConvolutionSizes {
  /// Computes what ``Engine/convolve(_:input:weights:into:)`` does from an input that is final.
  package func referenceForward(input: [Float], weights: [Float]) -> [Float] {
    var result = [Double](repeating: 0, count: output.count)
    forEachProduct { read, weight, computed in
      result[computed] += Double(input[read]) * Double(weights[weight])
    }
    return result.map { Float($0) }
  }

  /// Returns the gradient of the input that
  /// ``Engine/convolveBackward(_:input:weights:gradient:addingTo:sink:)`` gives to its sink.
  package func referenceBackwardData(outputGradient: [Float], weights: [Float]) -> [Float] {
    var result = [Double](repeating: 0, count: input.count)
    forEachProduct { read, weight, computed in
      result[read] += Double(outputGradient[computed]) * Double(weights[weight])
    }
    return result.map { Float($0) }
  }

  /// Returns what ``Engine/convolveBackward(_:input:weights:gradient:addingTo:sink:)`` adds to the
  /// gradient of the weights.
  package func referenceBackwardWeights(input: [Float], outputGradient: [Float]) -> [Float] {
    var result = [Double](repeating: 0, count: output.channels * weightsPerOutput)
    forEachProduct { read, weight, computed in
      result[weight] += Double(input[read]) * Double(outputGradient[computed])
    }
    return result.map { Float($0) }
  }

  /// Visits every product of the convolution: the element read, the weight, the element computed.
  private func forEachProduct(_ body: (Int, Int, Int) -> Void) {
    let padding = kernel / 2
    let inputs = input.channels / groups
    let outputs = output.channels / groups
    for image in 0..<output.batch {
      for row in 0..<output.height {
        for column in 0..<output.width {
          for channel in 0..<output.channels {
            let computed =
              ((image * output.height + row) * output.width + column) * output.channels + channel
            for tap in 0..<kernel * kernel {
              let y = row * stride + tap / kernel - padding
              let x = column * stride + tap % kernel - padding
              guard (0..<input.height).contains(y), (0..<input.width).contains(x) else { continue }
              let pixel = ((image * input.height + y) * input.width + x) * input.channels
              if isDepthwise {
                body(pixel + channel, channel * kernel * kernel + tap, computed)
              } else {
                for source in 0..<inputs {
                  body(
                    pixel + channel / outputs * inputs + source,
                    (channel * inputs + source) * kernel * kernel + tap, computed)
                }
              }
            }
          }
        }
      }
    }
  }
}
