//! What can go wrong with the index: the log contradicts it, the database fails, or a question is no question.

use weir_audit::AuditError;

/// Why records could not be indexed, or a question could not be answered.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The log could not be read.
    #[error(transparent)]
    Log(#[from] AuditError),
    /// A record that is indexed stands in the log with other content. The log, or a copy of it under the same
    /// identity, was changed; nothing of this lane is indexed until a person has looked at it.
    #[error(
        "record {seq} of lane {lane} differs from what was indexed: verify the log, then rebuild the index with `weir audit reindex`"
    )]
    Conflict {
        /// The lane.
        lane: u16,
        /// Position of the record in the lane.
        seq: u64,
    },
    /// The log ends before a record that is indexed.
    #[error(
        "lane {lane} ends at record {durable}, but record {seq} is indexed: the log was set back, verify it against its witness"
    )]
    Rollback {
        /// The lane.
        lane: u16,
        /// Last position that is indexed.
        seq: u64,
        /// Last position the log has.
        durable: u64,
    },
    /// A record of the log can't be understood.
    #[error("record {seq} of lane {lane} can't be read: it is damaged, or of a newer version")]
    Unreadable {
        /// The lane.
        lane: u16,
        /// Position of the record in the lane.
        seq: u64,
    },
    /// Another indexer has gone on in the meantime; the position must be read again.
    #[error("another indexer has moved the position of lane {lane}")]
    Moved {
        /// The lane.
        lane: u16,
    },
    /// SQLite failed.
    #[error("{action} the index failed: {source}")]
    Sqlite {
        /// What was being done, as a verb.
        action: &'static str,
        /// The reason.
        source: rusqlite::Error,
    },
    /// PostgreSQL failed. Its own message may quote a row, so only its code is told.
    #[error("{action} in postgresql failed ({code}): check the database and its log")]
    Postgres {
        /// What was being done, as a verb.
        action: &'static str,
        /// SQLSTATE, or a word for how the connection failed.
        code: String,
    },
    /// The schema could not be brought up to date.
    #[error("migrating the index failed: {reason}")]
    Migration {
        /// The reason.
        reason: String,
    },
    /// A file operation failed.
    #[error("{action} {} failed: {source}", path.display())]
    Io {
        /// What was being done, as a verb.
        action: &'static str,
        /// The file concerned.
        path: std::path::PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The database did not answer in time.
    #[error("{action} took too long: narrow the time range, or check the database")]
    Late {
        /// What was being done, as a verb.
        action: &'static str,
    },
    /// A row of the index does not have the shape it was written with.
    #[error("a row of the index is damaged: rebuild it with `weir audit reindex`")]
    Damaged,
    /// A place in a listing that is none, or belongs to another question.
    #[error("the cursor is not a place in this listing: ask again without it")]
    NotACursor,
    /// More ids than one question may name.
    #[error("at most {max} ids may be asked for at once")]
    TooManyIds {
        /// The limit.
        max: usize,
    },
    /// A setting can't be used.
    #[error("the index can't be opened: {reason}")]
    Setting {
        /// What is wrong, and what to do.
        reason: &'static str,
    },
}

impl IndexError {
    /// Whether the log and the index contradict each other: a person must look, a retry can't help.
    pub fn is_alarm(&self) -> bool {
        matches!(self, Self::Conflict { .. } | Self::Rollback { .. } | Self::Unreadable { .. })
    }

    pub(crate) fn sqlite(action: &'static str) -> impl FnOnce(rusqlite::Error) -> Self {
        move |source| {
            if source.sqlite_error_code() == Some(rusqlite::ErrorCode::OperationInterrupted) {
                return Self::Late { action };
            }
            Self::Sqlite { action, source }
        }
    }

    pub(crate) fn io(action: &'static str, path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }
}
