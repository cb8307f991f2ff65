//! Values behind pseudonyms beyond their exchange: encrypted, per tenant and subject, erasable, kept over restarts.
//!
//! A [`Lasting`] takes over what an exchange made and returns at once; a thread of its own seals the values under the
//! subject's key and writes them: to SQLite, under a key of the audit vault, or to PostgreSQL, under a key that stands
//! there too, for several nodes. They are read back for the same subject or conversation
//! ([`Lasting::recall`]), and one by one for an authorised person ([`Lasting::look_up`]), who leaves a record first.

mod backend;
mod error;
mod lasting;
mod local;
mod postgres;
mod sealed;
mod store;
mod writer;
mod written;

pub use error::LastingError;
pub use lasting::{Lasting, LastingOptions, Told};
pub use postgres::SharedOptions;
pub use sealed::{Found, Held, Kept, Owner};
