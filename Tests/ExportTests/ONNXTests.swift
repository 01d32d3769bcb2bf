import Export
import Foundation
import Kernels
import Networks
import SearchSpace
import TestSupport
import Testing

/// Files are compared with the network that they were written from; that foreign runtimes agree is
/// for `make check-export`, for which the last test leaves them files.
@Suite(.serialized) struct ONNXTests {
  static let preprocessing = ExportReport.Preprocessing(
    mean: SampleNetworks.mean, deviation: SampleNetworks.deviation)

  static let options: [String: ONNXOptions] = [
    "folded": .init(), "kept": .init(keepsNormalization: true),
    "bytes": .init(preprocessing: preprocessing),
  ]

  /// The logits of a network and those of its file.
  private func logits(
    _ trained: TrainedNetwork, _ options: ONNXOptions, engine: Engine, batch: Int
  ) throws -> (network: [Float], file: [Float]) {
    let runner = try trained.makeRunner(engine: engine)
    let (images, pixels) = SampleNetworks.images(
      of: trained.network.input, count: batch, in: runner.arena, seed: 7)
    let expected = try runner.outputs(
      of: trained.network, images: images, statistics: trained.statistics
    ).elements
    let bytes = trained.onnx(name: "sample", options: options)
    let file = try ONNXFile(decoding: bytes)
    #expect(file.takesBytes == (options.preprocessing != nil))
    #expect(file.input == trained.network.input && file.classes == trained.network.classes)
    if file.takesBytes { images.copy(pixels) }
    return (expected, try ONNXRunner(file, engine: engine).outputs(of: images).elements)
  }

  @Test(arguments: SampleNetworks.names)
  func `a file answers as the network it was written from`(name: String) throws {
    let engine = try Engine()
    let trained = try SampleNetworks.network(SampleNetworks.space(name), engine: engine)
    for (way, options) in Self.options {
      for batch in [1, 3] {
        let (network, file) = try logits(trained, options, engine: engine, batch: batch)
        let difference = relativeDifference(file, network)
        #expect(difference < 1e-4, "\(name), \(way), \(batch): \(difference)")
      }
    }
  }

  @Test func `each layer's constants count`() throws {
    // A reader that ignored a part of the file would not notice that the part had changed.
    let engine = try Engine()
    let trained = try SampleNetworks.network(SampleNetworks.space("joined"), engine: engine)
    let whole = trained.onnx(name: "sample")
    let images = try Arena().tensor(trained.network.input.tensorShape(batch: 2))
    images.copy(randomNumbers(images.count, seed: 3))
    func answers(_ bytes: [UInt8]) throws -> [Float] {
      try ONNXRunner(ONNXFile(decoding: bytes), engine: engine).outputs(of: images).elements
    }
    let expected = try answers(whole)
    for array in trained.safetensors(named: ParameterNames()).tensors
    where array.name.hasSuffix("linear.weight") || array.shape.count == 4 {
      guard
        trained.network.layers.contains(where: {
          "\($0.name).weight" == array.name && !$0.isNormalized
        })
      else { continue }
      let place = try #require(
        whole.firstRange(of: array.values.withUnsafeBytes(Array.init))?.lowerBound)
      var changed = whole
      changed[place + 3] ^= 0x80  // the sign of the first number
      #expect(try answers(changed) != expected, "\(array.name)")
    }
  }

  @Test func `the same network makes the same bytes`() throws {
    let engine = try Engine()
    let trained = try SampleNetworks.network(SampleNetworks.space("gated"), engine: engine)
    let bytes = trained.onnx(name: "sample", metadata: ["b": "2", "a": "é"])
    #expect(bytes == trained.onnx(name: "sample", metadata: ["b": "2", "a": "é"]))
    #expect(try ONNXFile(decoding: bytes).metadata == ["a": "é", "b": "2"])
  }

  @Test func `leaves files for foreign runtimes, if it is told where`() throws {
    guard let path = ProcessInfo.processInfo.environment["NAS_EXPORT_SAMPLES"] else { return }
    let engine = try Engine()
    for name in SampleNetworks.names {
      let space = try SampleNetworks.space(name)
      let trained = try SampleNetworks.network(space, engine: engine)
      let folder = URL(filePath: path).appending(path: name)
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      for (way, options) in Self.options {
        try Data(trained.onnx(name: name, options: options)).write(
          to: folder.appending(path: "\(way).onnx"))
      }
      let names = ParameterNames(of: trained.network.layers, family: name)
      try Data(trained.safetensors(named: names).encoded()).write(
        to: folder.appending(path: "weights.safetensors"))

      let runner = try trained.makeRunner(engine: engine)
      let count = 64
      let (images, pixels) = SampleNetworks.images(
        of: space.input, count: count, in: runner.arena, seed: 7)
      let logits = try runner.outputs(
        of: trained.network, images: images, statistics: trained.statistics
      ).elements
      let shape = [count, space.input.height, space.input.width, space.input.channels]
      let answers = Safetensors([
        .init(name: "images", shape: shape, values: images.elements),
        .init(name: "pixels", shape: shape, values: pixels),
        .init(name: "logits", shape: [count, trained.network.classes], values: logits),
      ])
      try Data(answers.encoded()).write(to: folder.appending(path: "answers.safetensors"))
    }
  }
}
