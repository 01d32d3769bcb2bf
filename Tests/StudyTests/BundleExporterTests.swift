import Export
import Foundation
import Kernels
import Networks
import SearchSpace
import Study
import TestSupport
import Testing
import TrialStore

/// What becomes of a bundle whose parts disagree.
///
/// That they agree, `NASCLITests` shows by the tool.
@Suite(.serialized) struct BundleExporterTests {
  /// A finished study in a folder of its own.
  private func withStudy(_ body: (StudyReader, _ folder: URL) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "nas-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    try SyntheticImages(count: 600).write(toFolder: folder.appending(path: "images"))
    let plan = try Plan(
      """
      study: small
      data: {path: \(folder.appending(path: "images").path), hold-out: 120}
      space: {network: resnet-8, width: {scale: 0.5, groups: 2, divisor: 4}}
      supernet: {epochs: 1, batch: 64, calibration: 64, precision: float32}
      strategy: {random: {trials: 3, images: 120}}
      budgets: [{macs: 100%}]
      """.utf8, file: "small.yaml")
    let path = folder.appending(path: "results.sqlite").path
    let runner = try StudyRunner(
      plan: plan, openingStore: { try TrialStore.open(path: path, for: .creating) })
    #expect(try runner.run() == .done)
    try body(
      StudyReader(named: nil, in: TrialStore.open(path: path, for: .reading)), folder)
  }

