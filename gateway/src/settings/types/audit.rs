//! Settings of the audit log and of what stands behind it.

use std::{path::PathBuf, time::Duration};

use weir_audit::{Retention, proof::keys::VerifierKey};
use weir_sinks::{SinkSettings, TlsSettings};

use super::Secret;

/// The audit log.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditSettings {
    /// What happens when it can't keep up; a route may say otherwise for itself.
    pub mode: AuditMode,
    /// Folder of the segments.
    pub dir: PathBuf,
    /// Bytes after which a segment is closed.
    pub segment: u64,
    /// Bytes that must stay free on the disk.
    pub min_free: u64,
    /// Name of the log in its checkpoints; `weir/` and the node's id without one.
    pub origin: Option<String>,
    /// Whether bodies are kept, encrypted.
    pub bodies: BodyUse,
    /// Longest body that is kept, in bytes.
    pub max_body: usize,
    /// Memory for the bodies of all streams under way, in bytes; beyond it bodies are left out.
    pub max_streams: usize,
    /// Folder of the keys to bodies and of the key that signs checkpoints; never inside that of the log.
    pub keys: PathBuf,
    /// File of the key-encryption key; `kek` in the folder of keys without one.
    pub kek: Option<PathBuf>,
    /// How long records and bodies are kept.
    pub retention: Retention,
    /// A second place that remembers the last checkpoint.
    pub anchor: Option<AnchorSettings>,
    /// Witnesses that are asked to cosign checkpoints.
    pub witnesses: Vec<WitnessSettings>,
    /// Where calls are looked up.
    pub index: IndexSettings,
    /// What stands behind pseudonyms; its values are sealed by the keys that bodies are.
    pub pseudonyms: PseudonymSettings,
    /// Who gets the records outside.
    pub sinks: Vec<SinkSettings>,
    /// What it takes to read bodies.
    pub reveal: RevealSettings,
}

impl AuditSettings {
    /// Folder of the encrypted bodies: beside that of the segments.
    #[must_use]
    pub fn bodies_dir(&self) -> PathBuf {
        self.dir.with_file_name("bodies")
    }

    /// File of the SQLite index.
    #[must_use]
    pub fn index_file(&self) -> PathBuf {
        self.dir.with_file_name("index.sqlite")
    }
}

/// What it takes to read the bodies of a call, beside a role and a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RevealSettings {
    /// Whether another person has to agree.
    pub second_person: SecondPerson,
    /// How long a request waits for that, and how long the permission then lasts.
    pub expires: Duration,
}

/// Whether another person has to agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondPerson {
    /// Each call's bodies are read with the consent of a second reviewer, and not searched at all.
    Required,
    /// One person's reason is enough.
    None,
}

/// What stands behind pseudonyms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PseudonymSettings {
    /// Where values are kept beyond their exchange.
    pub vault: PseudonymVault,
    /// How long a value is kept after it was last used.
    pub retention: Duration,
    /// File of the SQLite database.
    pub file: PathBuf,
    /// Folder of the secret that pseudonyms are made with.
    pub secret_dir: PathBuf,
}

/// Where values are kept beyond their exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PseudonymVault {
    /// Nowhere.
    None,
    /// In a file of the data folder.
    Sqlite,
    /// In PostgreSQL, for all nodes that have the same secret.
    Postgres {
        /// URL of the database of the values.
        values: Secret,
        /// URL of the database of their keys.
        keys: Secret,
    },
}

/// When an exchange may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditMode {
    /// Intent durable before the upstream is called; the exchange ends only once the completion is durable too,
    /// though the reply has gone out by then.
    Strict,
    /// Intent durable before the upstream is called, completion queued in reserved room.
    Bounded,
    /// Recorded as well as possible; never refuses traffic.
    Observe,
}

/// Whether bodies are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyUse {
    /// Encrypted, with a key for each data subject.
    Keep,
    /// Not at all.
    None,
}

/// A second place that remembers the last checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnchorSettings {
    /// A folder, best on another machine's disk.
    Folder(PathBuf),
    /// A PostgreSQL database, by its URL.
    Postgres(Secret),
}

/// A witness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WitnessSettings {
    /// The key its cosignatures are checked with.
    pub key: VerifierKey,
    /// Its address, `https` or `http`: what it says is signed. `/add-checkpoint` follows.
    pub url: String,
    /// Whom to trust, over `https`.
    pub tls: TlsSettings,
}

/// Where calls are looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IndexSettings {
    /// A file beside the log.
    Sqlite,
    /// A PostgreSQL database, by its URL.
    Postgres(Secret),
}
