//! Append-only audit log: records, durable writer, recovery, reading.
//!
//! A call leaves two records: an [`Intent`], durable before the upstream is called, and a
//! [`Completion`] after it. [`Log`] writes them, [`read`] finds them again. [`vault`] keeps the bodies, encrypted.

pub mod bundle;
mod canonical;
pub mod completeness;
mod disk;
mod encode;
mod error;
pub mod event;
pub mod exchange;
pub mod export;
mod folder;
mod hold;
mod log;
mod options;
pub mod proof;
mod queue;
pub mod read;
pub mod record;
mod recover;
mod retention;
mod reveals;
mod sealed;
mod segment;
mod text;
mod ticket;
pub mod vault;
pub mod verify;
mod writer;

pub use disk::{Disk, LocalDisk, SegmentFile};
pub use error::AuditError;
pub use event::{AdminEvent, Event};
pub use exchange::{Completion, Decision, Intent};
pub use hold::{Holds, Stage, Standing};
pub use log::{Log, Stats};
pub use options::{Ambient, Group, Mode, Options, System, Verify};
pub use record::Record;
pub use recover::Recovery;
pub use retention::{Keep, Pruned, Retention, prune};
pub use reveals::{Denial, RevealRequest, RevealStage, Reveals};
pub use text::{PicoUsd, Quantity, Stamp, Text};
pub use ticket::Ticket;
pub use vault::{Bodies, BodyKind, Vault, VaultOptions};
