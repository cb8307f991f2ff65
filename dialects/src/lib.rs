//! Wire formats: JSON slots, server-sent events, the OpenAI dialect.
//!
//! Everything here is pure: bytes in, bytes and slots out. Bodies are walked whole under a table that says
//! what each place holds ([`shape`]); what controls edit is spliced into the original bytes.

mod endpoint;
pub mod error;
mod fields;
mod invalid;
pub mod json;
mod leaves;
mod offsets;
pub mod path;
mod reply;
mod request;
pub mod shape;
mod slots;
pub mod sse;
mod stream;
mod summary;
pub mod walk;

pub use endpoint::{Endpoint, RouteError};
pub use fields::Origin;
pub use invalid::{Invalid, Limits};
pub use leaves::Answer;
pub use reply::Reply;
pub use request::{AskUsage, Request, Rewrite};
pub use stream::{Cut, Inspect, Judge, StreamFault, StreamOptions, StreamReply};
pub use summary::Summary;
