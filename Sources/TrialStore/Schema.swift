internal import GRDB

/// The tables of the database, and how older ones become those.
///
/// `results.sql` shows the outcome with a comment for each column.
enum Schema {
  /// Marks a file as made by this program: "NAS1" in ASCII.
  static let applicationID: Int32 = 0x4E41_5331

  /// The number of migrations, which is the database's `user_version`.
  static let version = migrations.count

  /// The tables without which a database is damaged.
  static let tables = [
    "studies", "trials", "scores", "finalists", "checkpoints", "curve", "runs",
  ]

  /// Brings a database of any known version to the latest.
  static var migrator: DatabaseMigrator {
    var migrator = DatabaseMigrator()
    for (index, migration) in migrations.enumerated() {
      migrator.registerMigration(migration.name, foreignKeyChecks: .immediate) { db in
        try db.execute(sql: migration.sql)
        try db.execute(sql: "PRAGMA user_version = \(index + 1)")
      }
    }
    return migrator
  }

  /// The migrations in the order they are done.
  ///
  /// Databases out there were made by these very lines: never edit one, append another, and change
  /// `results.sql` to match.
  private static let migrations: [(name: String, sql: String)] = [
    (name: "1 studies, trials and scores", sql: studiesTrialsAndScores),
    (name: "2 known scores and supernets of others", sql: knownScoresAndSupernetsOfOthers),
    (name: "3 beliefs", sql: beliefs),
    (name: "4 search time", sql: searchTime),
    (name: "5 latencies", sql: latencies),
    (name: "6 what training was like", sql: whatTrainingWasLike),
  ]

  private static let whatTrainingWasLike = """
    ALTER TABLE curve ADD COLUMN waited REAL CHECK (waited >= 0);
    ALTER TABLE studies ADD COLUMN normalization TEXT;
    ALTER TABLE studies ADD COLUMN rank_agreement REAL CHECK (rank_agreement BETWEEN -1 AND 1);
    """

  private static let latencies = """
    ALTER TABLE trials ADD COLUMN latency INTEGER CHECK (latency >= 0);
    CREATE INDEX trials_by_latency ON trials (study, latency, number)
      WHERE state = 'done' AND latency IS NOT NULL;

    CREATE TABLE latency_tables (
      study INTEGER PRIMARY KEY REFERENCES studies (id),
      content TEXT NOT NULL,
      created_at REAL NOT NULL
    ) STRICT;

    ALTER TABLE finalists RENAME TO finalists_of_counted_costs;
    CREATE TABLE finalists (
      study INTEGER NOT NULL REFERENCES studies (id),
      budget TEXT NOT NULL,
      cost TEXT NOT NULL CHECK (cost IN ('macs', 'params', 'latency')),
      limit_value INTEGER NOT NULL CHECK (limit_value >= 0),
      trial INTEGER NOT NULL REFERENCES trials (id),
      PRIMARY KEY (study, budget)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO finalists SELECT * FROM finalists_of_counted_costs;
    DROP TABLE finalists_of_counted_costs;
    """

  private static let knownScoresAndSupernetsOfOthers = """
    ALTER TABLE studies ADD COLUMN recipe_hash TEXT;
    ALTER TABLE studies ADD COLUMN trained_by TEXT;
    ALTER TABLE scores ADD COLUMN known INTEGER NOT NULL DEFAULT 0 CHECK (known IN (0, 1));
    ALTER TABLE scores ADD COLUMN answers BLOB CHECK (length(answers) = (images + 7) / 8);
    CREATE INDEX trials_by_key ON trials (key);
    """

  private static let searchTime = """
    ALTER TABLE studies ADD COLUMN search_seconds REAL NOT NULL DEFAULT 0;
    """

  private static let beliefs = """
    CREATE TABLE beliefs (
      study INTEGER NOT NULL REFERENCES studies (id),
      step INTEGER NOT NULL,
      content TEXT NOT NULL,
      PRIMARY KEY (study, step)
    ) STRICT, WITHOUT ROWID;
    """

