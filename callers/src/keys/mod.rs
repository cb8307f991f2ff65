//! API keys: made once, shown once, stored as digests.

mod file;
pub(crate) mod mint;
mod ring;
mod store;

pub use file::{Created, KeyFile, NewKey};
pub use mint::PREFIX;
pub(crate) use ring::KeyRing;
pub use ring::Reloaded;
pub use store::StoredKey;
