-- The keys that values behind pseudonyms are sealed by, wrapped by the operator's secret. In a schema of its own,
-- `weir_keys`, which may stand in another database than the values: whoever restores a backup of the values must not
-- bring back keys that were destroyed. Times are seconds since 1970, of this database's clock.
CREATE TABLE subject_key (
  tenant BYTEA NOT NULL,
  -- Keyed hash of the subject, of the conversation, or of the day of calls that name neither.
  blind BYTEA NOT NULL,
  id BYTEA NOT NULL,
  -- NULL once the subject is erased, until it calls again.
  wrapped BYTEA,
  -- When it was erased last.
  erased DOUBLE PRECISION,
  seen BIGINT NOT NULL,
  PRIMARY KEY (tenant, blind)
);

CREATE UNIQUE INDEX subject_key_id ON subject_key (id);
CREATE INDEX subject_key_seen ON subject_key (seen);

-- Under which references the nodes' audit logs know a subject, so that it can be erased by any of them.
CREATE TABLE known_as (
  reference BYTEA NOT NULL,
  id BYTEA NOT NULL,
  PRIMARY KEY (reference, id)
);

CREATE INDEX known_as_id ON known_as (id);
