/// One of the RegNetX networks: a line from which all widths follow.
///
/// > I. Radosavovic, R. P. Kosaraju, R. Girshick, K. He, P. Dollár. "Designing Network Design
/// > Spaces." CVPR 2020. [arXiv:2003.13678](https://arxiv.org/abs/2003.13678), equations 2 to 4.
public struct RegNetX: Hashable, Sendable {
  public let name: String

  /// The number of blocks, *d*.
  public let depth: Int

  /// The width at which the line begins, *w₀*.
  public let start: Double

  /// How much the line rises with each block, *wₐ*.
  public let slope: Double

  /// The ratio of two successive widths, *wₘ*.
  public let ratio: Double

  /// The channels of a group, *g*.
  public let groupWidth: Int

  static let all = [
    RegNetX("regnetx-200mf", depth: 13, start: 24, slope: 36.44, ratio: 2.49, groupWidth: 8),
    RegNetX("regnetx-400mf", depth: 22, start: 24, slope: 24.48, ratio: 2.54, groupWidth: 16),
    RegNetX("regnetx-600mf", depth: 16, start: 48, slope: 36.97, ratio: 2.24, groupWidth: 24),
    RegNetX("regnetx-800mf", depth: 16, start: 56, slope: 35.73, ratio: 2.28, groupWidth: 16),
    RegNetX("regnetx-1.6gf", depth: 18, start: 80, slope: 34.01, ratio: 2.25, groupWidth: 24),
    RegNetX("regnetx-3.2gf", depth: 25, start: 88, slope: 26.31, ratio: 2.25, groupWidth: 48),
    RegNetX("regnetx-4.0gf", depth: 23, start: 96, slope: 38.65, ratio: 2.43, groupWidth: 40),
    RegNetX("regnetx-6.4gf", depth: 17, start: 184, slope: 60.83, ratio: 2.07, groupWidth: 56),
    RegNetX("regnetx-8.0gf", depth: 23, start: 80, slope: 49.56, ratio: 2.88, groupWidth: 120),
    RegNetX("regnetx-12gf", depth: 19, start: 168, slope: 73.36, ratio: 2.37, groupWidth: 112),
    RegNetX("regnetx-16gf", depth: 22, start: 216, slope: 55.59, ratio: 2.1, groupWidth: 128),
    RegNetX("regnetx-32gf", depth: 23, start: 320, slope: 69.86, ratio: 2.0, groupWidth: 168),
  ]

  private init(
    _ name: String, depth: Int, start: Double, slope: Double, ratio: Double, groupWidth: Int
  ) {
    self.name = name
    self.depth = depth
    self.start = start
    self.slope = slope
    self.ratio = ratio
    self.groupWidth = groupWidth
  }

  /// The width and number of blocks of each stage: blocks of one width are a stage.
  var stages: [(width: Int, depth: Int)] {
    var stages: [(width: Int, depth: Int)] = []
    for block in 0..<depth {
      let linear = start + slope * Double(block)  // u_j = w_0 + w_a · j
      // The power of the ratio nearest to u_j / w_0 on a logarithmic scale: w_j = w_0 · w_m^s.
      let share = linear / start
      var power = 1.0
      while share * share >= power * power * ratio { power *= ratio }
      let rounded = 8 * (start * power / 8).rounded(.toNearestOrEven)
      // A width that is not whole groups becomes the nearest that is.
      let group = Double(min(groupWidth, Int(rounded)))
      let width = Int((rounded / group).rounded(.toNearestOrEven) * group)
      if stages.last?.width == width {
        stages[stages.count - 1].depth += 1
      } else {
        stages.append((width, 1))
      }
    }
    return stages
  }
}

extension SearchSpace {
  /// RegNetX: bottlenecks as wide inside as outside, in groups of one width.
  ///
  /// The inner width of each block is elastic in whole groups, and so is that of each stage.
  public static func regNetX(
    _ variant: RegNetX, input: Shape, classes: Int, settings: Family.Settings = .init()
  ) throws -> SearchSpace {
    let stages = variant.stages
    let strides = try settings.strides(
      of: [2] + [Int](repeating: 2, count: stages.count), for: input)
    return try SearchSpace(name: variant.name, input: input) {
      Convolution(
        name: "stem", width: settings.width.choices(of: 32), kernel: 3, stride: strides[0])
      for (stage, stride) in zip(stages, strides.dropFirst()) {
        Stage(
          .bottleneck(
            inner: Inner(settings.width.choices(of: stage.width)),
            in: .width(min(variant.groupWidth, stage.width))),
          width: settings.stream(stage.width), depth: settings.depths(stage.depth),
          stride: stride, residual: settings.residual)
      }
      GlobalAveragePool()
      Linear(classes: classes)
    }
  }
}
