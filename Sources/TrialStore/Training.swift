public import Foundation
internal import GRDB

/// Weights in training, before they are stored.
public struct NewCheckpoint: Hashable, Sendable {
  /// What it is a checkpoint of, such as `supernet`, `teacher` or `trial 412`.
  ///
  /// Saving one replaces that of the same name.
  public let name: String

  /// How many weight steps led to it.
  public let step: Int

  /// The hash of `content`, in hexadecimal; made and checked by the caller.
  public let checksum: String

  /// The file's bytes, at most 10⁹.
  public let content: Data

  /// Creates the description of a checkpoint.
  public init(name: String, step: Int, checksum: String, content: Data) {
    self.name = name
    self.step = step
    self.checksum = checksum
    self.content = content
  }
}

/// Weights in training.
public struct Checkpoint: Hashable, Sendable {
  /// What it is a checkpoint of, such as `supernet`, `teacher` or `trial 412`.
  public let name: String

  /// How many weight steps led to it.
  public let step: Int

  /// The hash of `content`, in hexadecimal, as the caller gave it.
  public let checksum: String

  /// The file's bytes.
  public let content: Data

  /// When it was committed.
  public let createdAt: Date
}

/// One point of a learning curve.
public struct CurvePoint: Hashable, Sendable {
  /// What was trained, such as `supernet`, `teacher` or `trial 412`.
  public let name: String

  /// How many weight steps were done.
  ///
  /// A point replaces that of the same name and step.
  public let step: Int

  /// How many passes over the training images were done.
  public let epoch: Double

  /// The mean training loss in nats since the point before; NaN if it was not finite.
  public let loss: Double

  /// The accuracy on the hold-out, if it was measured.
  public let accuracy: Double?

  /// The learning rate at this step.
  public let learningRate: Double

  /// Seconds since the training began, all runs together.
  public let seconds: Double

  /// Seconds of these that were spent waiting for images; nil if nobody took the time.
  public let waited: Double?

  /// Creates a point.
  ///
  /// - Precondition: `epoch`, `learningRate`, `seconds` and `waited` are finite.
  public init(
    name: String, step: Int, epoch: Double, loss: Double, accuracy: Double? = nil,
    learningRate: Double, seconds: Double, waited: Double? = nil
  ) {
    precondition(
      epoch.isFinite && learningRate.isFinite && seconds.isFinite && waited?.isFinite != false,
      "epoch \(epoch), learning rate \(learningRate) and seconds \(seconds) must be finite")
    self.name = name
    self.step = step
    self.epoch = epoch
    self.loss = loss.isFinite ? loss : .nan
    self.accuracy = accuracy.flatMap { $0.isFinite ? $0 : nil }
    self.learningRate = learningRate
    self.seconds = seconds
    self.waited = waited
  }
}

extension Checkpoint {
  init(_ row: Row) throws {
    self.init(
      name: try row.value("name"), step: try row.value("step"),
      checksum: try row.value("checksum"), content: try row.value("content"),
      createdAt: try row.date("created_at"))
  }
}

extension CurvePoint {
  init(_ row: Row) throws {
    name = try row.value("name")
    step = try row.value("step")
    epoch = try row.value("epoch")
    loss = try row.decode(Double?.self, forColumn: "loss") ?? .nan
    accuracy = try row.decode(Double?.self, forColumn: "accuracy")
    learningRate = try row.value("learning_rate")
    seconds = try row.value("seconds")
    waited = try row.decode(Double?.self, forColumn: "waited")
  }
}

extension TrialStore {
  /// Returns the checkpoint of the given name, or nil if none was saved.
  public func checkpoint(
    named name: String, of studyID: Study.ID
  ) throws(StoreError) -> Checkpoint? {
    try read { db in
      try Row.fetchOne(
        db, sql: "SELECT * FROM checkpoints WHERE study = ? AND name = ?",
        arguments: [studyID, name]
      ).map(Checkpoint.init)
    }
  }

  /// Returns every learning curve of a study, by name and in the order of its steps.
  public func curves(
    of studyID: Study.ID
  ) throws(StoreError) -> [(name: String, points: [CurvePoint])] {
    let names = try read { db in
      try String.fetchAll(
        db, sql: "SELECT DISTINCT name FROM curve WHERE study = ? ORDER BY name",
        arguments: [studyID])
    }
    return try names.map { name throws(StoreError) in (name, try curve(named: name, of: studyID)) }
  }

  /// Returns the learning curve of the given name in the order of its steps.
  public func curve(named name: String, of studyID: Study.ID) throws(StoreError) -> [CurvePoint] {
    try read { db in
      try Row.fetchAll(
        db, sql: "SELECT * FROM curve WHERE study = ? AND name = ? ORDER BY step",
        arguments: [studyID, name]
      ).map(CurvePoint.init)
    }
  }
}
