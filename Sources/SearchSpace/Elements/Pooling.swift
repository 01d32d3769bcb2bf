/// The maximum or the mean of each channel over a window.
public struct Pool: SpaceElement {
  public var name: String?
  public var operation: PoolOperation

  /// Creates a pooling; see ``PoolOperation`` for what is done at the edges.
  ///
  /// - Parameters:
  ///   - kind: Maximum or mean.
  ///   - name: The layer's name; by default `pool` and its number.
  ///   - kernel: The side of the window.
  ///   - stride: The step of the window; by default its side.
  ///   - padding: How far windows reach beyond the map; by default half of an odd window.
  ///   - roundsUp: Whether a last window is kept that reaches further.
  public init(
    _ kind: PoolOperation.Kind, name: String? = nil, kernel: Int, stride: Int? = nil,
    padding: Int? = nil, roundsUp: Bool = false
  ) {
    self.name = name
    operation = PoolOperation(
      kind, kernel: kernel, stride: stride ?? kernel, padding: padding, roundsUp: roundsUp)
  }

  public func add(to blueprint: inout Blueprint) throws(SearchSpaceError) {
    let name = blueprint.name(name, kind: "pool")
    try blueprint.addLayer(name, .pool(operation))
  }
}

/// The mean of each channel over the whole map.
public struct GlobalAveragePool: SpaceElement {
  public init() {}

  public func add(to blueprint: inout Blueprint) throws(SearchSpaceError) {
    try blueprint.addLayer(
      blueprint.name(nil, kind: "pool", isNumbered: false), .globalAveragePool)
  }
}

/// Batch normalisation and an activation on their own, as before the pooling of networks whose
/// convolutions are activated first.
public struct Normalization: SpaceElement {
  public var activation: Activation

  public init(activation: Activation = .relu) {
    self.activation = activation
  }

  public func add(to blueprint: inout Blueprint) throws(SearchSpaceError) {
    try blueprint.addLayer(
      blueprint.name(nil, kind: "norm", isNumbered: false), .normalize(activation: activation))
  }
}

extension Blueprint {
  /// Adds a layer that keeps the channels.
  mutating func addLayer(_ name: String, _ operation: Operation) throws(SearchSpaceError) {
    try addBlock(
      name,
      [
        LayerTemplate(
          name: name, operation: operation, source: .blockInput, channels: .like(.blockInput))
      ])
  }
}
