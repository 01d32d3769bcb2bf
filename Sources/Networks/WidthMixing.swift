import Kernels
import SearchSpace

/// How several widths of one layer become one: each is normalised by scale and shift of its own,
/// brought to the channels of the widest, and weighted.
///
/// With x̂ the channels normalised by mean and deviation, which do not depend on the width, and s the
/// share of a channel in an interpolated one, channel k of the mixture is
///
///     Σ over widths j and channels i:  wⱼ · s · (γⱼᵢ · x̂ᵢ + βⱼᵢ)
///
/// a sum over the few channels that interpolation reads, with a factor for each.
struct WidthMixing {
  /// The sums over what the layer computed.
  let mix: ChannelMix

  /// What is added to each.
  let shift: [Float]

  /// The sums over x̂, through which the gradient goes back to it.
  private let normalized: ChannelMix

  /// For each channel of the mixture, what the sums are made of.
  private let terms: [[Term]]
  private let parts: [Part]
  private let mean: [Float]
  private let inverseDeviations: [Double]

  private struct Term {
    var part: Int
    var channel: Int
    var share: Double
  }

  /// One of the widths.
  struct Part {
    let channels: Int
    let weight: Double

    /// The name of the scale's array and its values; `nil` for a layer that does not normalise.
    let scale: (name: String, values: [Float])?

    /// The name of the array of shifts or biases and its values; `nil` for one without either.
    let shift: (name: String, values: [Float])?
  }

  init(_ parts: [Part], statistics: ChannelStatistics, isNormalized: Bool) {
    self.parts = parts
    let channels = parts[parts.count - 1].channels
    mean = isNormalized ? statistics.mean : [Float](repeating: 0, count: channels)
    inverseDeviations =
      isNormalized
      ? statistics.variance.map { 1 / Double($0 + normalizationEpsilon).squareRoot() }
      : [Double](repeating: 1, count: channels)
    terms = (0..<channels).map { output in
      parts.indices.flatMap { part in
        let window = interpolationWindow(
          of: output, from: parts[part].channels, to: channels)
        return window.map {
          Term(part: part, channel: $0, share: 1 / Double(window.count))
        }
      }
    }
    var shifts: [Float] = []
    var sums: [[ChannelMix.Term]] = []
    var normalizedSums: [[ChannelMix.Term]] = []
    for terms in terms {
      var shift = 0.0
      var (sum, normalizedSum): ([ChannelMix.Term], [ChannelMix.Term]) = ([], [])
      for term in terms {
        let part = parts[term.part]
        let factor = part.weight * term.share * part.scale(of: term.channel)
        let slope = factor * inverseDeviations[term.channel]
        sum.append(ChannelMix.Term(source: term.channel, factor: Float(slope)))
        normalizedSum.append(ChannelMix.Term(source: term.channel, factor: Float(factor)))
        shift += part.weight * term.share * part.shift(of: term.channel)
        shift -= slope * Double(mean[term.channel])
      }
      sums.append(sum)
      normalizedSums.append(normalizedSum)
      shifts.append(Float(shift))
    }
    mix = ChannelMix(inputs: channels, sums: sums)
    normalized = ChannelMix(inputs: channels, sums: normalizedSums)
    shift = shifts
  }

  /// What follows from the gradient of the mixture.
  struct Gradient {
    /// Sums of the gradient of x̂, from which that of what the layer computed follows.
    var sums: GradientSums

    /// The derivative by the weight of each width.
    var weights: [Double]

    /// The gradients of scales, shifts and biases, by the names of their arrays.
    var parameters: [(name: String, gradient: [Float])] = []
  }

  /// Takes a gradient back through the mixture.
  ///
  /// - Parameters:
  ///   - x: What the layer computed.
  ///   - outputGradient: The gradient of the mixture.
  ///   - inputGradient: Becomes the gradient of x̂.
  ///   - engine: What computes.
  /// - Returns: What else follows from it.
  func backward(
    _ x: Tensor, outputGradient: Tensor, into inputGradient: Tensor, _ engine: Engine
  ) -> Gradient {
    let slopes = engine.mixBackward(
      normalized, x, center: mean, outputGradient: outputGradient, into: inputGradient)
    var sums = GradientSums(
      gradient: [Double](repeating: 0, count: mean.count),
      product: [Double](repeating: 0, count: mean.count))
    var weights = [Double](repeating: 0, count: parts.count)
    var scales = parts.map { [Float](repeating: 0, count: $0.channels) }
    var shifts = scales
    for (output, terms) in terms.enumerated() {
      let total = slopes.total(output: output)
      for (tap, term) in terms.enumerated() {
        let part = parts[term.part]
        let product = slopes.product(output: output, tap: tap)
        let normalizedProduct = product * inverseDeviations[term.channel]
        let share = part.weight * term.share
        let scale = part.scale(of: term.channel)
        sums.gradient[term.channel] += share * scale * total
        sums.product[term.channel] += share * scale * product
        weights[term.part] +=
          term.share * (scale * normalizedProduct + part.shift(of: term.channel) * total)
        scales[term.part][term.channel] += Float(share * normalizedProduct)
        shifts[term.part][term.channel] += Float(share * total)
      }
    }
    var gradient = Gradient(sums: sums, weights: weights)
    for (index, part) in parts.enumerated() {
      if let scale = part.scale { gradient.parameters.append((scale.name, scales[index])) }
      if let shift = part.shift { gradient.parameters.append((shift.name, shifts[index])) }
    }
    return gradient
  }
}

extension WidthMixing.Part {
  fileprivate func scale(of channel: Int) -> Double { Double(scale?.values[channel] ?? 1) }

  fileprivate func shift(of channel: Int) -> Double { Double(shift?.values[channel] ?? 0) }
}

/// The channels whose mean is a channel of an interpolation: adaptive average pooling along them.
///
/// > X. Dong, Y. Yang. "Network Pruning via Transformable Architecture Search." NeurIPS 2019.
/// > [arXiv:1905.09717](https://arxiv.org/abs/1905.09717), equation 6.
func interpolationWindow(of output: Int, from channels: Int, to outputs: Int) -> Range<Int> {
  output * channels / outputs..<((output + 1) * channels + outputs - 1) / outputs
}

extension ChannelMix {
  /// Brings `inputs` channels to `outputs` by interpolation.
  static func interpolation(from inputs: Int, to outputs: Int, weight: Double) -> ChannelMix {
    ChannelMix(
      inputs: inputs,
      sums: (0..<outputs).map { output in
        let window = interpolationWindow(of: output, from: inputs, to: outputs)
        return window.map { Term(source: $0, factor: Float(weight / Double(window.count))) }
      })
  }
}
