//! Opens the file, brings its schema up to date, and moves aside a file that can't be used.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::error::IndexError;

mod migrations {
    refinery::embed_migrations!("../migrations/sqlite");
}

/// How long a statement waits for another process that writes.
const BUSY: Duration = Duration::from_secs(10);
/// Statements kept ready.
const STATEMENTS: usize = 64;
/// Pages that one question may keep, negative as SQLite takes it in KiB: 64 MiB, taken as far as it is needed.
const READ_CACHE_KIB: i64 = -65_536;
/// Size of the write-ahead log at which it is worked into the file, in pages of 4 KiB.
const CHECKPOINT_PAGES: i64 = 4000;

/// Opens the file to write to, makes it if there is none. A file that is damaged, no database, or of a newer version
/// is moved aside: the log has all that stood in it.
pub(super) fn writable(path: &Path) -> Result<Connection, IndexError> {
    match try_writable(path) {
        Err(error) if is_unusable(&error) => {
            move_aside(path, &error)?;
            try_writable(path)
        }
        result => result,
    }
}

/// Opens the file to read from.
pub(super) fn readable(path: &Path) -> Result<Connection, IndexError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(IndexError::sqlite("opening"))?;
    connection.busy_timeout(BUSY).map_err(IndexError::sqlite("opening"))?;
    connection.pragma_update(None, "cache_size", READ_CACHE_KIB).map_err(IndexError::sqlite("opening"))?;
    Ok(connection)
}

/// Whether the file can never be used again, as opposed to a disk that is full or a lock that is held.
pub(super) fn is_unusable(error: &IndexError) -> bool {
    match error {
        IndexError::Sqlite { source, .. } => {
            matches!(source.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
        }
        IndexError::Damaged | IndexError::Migration { .. } => true,
        _ => false,
    }
}

/// Renames the file and its companions, so that a new one can be made.
pub(super) fn move_aside(path: &Path, reason: &IndexError) -> Result<(), IndexError> {
    let named = |path: &Path, suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    let aside = (0..).map(|number| named(path, &format!(".unusable-{number}"))).find(|it| !it.exists());
    let Some(aside) = aside else { return Ok(()) };
    tracing::warn!(file = %path.display(), aside = %aside.display(), %reason, "the audit index can't be used: moved aside, building a new one from the log");
    for companion in ["", "-wal", "-shm"] {
        let (from, to) = (named(path, companion), named(&aside, companion));
        match std::fs::rename(&from, &to) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(IndexError::io("moving", &from)(error));
            }
            _ => {}
        }
    }
    Ok(())
}

fn try_writable(path: &Path) -> Result<Connection, IndexError> {
    let fail = || IndexError::sqlite("opening");
    let mut connection = Connection::open(path).map_err(fail())?;
    connection.busy_timeout(BUSY).map_err(fail())?;
    connection.pragma_update(None, "journal_mode", "wal").map_err(fail())?;
    // A loss of power may take the last transactions back, their positions with them; they are then indexed again.
    connection.pragma_update(None, "synchronous", "normal").map_err(fail())?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES).map_err(fail())?;
    connection.pragma_update(None, "secure_delete", "on").map_err(fail())?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    migrate(&mut connection)?;
    Ok(connection)
}

fn migrate(connection: &mut Connection) -> Result<(), IndexError> {
    let runner = migrations::migrations::runner().set_abort_divergent(true).set_abort_missing(true);
    match runner.run(connection) {
        Ok(_) => Ok(()),
        Err(error) => Err(failed(error.kind())),
    }
}

fn failed(kind: &refinery::error::Kind) -> IndexError {
    use refinery::error::Kind;
    match kind {
        Kind::Connection(what, source) => match source.downcast_ref::<rusqlite::Error>() {
            // A failing disk or a lock is no reason to throw the file away.
            Some(rusqlite::Error::SqliteFailure(error, _)) => IndexError::Sqlite {
                action: "migrating",
                source: rusqlite::Error::SqliteFailure(*error, Some(what.clone())),
            },
            _ => IndexError::Migration { reason: what.clone() },
        },
        other => IndexError::Migration { reason: other.to_string() },
    }
}
