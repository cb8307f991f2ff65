//! What can go wrong with the log: it can't be opened, or a record was not accepted.

use std::io;
use std::path::PathBuf;

use crate::proof::anchor::AnchorError;
use uuid::Uuid;

/// Why the log could not be opened or read, or did not accept a record.
///
/// [`Full`](Self::Full), [`DiskLow`](Self::DiskLow), [`Dead`](Self::Dead) and [`Closed`](Self::Closed) are the
/// refusals a caller of the gateway sees as `audit_unavailable`.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
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
    /// Another writer holds the folder.
    #[error("{} is locked by another writer", path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// The log is damaged where no crash can have damaged it.
    #[error("{} is corrupt at offset {offset}: {reason}", path.display())]
    Corrupt {
        /// The damaged segment file.
        path: PathBuf,
        /// Byte offset of the first bad frame or header.
        offset: u64,
        /// What is wrong there.
        reason: &'static str,
    },
    /// The log is not what was signed for it: put back from a copy, cut, changed, or written by two nodes.
    #[error("the log in {} contradicts its checkpoint at {size} records: {reason}", path.display())]
    Inconsistent {
        /// The lane's folder.
        path: PathBuf,
        /// Records that the checkpoint covers.
        size: u64,
        /// What does not fit.
        reason: &'static str,
    },
    /// The key that signs checkpoints can't be used.
    #[error("the signing key {} can't be used: {reason}", path.display())]
    Key {
        /// The key's file.
        path: PathBuf,
        /// Why not.
        reason: &'static str,
    },
    /// The second place of the checkpoint could not be asked.
    #[error(transparent)]
    Anchor {
        /// Why not.
        source: AnchorError,
    },
    /// A proof can't be made: it is not one of this tree, or a tile that it takes is missing.
    #[error("no such proof can be made from the tiles in {}", path.display())]
    Proof {
        /// The folder of tiles.
        path: PathBuf,
    },
    /// A bundle can't be written.
    #[error("no bundle can be made of {}: {reason}", path.display())]
    Bundle {
        /// The file or folder concerned.
        path: PathBuf,
        /// Why not.
        reason: &'static str,
    },
    /// The newest records are not covered by a checkpoint yet.
    #[error("the audit log is not sealed: {reason}")]
    Unsealed {
        /// What keeps them from being sealed.
        reason: String,
    },
    /// The key-encryption key is not the one that the key store was made with.
    #[error("the key-encryption key does not fit {}: give the one it was made with", path.display())]
    WrongKey {
        /// The file that shows it.
        path: PathBuf,
    },
    /// The key store is damaged or not safe.
    #[error("the key store is not sound at {}: {reason}", path.display())]
    KeyStore {
        /// The file concerned.
        path: PathBuf,
        /// What is wrong there.
        reason: &'static str,
    },
    /// The cryptographic library did not do its part.
    #[error("{action} failed")]
    Crypto {
        /// What was being done.
        action: &'static str,
    },
    /// A legal hold forbids it.
    #[error("legal hold {hold} covers it: have the hold lifted first")]
    Held {
        /// The hold.
        hold: Uuid,
    },
    /// A step of a legal hold that may not be taken.
    #[error("the hold is not changed: {reason}")]
    HoldRefused {
        /// Why not.
        reason: &'static str,
    },
    /// A request to read bodies that may not be decided so.
    #[error("the request is not changed: {reason}")]
    RevealRefused {
        /// Why not.
        reason: &'static str,
    },
    /// Nobody with this name or reference has bodies or references here.
    #[error("no such subject is known to this tenant")]
    NoSubject,
    /// A retention time below what the law asks for.
    #[error("{days} days of retention are below the floor of 183: keep for 183 days or more")]
    BelowFloor {
        /// What was asked for.
        days: u64,
    },
    /// The queue has no room for the call's records.
    #[error("the audit queue is full")]
    Full,
    /// The disk has less free space than the configured floor.
    #[error("the disk of the audit log is nearly full")]
    DiskLow,
    /// A write or sync failed earlier; the log accepts nothing until it is opened again.
    #[error("the audit log stopped after a failed write")]
    Dead,
    /// The log was closed.
    #[error("the audit log is closed")]
    Closed,
}

impl AuditError {
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }
}
