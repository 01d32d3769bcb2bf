import Foundation
public import SearchSpace
import SwiftProtobuf

/// A network read from an ONNX file, and from nothing else.
///
///     let file = try ONNXFile(decoding: bytes)
///     file.input  // 1×28×28
///     let runner = try ONNXRunner(file, engine: Engine())
///
/// Read are chains of the nodes that ``TrainedNetwork/onnx(name:options:metadata:)`` writes, in any
/// file that has them: square windows padded by half, one input and one output, 32-bit floats. All
/// else is refused, as is every file whose parts do not fit together. Nothing outside the bytes is
/// ever opened.
///
/// > [ONNX IR specification](https://onnx.ai/onnx/repo-docs/IR.html) and
/// > [operators](https://onnx.ai/onnx/operators/), opset 17.
public struct ONNXFile: Sendable {
  /// The shape of an image.
  public let input: Shape

  /// Whether the graph takes pixels from 0 to 255 and normalises them itself.
  public let takesBytes: Bool

  /// How many scores the graph gives an image.
  public let classes: Int

  /// Words about the network.
  public let metadata: [String: String]

  /// The nodes in the order in which they are computed.
  ///
  /// Value 0 is the image, value n what the nth step gives.
  let steps: [Step]

  /// Which value the output is.
  let output: Int

  /// A node with all that it needs: sizes and constants are its own, values are numbers.
  struct Step: Sendable {
    let operation: Operation
    let inputs: [Int]
    let shape: Shape

    enum Operation: Sendable {
      case convolution(ConvolutionOperation, weights: [Float], bias: [Float]?)
      /// x · scale + shift, by channel
      case affine(scale: [Float], shift: [Float])
      case activation(Activation)
      case pool(PoolOperation)
      case globalPool
      case linear(weights: [Float], bias: [Float]?)
      case add
      case multiply
      /// Each channel of the first value times the one number of the second.
      case gate
      case concatenate
      case flatten
      /// The same elements under other dimensions, or another type.
      case same
    }
  }

  /// The most bytes of a file.
  public static let highestSize = 1 << 29

  /// The most nodes in a file.
  public static let highestNodeCount = 1 << 16

  /// The most elements of one image in all values together.
  static let highestElementCount = 1 << 31

  /// Reads a file.
  ///
  /// - Throws: ``ONNXError`` for the first thing that is wrong.
  public init(decoding bytes: [UInt8]) throws(ONNXError) {
    guard bytes.count <= Self.highestSize else {
      throw ONNXError(.file, "has \(bytes.count) bytes, more than \(Self.highestSize)")
    }
    let model = try Self.model(bytes)
    var graph = try ONNXGraphReader(model.graph)
    steps = try graph.readNodes()
    input = graph.input
    takesBytes = graph.takesBytes
    (output, classes) = try graph.output(after: steps)
    var metadata: [String: String] = [:]
    for property in model.metadataProps { metadata[property.key] = property.value }
    self.metadata = metadata
  }

  private static func model(_ bytes: [UInt8]) throws(ONNXError) -> ONNXModel {
    var options = BinaryDecodingOptions()
    options.discardUnknownFields = true
    options.messageDepthLimit = 16
    let model: ONNXModel
    do {
      model = try ONNXModel(serializedBytes: bytes, options: options)
    } catch {
      throw ONNXError(.file, "is not of the ONNX format, or is cut off")
    }
    guard (3...ONNXFormat.irVersion).contains(model.irVersion) else {
      throw ONNXError(
        .file, "is of IR version \(model.irVersion); write it as version \(ONNXFormat.irVersion)")
    }
    guard model.opsetImport.count == 1, ["", "ai.onnx"].contains(model.opsetImport[0].domain),
      (14...ONNXFormat.opset).contains(model.opsetImport[0].version)
    else {
      throw ONNXError(
        .file, "is not of opset 14 to \(ONNXFormat.opset) alone; write it as \(ONNXFormat.opset)")
    }
    guard model.functions.isEmpty, model.graph.sparseInitializer.isEmpty else {
      throw ONNXError(.file, "has functions or sparse tensors, which are not read")
    }
    guard model.graph.node.count <= highestNodeCount else {
      throw ONNXError(
        .file, "has \(model.graph.node.count) nodes, more than \(highestNodeCount)")
    }
    return model
  }
}
