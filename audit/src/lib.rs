//! Append-only audit log: records, durable writer, recovery, reading.
//!
//! A call leaves two records: an [`Intent`], durable before the upstream is called, and a
//! [`Completion`] after it. [`Log`] writes them, [`read`] finds them again.

mod canonical;
pub mod completeness;
mod disk;
mod encode;
mod error;
pub mod event;
pub mod exchange;
pub mod export;
mod log;
mod options;
mod queue;
pub mod read;
pub mod record;
mod recover;
mod segment;
mod text;
mod writer;

pub use disk::{Disk, LocalDisk, SegmentFile};
pub use error::AuditError;
pub use event::{AdminEvent, Event};
pub use exchange::{Completion, Decision, Intent};
pub use log::{Log, Stats, Ticket};
pub use options::{Ambient, Group, Mode, Options, System, Verify};
pub use record::Record;
pub use recover::Recovery;
pub use text::{PicoUsd, Quantity, Stamp, Text};
