/// A number that is open until an architecture is chosen.
struct Question: Hashable, Sendable {
  var name: String
  var kind: Decision.Kind

  /// The answers, ascending.
  var choices: [Int]

  /// What must hold for the question to arise.
  var conditions: [Condition]

  /// The decision that answers it; `nil` if there is one answer only.
  var decision: Int?
}

/// Something that the answer to a question makes true.
struct Condition: Hashable, Sendable {
  var question: Int
  var test: Test

  enum Test: Hashable, Sendable {
    case above(Int)
    case equals(Int)
  }

  func holds(for answer: Int) -> Bool {
    switch test {
    case .above(let bound): answer > bound
    case .equals(let value): answer == value
    }
  }

  /// Whether another condition holds wherever this one does.
  func implies(_ other: Condition) -> Bool {
    guard question == other.question else { return false }
    return switch (test, other.test) {
    case (.equals(let value), _): other.holds(for: value)
    case (.above(let bound), .above(let other)): bound >= other
    case (.above, .equals): false
    }
  }
}

/// Layers that are present or absent together and read the value before them.
struct Block: Hashable, Sendable {
  var name: String

  /// What must hold for the block to be present.
  var conditions: [Condition]

  /// The most that the block can be given to read.
  var largestInput: Shape

  var layers: [LayerTemplate]
}

/// A layer whose sizes are still open.
struct LayerTemplate: Hashable, Sendable {
  var name: String

  /// What the layer computes, with the largest kernel that it may have.
  var operation: Operation

  var source: Source
  var operand: Source?
  var channels: Channels

  /// The question of which kernel it has, if there is more than one.
  var kernel: Int?

  /// The channels of each group of a convolution whose groups become more as it becomes wider.
  var groupWidth: Int?

  /// Whether the layer is left out where it would change neither channels nor size.
  var isAdapter = false

  /// A value that a layer of a block can read.
  enum Source: Hashable, Sendable {
    /// What the block reads.
    case blockInput
    /// What another layer of the block computes.
    case layer(Int)
  }

  /// How many channels a layer computes.
  enum Channels: Hashable, Sendable {
    /// Those of a group.
    case group(Int)
    /// As many as another value has.
    case like(Source)
  }
}

/// What sizes a block's layers have.
protocol SizeAnswers {
  /// The channels of a group, in a block that reads `input` channels.
  func channels(of group: Int, reading input: Int) -> Int

  /// The answer to a question.
  func answer(to question: Int) -> Int

  /// Whether layers stay that this choice of sizes does without.
  var keepsAdapters: Bool { get }
}

/// A value in a network being made: what it is, its shape, and the group that its channels belong to.
struct Stream {
  var value: Value
  var shape: Shape
  var group: Int?
}

extension Block {
  /// Makes the block's layers concrete.
  ///
  /// - Parameters:
  ///   - stream: What the block reads.
  ///   - sizes: The sizes.
  ///   - layers: Receives the layers.
  ///   - groups: Receives the group of each layer's channels.
  /// - Returns: What the block computes.
  func build(
    reading stream: Stream, _ sizes: some SizeAnswers, into layers: inout [Layer],
    groups: inout [Int?]
  ) -> Stream {
    build(reading: stream, sizes) { layer, group in
      layers.append(layer)
      groups.append(group)
      return layers.count - 1
    }
  }

  /// Makes the block's layers concrete, one after the other.
  ///
  /// - Parameters:
  ///   - stream: What the block reads.
  ///   - sizes: The sizes.
  ///   - take: Takes a layer and the group of its channels, and returns the layer's place in the
  ///     network.
  /// - Returns: What the block computes.
  @inline(__always)
  func build(
    reading stream: Stream, _ sizes: some SizeAnswers, take: (Layer, Int?) -> Int
  ) -> Stream {
    var values: [Stream] = []
    values.reserveCapacity(self.layers.count)
    func value(_ source: LayerTemplate.Source) -> Stream {
      switch source {
      case .blockInput: stream
      case .layer(let index): values[index]
      }
    }
    for template in self.layers {
      let source = value(template.source)
      let operand = template.operand.map(value)
      let (channels, group): (Int, Int?) =
        switch template.channels {
        case .group(let group): (sizes.channels(of: group, reading: stream.shape.channels), group)
        case .like(let other): (value(other).shape.channels, value(other).group)
        }
      let operation = template.operation(
        reading: source.shape.channels, computing: channels, sizes)
      let output = operation.output(
        of: source.shape, operand: operand?.shape, channels: channels)
      if template.isAdapter && !sizes.keepsAdapters && output == source.shape {
        values.append(source)
        continue
      }
      let place = take(
        Layer(
          name: template.name, operation: operation, source: source.value,
          operand: operand?.value, input: source.shape, output: output), group)
      values.append(Stream(value: .layer(place), shape: output, group: group))
    }
    return values[values.count - 1]
  }
}

extension LayerTemplate {
  func operation(
    reading input: Int, computing output: Int, _ sizes: some SizeAnswers
  ) -> Operation {
    guard case .convolution(var convolution) = operation else { return operation }
    if let kernel { convolution.kernel = sizes.answer(to: kernel) }
    let groups = groupWidth.map { output / $0 } ?? convolution.grouping.count(channels: input)
    convolution.grouping = .init(groups: groups, reading: input, computing: output)
    return .convolution(convolution)
  }
}
