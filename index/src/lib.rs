//! Index of the audit log: what was called, by whom, with what outcome, found by filter in milliseconds.
//!
//! The log is the truth; an [`Indexer`] follows it and writes rows into SQLite or PostgreSQL, off every request's
//! path. The index may be thrown away and built anew at any time.

mod batch;
mod error;
mod follow;
mod index;
mod indexer;
mod postgres;
mod query;
mod row;
mod sql;
mod sqlite;
mod store;
mod value;

pub use batch::{Batch, LaneId, Watermark};
pub use error::IndexError;
pub use follow::{Lane, Until, source_of};
pub use index::{Index, Place};
pub use indexer::{Indexer, LaneState, Settings, State, catch_up, reindex};
pub use postgres::{PostgresIndex, PostgresSettings, PostgresStore};
pub use query::{
    CallPage, CallState, Completeness, Cursor, EventPage, EventQuery, Group, MAX_IDS, MAX_PAGE, Page, Query,
    Scope, Totals,
};
pub use row::{Announced, CallRow, End, EventRow, HitRow, Hits, Marks};
pub use sqlite::{SqliteIndex, SqliteStore};
pub use store::{Erasure, Store};
pub use value::{LeafHash, Micros, Pico};
