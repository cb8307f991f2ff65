//! Values behind pseudonyms beyond their exchange: encrypted, per tenant and subject, erasable, kept over restarts.
//!
//! A [`Lasting`] takes over what an exchange made and returns at once; a thread of its own seals the values under the
//! subject's key in the audit vault and writes them to SQLite. They are read back for the same subject or conversation
//! ([`Lasting::recall`]), and one by one for an authorised person ([`Lasting::look_up`]), who leaves a record first.

mod error;
mod lasting;
mod sealed;
mod store;
mod writer;

pub use error::LastingError;
pub use lasting::{Lasting, LastingOptions, Told};
pub use sealed::{Found, Held, Kept, Owner};
