//! The HTTP shell around the pipeline: the only place, beside the relay, that knows Pingora.

mod app;
mod body;
mod downstream;
mod drain;
mod head;

pub use app::{Traffic, refuse};
pub use body::read_body;
pub use downstream::{Downstream, Framing, ReplyHead};
pub use drain::{Drain, InFlight};
pub use head::Head;
