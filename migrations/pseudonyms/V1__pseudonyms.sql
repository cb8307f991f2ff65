-- What stands behind pseudonyms beyond their exchange. Nothing here names a person or a value: names of pseudonyms,
-- tenants and conversations are keyed hashes, values are sealed under a key of the subject's.
CREATE TABLE pseudonym (
    tenant       BLOB    NOT NULL,
    name         BLOB    NOT NULL,
    -- Reference of the key that sealed the value.
    owner        BLOB    NOT NULL,
    conversation BLOB,
    -- NULL once the subject is erased.
    sealed       BLOB,
    -- Seconds since 1970 of the last exchange that used it.
    seen         INTEGER NOT NULL,
    PRIMARY KEY (tenant, name, owner)
) WITHOUT ROWID;

CREATE INDEX pseudonym_owner ON pseudonym (owner, seen);
CREATE INDEX pseudonym_conversation ON pseudonym (tenant, conversation, seen) WHERE conversation IS NOT NULL;
CREATE INDEX pseudonym_seen ON pseudonym (seen);
