-- results.sqlite, the file in which studies keep their results: the whole schema, to read.
--
-- The program makes it by migrations (Sources/TrialStore/Schema.swift); a test holds this file to
-- the same outcome, so a database made by `sqlite3 results.sqlite < results.sql` is as good.
--
-- Instants are Unix seconds: SELECT datetime(created_at, 'unixepoch') shows one in UTC.
-- Hashes are hexadecimal text. Architectures, states and recipes are JSON.
-- The file runs in WAL mode, which is not part of the schema.

PRAGMA application_id = 0x4E415331;  -- "NAS1" in ASCII: this program made the file
PRAGMA user_version = 6;             -- how many of the migrations are done

-- A study is one search, from its plan to its frontier.
CREATE TABLE studies (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,   -- as in the search file, or with a suffix after a fresh start
  seed INTEGER NOT NULL,       -- of everything random; 64 bits, from 2^63 on shown as negative
  strategy TEXT NOT NULL,      -- such as autoslim
  plan TEXT NOT NULL,          -- the search file in YAML, defaults filled in
  plan_hash TEXT NOT NULL,     -- of the plan but for checkpoint-every
  space TEXT NOT NULL,         -- the search space, in JSON
  stage TEXT NOT NULL CHECK (stage IN ('supernet', 'search', 'finalists', 'done')),
  strategy_state TEXT,         -- the strategy as of the last trial; NULL before the search
  random_state TEXT,           -- the random number generator as of the last trial
  created_at REAL NOT NULL,
  recipe_hash TEXT,            -- of all that the supernet's weights follow from; NULL: not known
  trained_by TEXT,             -- the study, by its name then, whose supernet was taken over
  search_seconds REAL NOT NULL DEFAULT 0,  -- from the first question to the last answer, all runs
  normalization TEXT,          -- mean and deviation of each channel of the training images; JSON
  rank_agreement REAL CHECK (rank_agreement BETWEEN -1 AND 1)  -- ρ of the supernet's probe
) STRICT;

-- A trial is one architecture, evaluated.
CREATE TABLE trials (
  id INTEGER PRIMARY KEY,
  study INTEGER NOT NULL REFERENCES studies (id),
  number INTEGER NOT NULL CHECK (number >= 1),            -- in the study, without a gap
  architecture TEXT NOT NULL,                             -- the choice made at each decision
  key TEXT NOT NULL,                                      -- the same for the same architecture
  step INTEGER NOT NULL,                                  -- the strategy's question, from 0 on;
                                                          -- -1: known before the first one
  role TEXT,                                              -- its note, such as stage2.width
  chosen INTEGER NOT NULL CHECK (chosen IN (0, 1)),       -- 1 if the strategy went on with it
  macs INTEGER NOT NULL CHECK (macs >= 0),                -- multiply-adds for one image
  params INTEGER NOT NULL CHECK (params >= 0),            -- trainable parameters
  state TEXT NOT NULL CHECK (state IN ('done', 'failed')),
  reason TEXT CHECK ((reason IS NOT NULL) = (state = 'failed')),  -- why it failed
  seconds REAL NOT NULL,                                  -- how long the evaluation took
  created_at REAL NOT NULL,
  -- nanoseconds in which a batch is classified, as the study's table predicts; NULL without a table
  latency INTEGER CHECK (latency >= 0),
  UNIQUE (study, number)
) STRICT;
-- They hand out the trials of a study from cheap to costly, as the frontier reads them.
CREATE INDEX trials_by_macs ON trials (study, macs, number) WHERE state = 'done';
CREATE INDEX trials_by_params ON trials (study, params, number) WHERE state = 'done';
CREATE INDEX trials_by_latency ON trials (study, latency, number)
  WHERE state = 'done' AND latency IS NOT NULL;
-- It finds what is known of an architecture, whichever study found it out.
CREATE INDEX trials_by_key ON trials (key);

