//! Wire formats: JSON slots, server-sent events, the OpenAI dialect.
//!
//! Everything here is pure: bytes in, bytes and slots out. Bodies are walked whole under a table that says
//! what each place holds ([`shape`]); what controls edit is spliced into the original bytes.

mod endpoint;
mod fields;
mod invalid;
pub mod json;
pub mod path;
mod request;
pub mod shape;
mod slots;
pub mod walk;

pub use endpoint::{Endpoint, RouteError};
pub use invalid::{Invalid, Limits};
pub use request::{AskUsage, Request, Rewrite};
mod stub; pub use stub::*;
