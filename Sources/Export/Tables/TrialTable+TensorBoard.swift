import Foundation
import SearchSpace
import SwiftProtobuf

extension TrialTable {
  /// The most trials that are shown as hyperparameters: each takes a file, and TensorBoard slows
  /// down with their number.
  public static let highestTensorBoardTrials = 300

  /// Writes event files of TensorBoard's: each training's curves, and the trials as one table.
  ///
  /// The folder has a folder for each curve, with `loss`, `accuracy` and `learning_rate`, and one
  /// for each of the trials that the plugin for hyperparameters lists. If there are more than
  /// ``highestTensorBoardTrials``, these are the most thoroughly and then the best scored ones.
  ///
  /// - Parameters:
  ///   - path: The folder to write.
  ///   - replacing: Whether it may take the place of an earlier one.
  /// - Returns: How many trials are in the table.
  /// - Throws: ``ExportError`` if it cannot be written; then nothing is left of it.
  @discardableResult
  public func writeTensorBoard(to path: String, replacing: Bool) throws(ExportError) -> Int {
    let folder = try BundleFolder(path: path, replacing: replacing, recognizedBy: [Self.fileName])
    var root = EventFile(start: createdAt)
    root.add(experiment, tag: "experiment", at: createdAt)
    try folder.write(root.bytes, to: Self.fileName)
    for curve in curves {
      try folder.write(
        events(of: curve).bytes, to: "\(Self.folderName(curve.name))/\(Self.fileName)")
    }
    let listed = rows.filter { $0.score != nil && $0.failure == nil }.sorted { left, right in
      func rank(_ score: Score?) -> (Int, Int, Double) {
        (score?.fidelity == "retrained" ? 1 : 0, score?.images ?? 0, score?.accuracy ?? 0)
      }
      return rank(left.score) > rank(right.score)
    }.prefix(Self.highestTensorBoardTrials)
    for row in listed {
      let digits = String(row.number)
      let number = String(repeating: "0", count: max(0, 5 - digits.count)) + digits
      try folder.write(events(of: row).bytes, to: "trials/\(number)/\(Self.fileName)")
    }
    try folder.finish()
    return listed.count
  }

  /// Viewers know event files by the beginning of their names.
  private static let fileName = "events.out.tfevents.0.nas"

  private static func folderName(_ name: String) -> String {
    String(name.map { $0.isLetter || $0.isNumber ? $0 : "-" })
  }

  private func events(of curve: Curve) -> EventFile {
    var file = EventFile(start: createdAt)
    for point in curve.points {
      file.add(
        [
          ("loss", point.loss), ("accuracy", point.accuracy),
          ("learning_rate", point.learningRate),
        ], step: point.step, at: createdAt + point.seconds)
    }
    return file
  }

  // MARK: Hyperparameters

  /// What is told of every trial; latencies where any are known.
  private var metrics: [String] {
    ["accuracy", "macs", "params"]
      + (rows.contains { $0.cost.latency != nil } ? ["latency_ns"] : [])
  }

  private var experiment: TensorBoardHyperparameterData {
    var data = TensorBoardHyperparameterData()
    data.version = 0
    data.experiment.hparamInfos = decisions.map { decision in
      var parameter = TensorBoardExperiment.Hyperparameter()
      parameter.name = decision.name
      parameter.type = 3  // a number
      return parameter
    }
    data.experiment.metricInfos = metrics.map { name in
      var metric = TensorBoardExperiment.Metric()
      metric.name.tag = name
      metric.displayName = name
      return metric
    }
    return data
  }

  private func events(of row: Row) -> EventFile {
    let start = row.endedAt - row.seconds
    var file = EventFile(start: start)
    var begun = TensorBoardHyperparameterData()
    begun.version = 0
    begun.sessionStartInfo.groupName = "trial \(row.number)"
    begun.sessionStartInfo.startTimeSecs = start.timeIntervalSince1970
    for (name, size) in row.sizes {
      begun.sessionStartInfo.hparams[name] = Google_Protobuf_Value(numberValue: Double(size))
    }
    file.add(begun, tag: "session_start_info", at: start)
    let results = [
      row.score?.accuracy, Double(row.cost.macs), Double(row.cost.parameters),
      row.cost.latency.map { Double($0) },
    ]
    file.add(Array(zip(metrics, results)), step: 0, at: row.endedAt)
    var ended = TensorBoardHyperparameterData()
    ended.version = 0
    ended.sessionEndInfo.status = 1  // it went well
    ended.sessionEndInfo.endTimeSecs = row.endedAt.timeIntervalSince1970
    file.add(ended, tag: "session_end_info", at: row.endedAt)
    return file
  }
}