-- A score is one measurement of a trial's accuracy. Values are NULL if the network diverged.
CREATE TABLE scores (
  id INTEGER PRIMARY KEY,                                 -- the newer score has the higher one
  trial INTEGER NOT NULL REFERENCES trials (id),
  fidelity TEXT NOT NULL CHECK (fidelity IN ('shared', 'retrained')),  -- whose weights
  correct INTEGER NOT NULL CHECK (correct BETWEEN 0 AND images),       -- images classified right
  images INTEGER NOT NULL CHECK (images >= 1),                         -- images classified
  accuracy REAL CHECK (accuracy BETWEEN 0 AND 1),         -- correct / images
  low REAL CHECK (low BETWEEN 0 AND accuracy),            -- its 95 % Wilson interval: from …
  high REAL CHECK (high BETWEEN accuracy AND 1),          -- … to
  loss REAL CHECK ((loss IS NULL) = (accuracy IS NULL)),  -- mean cross-entropy, in nats
  calibration TEXT NOT NULL,                              -- how BatchNorm statistics were made; JSON
  weights_hash TEXT NOT NULL,                             -- of the weights
  images_hash TEXT NOT NULL,                              -- of the fixed set of images
  test INTEGER NOT NULL CHECK (test IN (0, 1)),           -- 1 if these are the test set
  seconds REAL NOT NULL,                                  -- how long the measurement took
  created_at REAL NOT NULL,
  -- 1 if it was not measured, but is that of the same network with the same weights, on the same
  -- images, in the same way, which another trial of this database had already; it took 0 seconds
  known INTEGER NOT NULL DEFAULT 0 CHECK (known IN (0, 1)),
  -- a bit for each image, from the lowest of each byte on, 1 if it was classified right
  answers BLOB CHECK (length(answers) = (images + 7) / 8),
  UNIQUE (trial, fidelity, weights_hash, calibration, images_hash)
) STRICT;
CREATE INDEX scores_to_compare ON scores (trial, fidelity, images, accuracy)
  WHERE test = 0 AND accuracy IS NOT NULL;

-- A finalist is the trial picked for a budget.
CREATE TABLE finalists (
  study INTEGER NOT NULL REFERENCES studies (id),
  budget TEXT NOT NULL,                                   -- as users read it: macs ≤ 4000000
  cost TEXT NOT NULL CHECK (cost IN ('macs', 'params', 'latency')),
  limit_value INTEGER NOT NULL CHECK (limit_value >= 0),  -- in units of the cost
  trial INTEGER NOT NULL REFERENCES trials (id),
  PRIMARY KEY (study, budget)
) STRICT, WITHOUT ROWID;

-- How long the layers of a study's networks take, where the study asks. It was measured before the
-- study began and never changes, so that the same network has the same latency all through.
CREATE TABLE latency_tables (
  study INTEGER PRIMARY KEY REFERENCES studies (id),
  content TEXT NOT NULL,       -- times of layers, and networks timed whole beside predictions; JSON
  created_at REAL NOT NULL
) STRICT;

-- The latest weights in training, from which another run goes on.
CREATE TABLE checkpoints (
  study INTEGER NOT NULL REFERENCES studies (id),
  name TEXT NOT NULL,          -- what is or was trained: supernet, teacher, trial 12
  step INTEGER NOT NULL,       -- weight steps done
  checksum TEXT NOT NULL,        -- of the content
  content BLOB NOT NULL,
  created_at REAL NOT NULL,
  PRIMARY KEY (study, name)
) STRICT;

-- Learning curves.
CREATE TABLE curve (
  study INTEGER NOT NULL REFERENCES studies (id),
  name TEXT NOT NULL,          -- what was trained: supernet, teacher, trial 12
  step INTEGER NOT NULL,       -- weight steps done
  epoch REAL NOT NULL,         -- passes over the training images done
  loss REAL,                   -- mean training loss since the point before, in nats; NULL if NaN
  accuracy REAL,               -- on the hold-out, if measured
  learning_rate REAL NOT NULL,
  seconds REAL NOT NULL,       -- of training, all runs together
  waited REAL CHECK (waited >= 0),  -- seconds of these spent waiting for images
  PRIMARY KEY (study, name, step)
) STRICT, WITHOUT ROWID;

-- What a strategy that learns distributions held probable, over its search.
CREATE TABLE beliefs (
  study INTEGER NOT NULL REFERENCES studies (id),
  step INTEGER NOT NULL,       -- weight steps done
  content TEXT NOT NULL,       -- for each budget the probability of every choice; JSON
  PRIMARY KEY (study, step)
) STRICT, WITHOUT ROWID;

-- A run is one process working on a study. The latest one owns it.
CREATE TABLE runs (
  id INTEGER PRIMARY KEY,
  study INTEGER NOT NULL REFERENCES studies (id),
  pid INTEGER NOT NULL,        -- the process
  host TEXT NOT NULL,          -- the machine
  started_at REAL NOT NULL,
  ended_at REAL,               -- NULL while it works, and for ever if it was killed
  ending TEXT CHECK (ending IN ('done', 'stopped', 'failed')),
  CHECK ((ended_at IS NULL) = (ending IS NULL))
) STRICT;
CREATE INDEX runs_by_study ON runs (study, id);

-- The migrations done, as GRDB keeps them.
CREATE TABLE grdb_migrations (identifier TEXT NOT NULL PRIMARY KEY);
INSERT INTO grdb_migrations VALUES ('1 studies, trials and scores');
INSERT INTO grdb_migrations VALUES ('2 known scores and supernets of others');
INSERT INTO grdb_migrations VALUES ('3 beliefs');
INSERT INTO grdb_migrations VALUES ('4 search time');
INSERT INTO grdb_migrations VALUES ('5 latencies');
INSERT INTO grdb_migrations VALUES ('6 what training was like');