  @Test func `is removed, and the old one stays`() throws {
    try withStudy { reader, folder in
      let place = folder.appending(path: "best").path
      let trial = try reader.trial(.best)
      let good = try BundleExporter(reader).export(trial, to: place)
      #expect(good.accuracy.onnx == good.accuracy.supernet)
      #expect(good.accuracy.bundle == good.accuracy.supernet)
      let files = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
      let model = try Data(contentsOf: URL(filePath: place).appending(path: "model.onnx"))
      let weights = try Safetensors(
        decoding: [UInt8](
          Data(contentsOf: URL(filePath: place).appending(path: "weights.safetensors"))))
      let classifier = try #require(weights["fc.weight"])
      let scores = classifier.values.withUnsafeBytes { Data($0) }

      var exporter = BundleExporter(reader)
      func refusal(_ damage: @escaping (borrowing BundleFolder) throws -> Void) throws -> Failure {
        exporter.onWritten = damage
        var options = BundleExporter.Options()
        options.replaces = true
        let error = #expect(throws: (any Error).self) {
          try exporter.export(trial, to: place, options: options)
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == files)
        #expect(
          try Data(contentsOf: URL(filePath: place).appending(path: "model.onnx")) == model)
        return Failure(try #require(error))
      }

      // A classifier that has learnt the opposite, in one of the files.
      let inModel = try refusal { folder in
        var bytes = model
        let range = try #require(bytes.range(of: scores))
        bytes.replaceSubrange(
          range, with: classifier.values.map { -$0 }.withUnsafeBytes { Data($0) })
        try folder.write(bytes, to: "model.onnx")
      }
      #expect(inModel.kind == .badData)
      #expect(inModel.message.contains("model.onnx is not the one that was searched"))
      let inWeights = try refusal { folder in
        let tensors = weights.tensors.map { tensor in
          tensor.name != classifier.name
            ? tensor
            : .init(name: tensor.name, shape: tensor.shape, values: tensor.values.map { -$0 })
        }
        try folder.write(Safetensors(tensors).encoded(), to: "weights.safetensors")
      }
      #expect(inWeights.kind == .badData)
      #expect(inWeights.message.contains("weights.safetensors is not the one"))
      // Files that cannot be read at all.
      let cutOff = try refusal { folder in
        try folder.write(model.prefix(model.count / 2), to: "model.onnx")
      }
      #expect(cutOff.kind == .badData && cutOff.message.contains("cut off"))
      let missing = try refusal { folder in
        try folder.write(
          Safetensors(weights.tensors.filter { $0.name != "bn1.bias" }).encoded(),
          to: "weights.safetensors")
      }
      #expect(missing.kind == .badData && missing.message.contains("'bn1.bias' is missing"))
    }
  }

  @Test func `writes a graph that keeps normalisations and takes bytes`() throws {
    try withStudy { reader, folder in
      var options = BundleExporter.Options()
      options.keepsNormalization = true
      options.includesPreprocessing = true
      let place = folder.appending(path: "best")
      let report = try BundleExporter(reader).export(
        reader.trial(.best), to: place.path, options: options)
      #expect(report.onnx.input == "uint8" && report.onnx.batchNormalization == "kept")
      #expect(report.accuracy.onnx == report.accuracy.supernet)
      let file = try ONNXFile(
        decoding: [UInt8](Data(contentsOf: place.appending(path: "model.onnx"))))
      #expect(file.takesBytes)
      #expect(file.metadata["nas.trial"] == "\(report.trial)")
      #expect(
        try file.metadata["nas.architecture"]
          == String(contentsOf: place.appending(path: "architecture.yaml"), encoding: .utf8))
    }
  }

  @Test func `begins with given weights, or tells everything that is wrong with them`() throws {
    try withStudy { reader, folder in
      // A supernet's arrays are those of its largest network, exported with its own names.
      let largest = reader.space.largest
      let trained = try Parameters(of: reader.space.supernetLayers)
      trained.initialize(seed: 3)
      let names = ParameterNames(of: reader.space.supernetLayers, family: reader.space.name)
      let network = reader.space.network(of: largest)
      let file = TrainedNetwork(
        network, slicing: trained,
        statistics: network.layers.map { layer in
          layer.isNormalized
            ? .init(
              mean: [Float](repeating: 0, count: layer.output.channels),
              variance: [Float](repeating: 1, count: layer.output.channels)) : nil
        }
      ).safetensors(named: names)
      let path = folder.appending(path: "weights.safetensors")
      var plan = reader.plan
      plan.study = "from weights"
      plan.supernet.pretrained = path.path
      let database = folder.appending(path: "results.sqlite").path
      func runner() throws -> StudyRunner {
        try StudyRunner(
          plan: plan, openingStore: { try TrialStore.open(path: database, for: .writing) })
      }

      #expect(
        Failure(try #require(#expect(throws: (any Error).self) { try runner() })).kind
          == .missingInput)
      try Data(Safetensors(Array(file.tensors.dropFirst(2))).encoded()).write(to: path)
      let failure = Failure(try #require(#expect(throws: (any Error).self) { try runner() }))
      #expect(failure.kind == .badData)
      #expect(failure.message.contains("'conv1.weight' of shape [8, 1, 3, 3] is missing"))
      #expect(failure.message.contains("'bn1.weight' of shape [8] is missing"))

      try Data(file.encoded()).write(to: path)
      #expect(try runner().run() == .done)
      let store = try TrialStore.open(path: database, for: .reading)
      let curves = try ["small", "from weights"].map { name in
        try store.curve(named: "supernet", of: store.study(named: name).id).map(\.loss)
      }
      #expect(curves[0] != curves[1])

      // So does retraining, each network with its slice.
      plan.supernet.pretrained = nil
      var losses: [[Double?]] = []
      for (name, start) in [("retrained from nothing", nil), ("retrained from it", path.path)] {
        plan.study = name
        var retrain = Plan.Retrain()
        (retrain.epochs, retrain.pretrained) = (.count(1), start)
        plan.retrain = retrain
        #expect(try runner().run() == .done)
        let study = try store.study(named: name)
        let trial = try #require(try store.finalists(of: study.id).first?.trial)
        losses.append(try store.curve(named: "trial \(trial)", of: study.id).map(\.loss))
      }
      #expect(losses[0] != losses[1])
    }
  }
}
