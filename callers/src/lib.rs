//! Who is calling: API keys and JSON Web Tokens.

mod callers;
mod clock;
mod error;
mod grant;
pub mod jwt;
pub mod keys;
mod pattern;
mod secret;
mod stamp;

pub use callers::{Callers, CallersOptions, KeyUse};
pub use clock::Clock;
pub use error::CallersError;
pub use grant::{ADMIN_ROLE, ADMIN_TOKEN_ROLE, Access, AuditRole, Grant, Presented, Refusal, Scope};
pub use keys::Reloaded;
pub use pattern::Pattern;
pub use secret::Secret;
pub use stamp::FileStamp;