  private static let studiesTrialsAndScores = """
    CREATE TABLE studies (
      id INTEGER PRIMARY KEY,
      name TEXT NOT NULL UNIQUE,
      seed INTEGER NOT NULL,
      strategy TEXT NOT NULL,
      plan TEXT NOT NULL,
      plan_hash TEXT NOT NULL,
      space TEXT NOT NULL,
      stage TEXT NOT NULL CHECK (stage IN ('supernet', 'search', 'finalists', 'done')),
      strategy_state TEXT,
      random_state TEXT,
      created_at REAL NOT NULL
    ) STRICT;

    CREATE TABLE trials (
      id INTEGER PRIMARY KEY,
      study INTEGER NOT NULL REFERENCES studies (id),
      number INTEGER NOT NULL CHECK (number >= 1),
      architecture TEXT NOT NULL,
      key TEXT NOT NULL,
      step INTEGER NOT NULL,
      role TEXT,
      chosen INTEGER NOT NULL CHECK (chosen IN (0, 1)),
      macs INTEGER NOT NULL CHECK (macs >= 0),
      params INTEGER NOT NULL CHECK (params >= 0),
      state TEXT NOT NULL CHECK (state IN ('done', 'failed')),
      reason TEXT CHECK ((reason IS NOT NULL) = (state = 'failed')),
      seconds REAL NOT NULL,
      created_at REAL NOT NULL,
      UNIQUE (study, number)
    ) STRICT;
    CREATE INDEX trials_by_macs ON trials (study, macs, number) WHERE state = 'done';
    CREATE INDEX trials_by_params ON trials (study, params, number) WHERE state = 'done';

    CREATE TABLE scores (
      id INTEGER PRIMARY KEY,
      trial INTEGER NOT NULL REFERENCES trials (id),
      fidelity TEXT NOT NULL CHECK (fidelity IN ('shared', 'retrained')),
      correct INTEGER NOT NULL CHECK (correct BETWEEN 0 AND images),
      images INTEGER NOT NULL CHECK (images >= 1),
      accuracy REAL CHECK (accuracy BETWEEN 0 AND 1),
      low REAL CHECK (low BETWEEN 0 AND accuracy),
      high REAL CHECK (high BETWEEN accuracy AND 1),
      loss REAL CHECK ((loss IS NULL) = (accuracy IS NULL)),
      calibration TEXT NOT NULL,
      weights_hash TEXT NOT NULL,
      images_hash TEXT NOT NULL,
      test INTEGER NOT NULL CHECK (test IN (0, 1)),
      seconds REAL NOT NULL,
      created_at REAL NOT NULL,
      UNIQUE (trial, fidelity, weights_hash, calibration, images_hash)
    ) STRICT;
    CREATE INDEX scores_to_compare ON scores (trial, fidelity, images, accuracy)
      WHERE test = 0 AND accuracy IS NOT NULL;

    CREATE TABLE finalists (
      study INTEGER NOT NULL REFERENCES studies (id),
      budget TEXT NOT NULL,
      cost TEXT NOT NULL CHECK (cost IN ('macs', 'params')),
      limit_value INTEGER NOT NULL CHECK (limit_value >= 0),
      trial INTEGER NOT NULL REFERENCES trials (id),
      PRIMARY KEY (study, budget)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE checkpoints (
      study INTEGER NOT NULL REFERENCES studies (id),
      name TEXT NOT NULL,
      step INTEGER NOT NULL,
      checksum TEXT NOT NULL,
      content BLOB NOT NULL,
      created_at REAL NOT NULL,
      PRIMARY KEY (study, name)
    ) STRICT;

    CREATE TABLE curve (
      study INTEGER NOT NULL REFERENCES studies (id),
      name TEXT NOT NULL,
      step INTEGER NOT NULL,
      epoch REAL NOT NULL,
      loss REAL,
      accuracy REAL,
      learning_rate REAL NOT NULL,
      seconds REAL NOT NULL,
      PRIMARY KEY (study, name, step)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE runs (
      id INTEGER PRIMARY KEY,
      study INTEGER NOT NULL REFERENCES studies (id),
      pid INTEGER NOT NULL,
      host TEXT NOT NULL,
      started_at REAL NOT NULL,
      ended_at REAL,
      ending TEXT CHECK (ending IN ('done', 'stopped', 'failed')),
      CHECK ((ended_at IS NULL) = (ending IS NULL))
    ) STRICT;
    CREATE INDEX runs_by_study ON runs (study, id);
    """
}
