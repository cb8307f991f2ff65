-- What stands behind pseudonyms beyond their exchange, for several nodes. Nothing here names a person or a value: names
-- of pseudonyms, tenants and conversations are keyed hashes, values are sealed under keys that stand elsewhere.
-- Everything stands in the schema `weir_vault`, made before. Times are seconds since 1970.
CREATE TABLE pseudonym (
  tenant BYTEA NOT NULL,
  name BYTEA NOT NULL,
  -- Id of the key that sealed the value; zeros once the subject is erased.
  owner BYTEA NOT NULL,
  conversation BYTEA,
  -- NULL once the subject is erased.
  sealed BYTEA,
  -- The last exchange that used it.
  seen BIGINT NOT NULL,
  PRIMARY KEY (tenant, name, owner)
);

CREATE INDEX pseudonym_owner ON pseudonym (owner, seen);
CREATE INDEX pseudonym_conversation ON pseudonym (tenant, conversation, seen) WHERE conversation IS NOT NULL;
CREATE INDEX pseudonym_seen ON pseudonym (seen);

-- What a later exchange may name to get values back.
CREATE TABLE tie (
  tie BYTEA NOT NULL,
  name BYTEA NOT NULL,
  owner BYTEA NOT NULL,
  seen BIGINT NOT NULL,
  PRIMARY KEY (tie, name, owner)
);

CREATE INDEX tie_owner ON tie (owner);
CREATE INDEX tie_seen ON tie (seen);
