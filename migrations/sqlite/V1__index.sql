-- The index of the audit log: rebuilt from the log at any time, so nothing here is the only copy of anything.
-- Times are microseconds since 1970 in UTC; money is pico-USD; ids and hashes are bytes.

CREATE TABLE calls (
  time_us INTEGER NOT NULL,
  record_id BLOB NOT NULL UNIQUE,
  tenant TEXT NOT NULL,
  app TEXT,
  team TEXT,
  key_id TEXT,
  subject_ref TEXT,
  purpose TEXT,
  cost_center TEXT,
  conversation TEXT,
  endpoint TEXT NOT NULL,
  route TEXT,
  requested_model TEXT,
  policy_set TEXT NOT NULL,
  retention TEXT,
  stream INTEGER NOT NULL,
  request_bytes INTEGER NOT NULL,
  source BLOB NOT NULL,
  lane INTEGER NOT NULL,
  node_id TEXT NOT NULL,
  boot_id BLOB NOT NULL,
  intent_seq INTEGER NOT NULL,
  intent_hash BLOB NOT NULL,
  shed INTEGER NOT NULL,
  state TEXT NOT NULL,
  end_us INTEGER,
  end_seq INTEGER,
  end_hash BLOB,
  end_shed INTEGER,
  decision TEXT,
  status INTEGER,
  error TEXT,
  stream_state TEXT,
  answered_model TEXT,
  upstream TEXT,
  provider TEXT,
  region TEXT,
  input_tokens INTEGER,
  output_tokens INTEGER,
  cost_pico INTEGER,
  energy_min_kwh REAL,
  energy_max_kwh REAL,
  gwp_min_kg REAL,
  gwp_max_kg REAL,
  latency_us INTEGER,
  reply_bytes INTEGER,
  hits TEXT,
  review TEXT,
  erased_us INTEGER
) STRICT;

-- What stands behind the id in an index is looked at there, without a look at the row: so a question that matches
-- few calls among many stays cheap.
CREATE INDEX calls_time ON calls (time_us, record_id, cost_pico);
CREATE INDEX calls_tenant ON calls (tenant, time_us, record_id, upstream, status, decision, cost_pico);
CREATE INDEX calls_app ON calls (app, time_us, record_id, tenant) WHERE app IS NOT NULL;
CREATE INDEX calls_key ON calls (key_id, time_us, record_id, tenant) WHERE key_id IS NOT NULL;
CREATE INDEX calls_subject ON calls (subject_ref, time_us, record_id) WHERE subject_ref IS NOT NULL;
CREATE INDEX calls_upstream ON calls (upstream, time_us, record_id, status, decision, cost_pico)
  WHERE upstream IS NOT NULL;
CREATE INDEX calls_decision ON calls (decision, time_us, record_id, tenant, upstream)
  WHERE decision <> 'allow';
CREATE INDEX calls_status ON calls (status, time_us, record_id, tenant, upstream)
  WHERE status >= 400;
CREATE INDEX calls_state ON calls (state, time_us, record_id) WHERE state <> 'completed';
CREATE INDEX calls_review ON calls (review, time_us, record_id, tenant) WHERE review IS NOT NULL;

-- What a call has several of: rules that hit, labels found, models asked for and answered.
CREATE TABLE terms (
  kind TEXT NOT NULL,
  value TEXT NOT NULL,
  time_us INTEGER NOT NULL,
  record_id BLOB NOT NULL,
  tenant TEXT NOT NULL,
  PRIMARY KEY (kind, value, time_us, record_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
  time_us INTEGER NOT NULL,
  record_id BLOB NOT NULL UNIQUE,
  kind TEXT NOT NULL,
  tenant TEXT NOT NULL,
  actor TEXT,
  call_id BLOB,
  subject_ref TEXT,
  body TEXT NOT NULL,
  source BLOB NOT NULL,
  lane INTEGER NOT NULL,
  node_id TEXT NOT NULL,
  node_seq INTEGER NOT NULL,
  hash BLOB NOT NULL
) STRICT;

CREATE INDEX events_time ON events (time_us, record_id);
CREATE INDEX events_call ON events (call_id, time_us, record_id) WHERE call_id IS NOT NULL;
CREATE INDEX events_erasure ON events (subject_ref) WHERE kind = 'erasure';

-- The newest review of a call, also of one whose own records are yet to come from another lane.
CREATE TABLE reviews (
  call_id BLOB PRIMARY KEY,
  state TEXT NOT NULL,
  time_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- How far each lane is indexed; moves in the transaction that writes the rows.
CREATE TABLE watermarks (
  source BLOB NOT NULL,
  lane INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  hash BLOB NOT NULL,
  time_us INTEGER NOT NULL,
  skipped INTEGER NOT NULL,
  intents INTEGER NOT NULL,
  completions INTEGER NOT NULL,
  abandoned INTEGER NOT NULL,
  orphans INTEGER NOT NULL,
  pruned INTEGER NOT NULL,
  PRIMARY KEY (source, lane)
) STRICT, WITHOUT ROWID;
