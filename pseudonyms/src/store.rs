//! The rows in one SQLite file. An acknowledged write survives a loss of power; what is deleted is overwritten.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, Row as Cells, Transaction, params};

use crate::error::LastingError;
use crate::sealed::{Row, Tied};

mod migrations {
    refinery::embed_migrations!("../migrations/pseudonyms");
}

/// How long a statement waits for another process that writes.
const BUSY: Duration = Duration::from_secs(5);
/// Most values that are recalled for one exchange; the last used ones.
pub(crate) const MOST_RECALLED: i64 = 512;
/// Most rows of one pseudonym that are looked at.
pub(crate) const MOST_NAMED: i64 = 64;
/// Seconds after which it is noted that a row is still in use.
pub(crate) const STALE: i64 = 3600;
const COLUMNS: &str = "tenant, name, owner, conversation, sealed";

pub(crate) struct Store {
    path: PathBuf,
    connection: Connection,
}

impl Store {
    /// Opens the file, makes it if there is none. One that can't be used is left as it is: nothing else has its rows.
    pub(crate) fn open(path: &Path) -> Result<Self, LastingError> {
        let fail = || failed("opened", path);
        let mut connection = Connection::open(path).map_err(fail())?;
        connection.busy_timeout(BUSY).map_err(fail())?;
        connection.pragma_update(None, "journal_mode", "wal").map_err(fail())?;
        connection.pragma_update(None, "synchronous", "full").map_err(fail())?;
        connection.pragma_update(None, "secure_delete", "on").map_err(fail())?;
        let runner = migrations::migrations::runner().set_abort_divergent(true).set_abort_missing(true);
        runner.run(&mut connection).map_err(|error| LastingError::Schema {
            path: path.to_owned(),
            reason: error.kind().to_string(),
        })?;
        Ok(Self { path: path.to_owned(), connection })
    }

    /// Writes rows, and ties to rows that are there; of what is known for the owner, when it was last used.
    pub(crate) fn write(&mut self, (rows, ties): (&[Row], &[Tied]), now: i64) -> Result<(), LastingError> {
        let path = self.path.clone();
        let fail = || failed("written", &path);
        let transaction = self.connection.transaction().map_err(fail())?;
        {
            let mut insert = transaction
                .prepare_cached(
                    "INSERT INTO pseudonym (tenant, name, owner, conversation, sealed, seen)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                     ON CONFLICT (tenant, name, owner) DO UPDATE SET
                         seen = excluded.seen,
                         conversation = coalesce(excluded.conversation, conversation)
                     WHERE sealed IS NOT NULL",
                )
                .map_err(fail())?;
            for row in rows {
                let conversation = row.conversation.as_ref().map(<[u8; 32]>::as_slice);
                insert
                    .execute(params![
                        &row.tenant[..],
                        &row.name[..],
                        &row.owner[..],
                        conversation,
                        row.sealed,
                        now
                    ])
                    .map_err(fail())?;
            }
        }
        tie(&transaction, ties, now).map_err(fail())?;
        transaction.commit().map_err(fail())
    }

    /// The rows that were tied, the last used ones first.
    pub(crate) fn tied(&mut self, tenant: [u8; 32], tie: [u8; 32]) -> Result<Vec<Row>, LastingError> {
        let sql = format!(
            "SELECT p.tenant, p.name, p.owner, p.conversation, p.sealed FROM tie t
             JOIN pseudonym p ON p.tenant = ?1 AND p.name = t.name AND p.owner = t.owner
             WHERE t.tie = ?2 ORDER BY t.seen DESC LIMIT {MOST_RECALLED}"
        );
        self.read(&sql, (&tenant[..], &tie[..]))
    }

    /// The rows of an owner, and those of a conversation; the last used ones first.
    pub(crate) fn of(
        &mut self,
        tenant: [u8; 32],
        owner: Option<[u8; 16]>,
        conversation: Option<[u8; 32]>,
    ) -> Result<Vec<Row>, LastingError> {
        let mut rows = Vec::new();
        if let Some(owner) = owner {
            let sql = format!(
                "SELECT {COLUMNS} FROM pseudonym WHERE owner = ?1 AND tenant = ?2 ORDER BY seen DESC LIMIT {MOST_RECALLED}"
            );
            rows.extend(self.read(&sql, (&owner[..], &tenant[..]))?);
        }
        if let Some(conversation) = conversation {
            let sql = format!(
                "SELECT {COLUMNS} FROM pseudonym WHERE conversation = ?1 AND tenant = ?2 ORDER BY seen DESC LIMIT {MOST_RECALLED}"
            );
            rows.extend(self.read(&sql, (&conversation[..], &tenant[..]))?);
        }
        Ok(rows)
    }

