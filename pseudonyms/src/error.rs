//! What can go wrong with values that are kept.

use std::path::PathBuf;

use weir_audit::AuditError;

/// Why values could not be kept or read. Never holds any of them.
#[derive(Debug, thiserror::Error)]
pub enum LastingError {
    /// The queue to the writer is full.
    #[error("the queue of pseudonyms to be kept is full")]
    Full,
    /// The last write failed; it is tried again.
    #[error("pseudonyms can't be kept now")]
    Failing,
    /// The writer has ended.
    #[error("the writer of pseudonyms has stopped")]
    Stopped,
    /// The file can't be used.
    #[error("the pseudonyms in {} can't be {action}: {source}", path.display())]
    Sqlite {
        /// What was being done.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The database's reason; it holds no row.
        source: rusqlite::Error,
    },
    /// The schema of the file can't be brought up to date.
    #[error("the pseudonyms in {} are of another version of weir: {reason}", path.display())]
    Schema {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// PostgreSQL failed. Its own message may quote a row, so only its code is told.
    #[error("{action} pseudonyms in postgresql failed ({code}): check the database and its log")]
    Postgres {
        /// What was being done, as a verb.
        action: &'static str,
        /// SQLSTATE, or a word for how the connection failed.
        code: String,
    },
    /// The schema in PostgreSQL can't be brought up to date.
    #[error("the pseudonyms in postgresql are of another version of weir: {reason}")]
    Version {
        /// Why.
        reason: String,
    },
    /// A key in PostgreSQL is wrapped by another secret.
    #[error("the keys in postgresql belong to another `pseudonym.key`: every node needs the same file")]
    Operator,
    /// A row in PostgreSQL does not have the shape it was written with.
    #[error("a row of the pseudonyms in postgresql is damaged")]
    Damaged,
    /// A setting of the database can't be used.
    #[error(transparent)]
    Setting(#[from] weir_index::IndexError),
    /// The keys can't be used.
    #[error(transparent)]
    Audit(#[from] AuditError),
}
