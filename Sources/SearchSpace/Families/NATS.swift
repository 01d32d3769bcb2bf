extension SearchSpace {
  /// The size space of NATS-Bench: five widths of 8 to 64 channels, 32,768 networks.
  ///
  /// > X. Dong, L. Liu, K. Musial, B. Gabrys. "NATS-Bench: Benchmarking NAS Algorithms for
  /// > Architecture Topology and Size." IEEE TPAMI 2021.
  /// > [arXiv:2009.00437](https://arxiv.org/abs/2009.00437), section 3.2.
  public static func nats(input: Shape, classes: Int) throws -> SearchSpace {
    let width = Choices.range(8...64, step: 8)
    return try SearchSpace(name: "nats", input: input) {
      Convolution(name: "stem", width: width, kernel: 3, activation: .none)
      Stage(NATSCell(), width: width)
      for _ in 0..<2 {
        Stage(
          NATSReduction(), width: width, stride: 2, residual: .shortcut, projection: .pooledPlain)
        Stage(NATSCell(), width: width, residual: .shortcut)
      }
      Normalization()
      GlobalAveragePool()
      Linear(classes: classes)
    }
  }
}

/// The best cell of NATS-Bench's topology space, which its size space is made of.
///
/// Three nodes behind the input; an arrow is an activation, a 3×3 convolution and normalisation,
/// and what arrives at a node is added up.
///
/// ```
/// input ─▶ 1    input, 1 ─▶ 2    input unchanged, 1, 2 ─▶ output
/// ```
private struct NATSCell: StageBlock {
  var isResidual: Bool { true }

  func layOut(_ block: inout BlockBuilder) throws(SearchSpaceError) {
    let kernel = Window(largest: 3)
    let output = try block.residualOutput(producer: "edge5")
    let x = block.add("relu", .activate(.relu), .blockInput, .like(.blockInput))
    // Nodes 1 and 2 are read by convolutions only, whose activation they take with them.
    let one = block.convolution("edge1", of: x, kernel: kernel, to: output.group)
    let partial = block.convolution(
      "edge2", of: x, kernel: kernel, to: output.group, activation: Activation.none)
    let two = block.convolution("edge3", of: one, kernel: kernel, to: output.group, adding: partial)
    let sum = block.convolution(
      "edge4", of: one, kernel: kernel, to: output.group, activation: Activation.none,
      adding: output.shortcut)
    _ = block.convolution(
      "edge5", of: two, kernel: kernel, to: output.group, activation: Activation.none, adding: sum)
  }
}

/// The residual block that halves the map between two cells; activated first, as they are.
private struct NATSReduction: StageBlock {
  var isResidual: Bool { true }

  func layOut(_ block: inout BlockBuilder) throws(SearchSpaceError) {
    let kernel = Window(largest: 3)
    let output = try block.residualOutput(producer: "conv2")
    var x = block.add("relu", .activate(.relu), .blockInput, .like(.blockInput))
    x = block.convolution("conv1", of: x, kernel: kernel, stride: block.stride, to: output.group)
    _ = block.convolution(
      "conv2", of: x, kernel: kernel, to: output.group, activation: Activation.none,
      adding: output.shortcut)
  }
}