    /// The rows of a pseudonym.
    pub(crate) fn named(&mut self, tenant: [u8; 32], name: [u8; 32]) -> Result<Vec<Row>, LastingError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM pseudonym WHERE tenant = ?1 AND name = ?2 ORDER BY seen DESC LIMIT {MOST_NAMED}"
        );
        self.read(&sql, (&tenant[..], &name[..]))
    }

    /// Deletes the values of an owner, and whose they were: that there was one is all that stays.
    pub(crate) fn forget(&mut self, owner: [u8; 16]) -> Result<u64, LastingError> {
        let path = self.path.clone();
        let fail = || failed("erased", &path);
        let transaction = self.connection.transaction().map_err(fail())?;
        let erased = transaction
            .execute(
                "INSERT INTO pseudonym (tenant, name, owner, sealed, seen)
                 SELECT tenant, name, zeroblob(16), NULL, seen FROM pseudonym WHERE owner = ?1 AND sealed IS NOT NULL
                 ON CONFLICT (tenant, name, owner) DO UPDATE SET seen = max(seen, excluded.seen)",
                [&owner[..]],
            )
            .map_err(fail())?;
        transaction.execute("DELETE FROM pseudonym WHERE owner = ?1", [&owner[..]]).map_err(fail())?;
        transaction.execute("DELETE FROM tie WHERE owner = ?1", [&owner[..]]).map_err(fail())?;
        transaction.commit().map_err(fail())?;
        // What was deleted also stood in the write-ahead log.
        let truncated: Option<i64> = self
            .connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
            .optional()
            .map_err(fail())?;
        if truncated != Some(0) {
            tracing::warn!("the write-ahead log of the pseudonyms is in use and was not emptied yet");
        }
        Ok(u64::try_from(erased).unwrap_or(0))
    }

    /// Deletes what was last used before a time.
    pub(crate) fn prune(&mut self, before: i64) -> Result<u64, LastingError> {
        let fail = || failed("pruned", &self.path);
        let deleted =
            self.connection.execute("DELETE FROM pseudonym WHERE seen < ?1", [before]).map_err(fail())?;
        self.connection.execute("DELETE FROM tie WHERE seen < ?1", [before]).map_err(fail())?;
        Ok(u64::try_from(deleted).unwrap_or(0))
    }

    fn read(&mut self, sql: &str, by: (&[u8], &[u8])) -> Result<Vec<Row>, LastingError> {
        let fail = || failed("read", &self.path);
        let mut statement = self.connection.prepare_cached(sql).map_err(fail())?;
        let rows = statement.query_map([by.0, by.1], row).map_err(fail())?;
        rows.collect::<Result<Vec<_>, _>>().map_err(fail())
    }
}

/// Writes ties. One to a row that isn't there, or no more, is left out. A row that is tied anew is in use.
fn tie(transaction: &Transaction<'_>, ties: &[Tied], now: i64) -> rusqlite::Result<()> {
    let mut insert = transaction.prepare_cached(
        "INSERT INTO tie (tie, name, owner, seen)
         SELECT ?1, name, owner, ?5 FROM pseudonym WHERE tenant = ?2 AND name = ?3 AND owner = ?4 AND sealed IS NOT NULL
         ON CONFLICT (tie, name, owner) DO UPDATE SET seen = excluded.seen",
    )?;
    let mut touch = transaction.prepare_cached(
        "UPDATE pseudonym SET seen = ?4 WHERE tenant = ?1 AND name = ?2 AND owner = ?3 AND seen < ?5",
    )?;
    for Tied { tie, tenant, held } in ties {
        let (tenant, name, owner) = (&tenant[..], &held.name[..], &held.owner[..]);
        insert.execute(params![&tie[..], tenant, name, owner, now])?;
        touch.execute(params![tenant, name, owner, now, now - STALE])?;
    }
    Ok(())
}

fn row(cells: &Cells<'_>) -> rusqlite::Result<Row> {
    Ok(Row {
        tenant: cells.get(0)?,
        name: cells.get(1)?,
        owner: cells.get(2)?,
        conversation: cells.get(3)?,
        sealed: cells.get(4)?,
    })
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(rusqlite::Error) -> LastingError + use<> {
    let path = path.to_owned();
    move |source| LastingError::Sqlite { action, path, source }
}
