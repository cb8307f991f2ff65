//! What can go wrong: settings that can't work, and a delivery that failed.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use weir_audit::AuditError;

/// Why sinks can't be set up, or why one can't go on by itself. Never holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// A setting can't work.
    #[error("sink {sink}: {field}: {problem}")]
    Setting {
        /// Name of the sink.
        sink: String,
        /// The setting's name.
        field: &'static str,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// A file operation failed.
    #[error("{action} {} failed: {source}", path.display())]
    Io {
        /// What was being done, as a verb.
        action: &'static str,
        /// The file or folder concerned.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A position file holds no position.
    #[error("{} holds no position: restore it, or delete it to deliver the whole log again", path.display())]
    Position {
        /// The file.
        path: PathBuf,
    },
    /// The log is not the one that was delivered from.
    #[error("the log does not hold the record {seq} that was delivered last: it was replaced or restored from an older copy; compare it with what the receiver has, then delete {} to deliver the whole log again", path.display())]
    Diverged {
        /// Number of the record that was delivered last.
        seq: u64,
        /// The position file.
        path: PathBuf,
    },
    /// The log can't be read.
    #[error(transparent)]
    Log(#[from] AuditError),
    /// A record can't be understood by this version.
    #[error("the record {seq} has a shape that this version does not know")]
    Unknown {
        /// Number of the record.
        seq: u64,
    },
}

impl SinkError {
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }
}

/// Why a delivery failed. Holds nothing of what the receiver sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// No connection.
    #[error("the receiver can't be reached")]
    Unreachable,
    /// No secure connection.
    #[error("no secure connection: check the receiver's certificate, its name and the configured authority")]
    Tls,
    /// A deadline passed.
    #[error("the receiver took too long")]
    TimedOut,
    /// The connection ended before the receiver had confirmed.
    #[error("the connection broke off before the receiver confirmed")]
    Broken,
    /// The connection ended, but anybody on the way could have ended it.
    #[error(
        "the receiver ended the connection without the closing alert of TLS: if it is known to do so, as rsyslog is, let the end of the connection confirm"
    )]
    Unconfirmed,
    /// The receiver asks to come again later.
    #[error("the receiver is busy (status {status})")]
    Busy {
        /// HTTP status.
        status: u16,
        /// When it wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// A fault of the receiver.
    #[error("the receiver has a fault (status {status})")]
    Faulty {
        /// HTTP status.
        status: u16,
    },
    /// The receiver lets nothing in: credentials or address are wrong.
    #[error("the receiver turned the sink away (status {status}): check its address and credentials")]
    Denied {
        /// HTTP status.
        status: u16,
    },
    /// The batch is too large for the receiver.
    #[error("the receiver finds the batch too large")]
    TooLarge,
    /// The receiver doesn't take what the batch says.
    #[error("the receiver refused the records (status {status})")]
    Refused {
        /// HTTP status.
        status: u16,
    },
    /// The receiver took part of the batch.
    #[error("the receiver rejected {records} records of the batch")]
    Rejected {
        /// How many it didn't take.
        records: u64,
    },
}

impl Failure {
    /// One word for metrics and tables.
    pub fn class(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Tls => "tls",
            Self::TimedOut => "timeout",
            Self::Broken => "broken",
            Self::Unconfirmed => "unconfirmed",
            Self::Busy { .. } => "busy",
            Self::Faulty { .. } => "faulty",
            Self::Denied { .. } => "denied",
            Self::TooLarge => "too_large",
            Self::Refused { .. } => "refused",
            Self::Rejected { .. } => "rejected",
        }
    }

    /// What an HTTP status means; `None` where it took everything.
    pub(crate) fn of_status(status: u16, retry_after: Option<Duration>) -> Option<Self> {
        Some(match status {
            200..=299 => return None,
            408 | 425 | 429 | 503 => Self::Busy { status, retry_after },
            413 => Self::TooLarge,
            400 | 415 | 422 => Self::Refused { status },
            500..=599 => Self::Faulty { status },
            _ => Self::Denied { status },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_tells_what_to_do() {
        let check = |status: u16, expect: Option<&str>| {
            assert_eq!(Failure::of_status(status, None).map(Failure::class), expect, "{status}");
        };
        [200, 202, 204].into_iter().for_each(|status| check(status, None));
        [301, 302, 307, 308, 401, 403, 404, 405, 410]
            .into_iter()
            .for_each(|status| check(status, Some("denied")));
        [408, 429, 503].into_iter().for_each(|status| check(status, Some("busy")));
        [400, 415, 422].into_iter().for_each(|status| check(status, Some("refused")));
        [500, 502, 504].into_iter().for_each(|status| check(status, Some("faulty")));
        check(413, Some("too_large"));
    }
}
