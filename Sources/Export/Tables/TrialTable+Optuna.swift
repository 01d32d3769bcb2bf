import Foundation
import GRDB
import SearchSpace

extension TrialTable {
  /// Writes the trials as a database of Optuna's, which optuna-dashboard and Optuna open.
  ///
  /// A study of two objectives: the accuracy, to be raised, and the MACs, to be lowered. Decisions
  /// are parameters: whole numbers where the choices lie at even steps, categories elsewhere. What
  /// else is known of a trial stands in its user attributes; trials without a score have failed.
  ///
  /// The schema is number 12, alembic revision v3.2.0.a, the same from Optuna 3.2 to 5.0.
  ///
  /// > [optuna/storages/_rdb/models.py](https://github.com/optuna/optuna)
  ///
  /// - Parameters:
  ///   - path: The file to write.
  ///   - replacing: Whether it may take the place of one that is there.
  /// - Throws: ``ExportError`` if it cannot be written; then nothing is left of it.
  public func writeOptuna(to path: String, replacing: Bool) throws(ExportError) {
    try ExportedFile.write(to: path, replacing: replacing) { draft in
      let queue = try DatabaseQueue(path: draft)
      try queue.write { db in
        try db.execute(sql: OptunaSchema.tables)
        try insertStudy(db)
        for row in rows { try insert(row, db) }
      }
      try queue.close()
    }
  }

  private func insertStudy(_ db: Database) throws {
    try db.execute(
      sql: "INSERT INTO studies VALUES (1, ?)", arguments: [String(study.prefix(512))])
    for (index, direction) in ["MAXIMIZE", "MINIMIZE"].enumerated() {
      try db.execute(
        sql: "INSERT INTO study_directions (direction, study_id, objective) VALUES (?, 1, ?)",
        arguments: [direction, index])
    }
    try db.execute(
      sql: """
        INSERT INTO study_system_attributes (study_id, key, value_json)
        VALUES (1, 'study:metric_names', '["accuracy", "macs"]')
        """)
    let attributes = [
      ("strategy", Self.json(strategy)), ("seed", "\(seed)"), ("plan", Self.json(plan)),
    ]
    for (key, value) in attributes {
      try db.execute(
        sql: "INSERT INTO study_user_attributes (study_id, key, value_json) VALUES (1, ?, ?)",
        arguments: [key, value])
    }
  }

  private func insert(_ row: Row, _ db: Database) throws {
    let score = row.failure == nil ? row.score : nil
    try db.execute(
      sql: "INSERT INTO trials VALUES (?, ?, 1, ?, ?, ?)",
      arguments: [
        row.number, row.number - 1, score == nil ? "FAIL" : "COMPLETE",
        Self.date(row.endedAt - row.seconds), Self.date(row.endedAt),
      ])
    for decision in decisions {
      guard let size = row.sizes[decision.name], let place = decision.choices.firstIndex(of: size)
      else { continue }
      let (distribution, isCategorical) = Self.distribution(decision.choices)
      try db.execute(
        sql: """
          INSERT INTO trial_params (trial_id, param_name, param_value, distribution_json)
          VALUES (?, ?, ?, ?)
          """,
        arguments: [
          row.number, String(decision.name.prefix(512)), Double(isCategorical ? place : size),
          distribution,
        ])
    }
    if let score {
      for (objective, value) in [score.accuracy, Double(row.cost.macs)].enumerated() {
        try db.execute(
          sql: """
            INSERT INTO trial_values (trial_id, objective, value, value_type)
            VALUES (?, ?, ?, 'FINITE')
            """,
          arguments: [row.number, objective, value])
      }
    }
    for (key, value) in attributes(of: row) {
      try db.execute(
        sql: "INSERT INTO trial_user_attributes (trial_id, key, value_json) VALUES (?, ?, ?)",
        arguments: [row.number, key, value])
    }
  }

  private func attributes(of row: Row) -> [(String, String)] {
    var attributes = [
      ("trial", "\(row.number)"), ("params", "\(row.cost.parameters)"), ("step", "\(row.step)"),
      ("chosen", "\(row.isChosen)"),
    ]
    if let latency = row.cost.latency { attributes.append(("latency_ns", "\(latency)")) }
    if let role = row.role { attributes.append(("role", Self.json(role))) }
    if let failure = row.failure { attributes.append(("reason", Self.json(failure))) }
    if let accuracy = row.testAccuracy { attributes.append(("test_accuracy", "\(accuracy)")) }
    if let score = row.score {
      attributes += [
        ("low", "\(score.interval.lowerBound)"), ("high", "\(score.interval.upperBound)"),
        ("loss", "\(score.loss)"), ("images", "\(score.images)"),
        ("weights", Self.json(score.fidelity)),
      ]
    }
    return attributes
  }

  /// How Optuna describes a decision, and whether it stores the place of a choice in place of it.
  private static func distribution(_ choices: [Int]) -> (String, isCategorical: Bool) {
    let steps = Set(zip(choices, choices.dropFirst()).map { $1 - $0 })
    guard let low = choices.first, let high = choices.last, steps.count == 1, let step = steps.first
    else {
      let list = choices.map(String.init).joined(separator: ", ")
      return (
        #"{"name": "CategoricalDistribution", "attributes": {"choices": [\#(list)]}}"#, true
      )
    }
    return (
      #"{"name": "IntDistribution", "attributes": {"log": false, "step": \#(step), "low": \#(low), "#
        + #""high": \#(high)}}"#, false
    )
  }

