//! The record: one envelope for every kind, one body under the key named as the kind.
//!
//! Spelled as canonical JSON (RFC 8785): keys sorted, no spaces, no floats; at most [`MAX_RECORD`] bytes.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::event::{AdminEvent, Erasure, Export, Hold, KeyEvent, Reveal, Review};
use crate::exchange::{Completion, Intent};
use crate::text::{Stamp, Text};

/// Version of the record's shape.
pub const SCHEMA: u32 = 1;
/// Most bytes of a record's JSON.
pub const MAX_RECORD: usize = 4096;

/// One record of the log.
// INVARIANT: fields are declared in the order of their names, which makes the JSON canonical.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Body of an `abandoned` record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abandoned: Option<Abandoned>,
    /// Body of an `admin` record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admin: Option<AdminEvent>,
    /// The run of the writer, new at every open.
    pub boot_id: Uuid,
    /// How far the wall clock has moved against the monotonic clock since the boot, in microseconds.
    pub clock_offset_us: i64,
    /// Body of a `completion`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completion: Option<Completion>,
    /// Body of an `erasure` record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erasure: Option<Erasure>,
    /// Body of an `export` record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub export: Option<Export>,
    /// Body of a `gap` record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<Gap>,
    /// Body of a `hold` record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// Body of an `intent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<Intent>,
    /// For a completion or an abandoned record: the `record_id` of its intent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent_id: Option<Uuid>,
    /// Body of a `key` record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<KeyEvent>,
    /// What the record is.
    pub kind: Kind,
    /// Microseconds since the boot.
    pub monotonic_us: u64,
    /// The node that wrote it.
    pub node_id: Text,
    /// Position in the node's log; contiguous from 1, across boots.
    pub node_seq: u64,
    /// The record's own id, a UUIDv7.
    pub record_id: Uuid,
    /// Body of a `reveal` record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reveal: Option<Reveal>,
    /// Body of a `review` record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<Review>,
    /// [`SCHEMA`].
    pub schema: u32,
    /// Whether detail was left out, to stay within [`MAX_RECORD`] or because the disk was low.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shed: bool,
    /// The tenant; empty for records of the node itself.
    pub tenant: Text,
    /// Wall-clock time in UTC at which the record was handed to the log.
    pub time: Stamp,
}

impl Record {
    /// Reads one record's JSON.
    ///
    /// # Errors
    /// When the bytes are not a record of a known schema.
    pub fn parse(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        let mut record: Self = serde_json::from_slice(bytes)?;
        if record.schema != SCHEMA {
            return Err(serde::de::Error::custom("unknown record schema"));
        }
        if let Some(intent) = &mut record.intent {
            intent.record_id = record.record_id;
            intent.tenant = record.tenant.clone();
        }
        Ok(record)
    }
}

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A call is about to be made.
    Intent,
    /// A call ended.
    Completion,
    /// A call's end was never reported.
    Abandoned,
    /// Calls went unrecorded.
    Gap,
    /// A policy, key, role or catalogue changed.
    Admin,
    /// A body was revealed.
    Reveal,
    /// A review changed.
    Review,
    /// Records were exported.
    Export,
    /// A subject was erased.
    Erasure,
    /// A legal hold was placed or lifted.
    Hold,
    /// A key of the log was made or destroyed.
    Key,
}

impl Kind {
    /// The word the record uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Intent => "intent",
            Self::Completion => "completion",
            Self::Abandoned => "abandoned",
            Self::Gap => "gap",
            Self::Admin => "admin",
            Self::Reveal => "reveal",
            Self::Review => "review",
            Self::Export => "export",
            Self::Erasure => "erasure",
            Self::Hold => "hold",
            Self::Key => "key",
        }
    }
}

/// Why a call has no completion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Abandoned {
    /// How it was found.
    pub reason: Reason,
}

/// How an abandoned call was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The process ended before the call did; found when the log was opened again.
    Recovery,
    /// The call was dropped without a report, for example by a panic.
    Dropped,
}

/// Calls that were answered without a record, in mode `observe`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// How many in all.
    pub calls: u64,
    /// Because the log had stopped after a failed write.
    pub dead: u64,
    /// Because the disk was low.
    pub disk_low: u64,
    /// When the first one passed.
    pub first: Stamp,
    /// Because the queue was full.
    pub full: u64,
    /// When the last one passed.
    pub last: Stamp,
}
