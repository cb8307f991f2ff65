-- Which pseudonyms a conversation that the upstream holds knows: by what the request before was answered with, or by
-- the conversation's own id. A tie is a keyed hash of that id and of whose it is.
CREATE TABLE tie (
    tie   BLOB    NOT NULL,
    name  BLOB    NOT NULL,
    owner BLOB    NOT NULL,
    -- Seconds since 1970 of the last exchange that used it.
    seen  INTEGER NOT NULL,
    PRIMARY KEY (tie, name, owner)
) WITHOUT ROWID;

CREATE INDEX tie_owner ON tie (owner);
CREATE INDEX tie_seen ON tie (seen);
