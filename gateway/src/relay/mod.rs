//! Our own relay: sends a request to an upstream and hands its reply over, chunk by chunk.

mod call;
mod connections;
mod deadline;
mod failover;
mod gather;
mod source;
mod whole;
mod wire;

pub use call::{Call, forwarded};
pub use connections::Connections;
pub use deadline::Deadlines;
pub use failover::{Attempt, Opened, Order, open};
pub use source::{Broken, Source};
pub use whole::{collect, whole};
