/// A network of inverted residuals, as a paper's table gives it.
struct InvertedResidualTable {
  /// One row: expansion t, channels c, repetitions n, stride s, kernel k.
  typealias Row = (t: Int, c: Int, n: Int, s: Int, k: Int)

  var name: String
  var rows: [Row]
  var activation: Activation
  var gate: SqueezeAndExcitation?

  /// The space in which the blocks of a stage share one elastic width, each expansion is an elastic
  /// width of its own, and so are the stem and the last convolution.
  ///
  /// A scale below 1 does not narrow the last convolution.
  func space(input: Shape, classes: Int, settings: Family.Settings) throws -> SearchSpace {
    let strides = try settings.strides(of: [2] + rows.map(\.s), for: input)
    let width = settings.width
    var head = width
    head.scale = max(1, width.scale)

    return try SearchSpace(name: name, input: input) {
      Convolution(
        name: "stem", width: width.choices(of: 32), kernel: 3, stride: strides[0],
        activation: activation)
      for (index, row) in rows.enumerated() {
        let before = width.widest(of: index == 0 ? 32 : rows[index - 1].c)
        let inner = Inner(
          first: width.choices(downFrom: row.t * before),
          others: width.choices(downFrom: row.t * width.widest(of: row.c)))
        Stage(
          .invertedResidual(
            inner: row.t == 1 ? nil : inner, kernel: Choices([row.k]), gate: gate),
          width: settings.stream(row.c), depth: settings.depths(row.n),
          stride: strides[index + 1], activation: activation, residual: settings.residual)
      }
      Convolution(name: "head", width: head.choices(of: 1280), kernel: 1, activation: activation)
      GlobalAveragePool()
      Linear(classes: classes)
    }
  }
}