  /// An instant as Optuna stores it, in UTC.
  private static func date(_ date: Date) -> String {
    let microseconds = (date.timeIntervalSince1970 * 1e6).rounded()
    let seconds = (microseconds / 1e6).rounded(.down)
    let style = Date.VerbatimFormatStyle(
      format:
        """
        \(year: .padded(4))-\(month: .twoDigits)-\(day: .twoDigits) \
        \(hour: .twoDigits(clock: .twentyFourHour, hourCycle: .zeroBased)):\
        \(minute: .twoDigits):\(second: .twoDigits)
        """,
      locale: Locale(identifier: "en_US_POSIX"), timeZone: .gmt,
      calendar: .init(identifier: .gregorian))
    let whole = Date(timeIntervalSince1970: seconds).formatted(style)
    let rest = String(Int(microseconds - seconds * 1e6))
    return whole + "." + String(repeating: "0", count: 6 - rest.count) + rest
  }

  private static func json(_ text: String) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .withoutEscapingSlashes
    // Any text is JSON; should it ever not be, an empty one is no reason to fail.
    return (try? encoder.encode(text)).map { String(decoding: $0, as: UTF8.self) } ?? "\"\""
  }
}

/// The tables that Optuna expects, with its names, types and constraints.
private enum OptunaSchema {
  static let tables = """
    CREATE TABLE version_info (
      version_info_id INTEGER NOT NULL PRIMARY KEY CHECK (version_info_id = 1),
      schema_version INTEGER, library_version VARCHAR(256));
    INSERT INTO version_info VALUES (1, 12, '5.0.0');
    CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY);
    INSERT INTO alembic_version VALUES ('v3.2.0.a');

    CREATE TABLE studies (study_id INTEGER NOT NULL PRIMARY KEY, study_name VARCHAR(512) NOT NULL);
    CREATE UNIQUE INDEX ix_studies_study_name ON studies (study_name);
    CREATE TABLE study_directions (
      study_direction_id INTEGER NOT NULL PRIMARY KEY, direction VARCHAR(8) NOT NULL,
      study_id INTEGER NOT NULL REFERENCES studies (study_id), objective INTEGER NOT NULL,
      UNIQUE (study_id, objective));
    CREATE TABLE study_user_attributes (
      study_user_attribute_id INTEGER NOT NULL PRIMARY KEY,
      study_id INTEGER REFERENCES studies (study_id), key VARCHAR(512), value_json TEXT,
      UNIQUE (study_id, key));
    CREATE TABLE study_system_attributes (
      study_system_attribute_id INTEGER NOT NULL PRIMARY KEY,
      study_id INTEGER REFERENCES studies (study_id), key VARCHAR(512), value_json TEXT,
      UNIQUE (study_id, key));

    CREATE TABLE trials (
      trial_id INTEGER NOT NULL PRIMARY KEY, number INTEGER,
      study_id INTEGER REFERENCES studies (study_id), state VARCHAR(8) NOT NULL,
      datetime_start DATETIME, datetime_complete DATETIME);
    CREATE INDEX ix_trials_study_id ON trials (study_id);
    CREATE TABLE trial_params (
      param_id INTEGER NOT NULL PRIMARY KEY, trial_id INTEGER REFERENCES trials (trial_id),
      param_name VARCHAR(512), param_value FLOAT, distribution_json TEXT,
      UNIQUE (trial_id, param_name));
    CREATE TABLE trial_values (
      trial_value_id INTEGER NOT NULL PRIMARY KEY,
      trial_id INTEGER NOT NULL REFERENCES trials (trial_id), objective INTEGER NOT NULL,
      value FLOAT, value_type VARCHAR(7) NOT NULL, UNIQUE (trial_id, objective));
    CREATE TABLE trial_intermediate_values (
      trial_intermediate_value_id INTEGER NOT NULL PRIMARY KEY,
      trial_id INTEGER NOT NULL REFERENCES trials (trial_id), step INTEGER NOT NULL,
      intermediate_value FLOAT, intermediate_value_type VARCHAR(7) NOT NULL,
      UNIQUE (trial_id, step));
    CREATE TABLE trial_user_attributes (
      trial_user_attribute_id INTEGER NOT NULL PRIMARY KEY,
      trial_id INTEGER REFERENCES trials (trial_id), key VARCHAR(512), value_json TEXT,
      UNIQUE (trial_id, key));
    CREATE TABLE trial_system_attributes (
      trial_system_attribute_id INTEGER NOT NULL PRIMARY KEY,
      trial_id INTEGER REFERENCES trials (trial_id), key VARCHAR(512), value_json TEXT,
      UNIQUE (trial_id, key));
    CREATE TABLE trial_heartbeats (
      trial_heartbeat_id INTEGER NOT NULL PRIMARY KEY,
      trial_id INTEGER NOT NULL UNIQUE REFERENCES trials (trial_id), heartbeat DATETIME NOT NULL);
    """
}
