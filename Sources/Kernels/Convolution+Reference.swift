// The plain meaning of the three directions of a convolution. Tests compare the fast kernels with
// these; nothing else calls them. Activations are [batch, height, width, channels], weights
// [output, input, kernel, kernel] without gaps.

extension ConvolutionSizes {
  /// Does what ``Engine/convolve(_:input:weights:into:)`` does, slowly and plainly.
  package func referenceForward(input: [Float], weights: [Float]) -> [Float] {
    var result = [Float](repeating: 0, count: output.count)
    forEachProduct { read, weight, computed in
      result[computed] += input[read] * weights[weight]
    }
    return result
  }

  /// Does what ``Engine/convolveBackwardData(_:outputGradient:weights:into:)`` does.
  package func referenceBackwardData(outputGradient: [Float], weights: [Float]) -> [Float] {
    var result = [Float](repeating: 0, count: input.count)
    forEachProduct { read, weight, computed in
      result[read] += outputGradient[computed] * weights[weight]
    }
    return result
  }

  /// Returns what ``Engine/convolveBackwardWeights(_:input:outputGradient:addingTo:)`` adds.
  package func referenceBackwardWeights(input: [Float], outputGradient: [Float]) -> [Float] {
    var result = [Float](repeating: 0, count: output.channels * weightsPerOutput)
    forEachProduct { read, weight, computed in
      result[weight] += input[read] * outputGradient[computed]
    }
    return result
  }

  /// Visits every product of the convolution: the element read, the weight, the element computed.
  private func forEachProduct(_ body: (Int, Int, Int) -> Void) {
    let padding = kernel / 2
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
                for source in 0..<input.channels {
                  body(
                    pixel + source,
                    (channel * input.channels + source) * kernel * kernel + tap, computed)
                }
              }
            }
          }
        }
      }
    }
  }
}
