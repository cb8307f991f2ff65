//! How a stream is treated, and why one can't go on.

use thiserror::Error;
use weir_policies::reply::Delta;

/// How a stream is treated.
#[derive(Clone, Copy, Debug)]
pub struct StreamOptions {
    /// Whether the client asked for usage; otherwise it is kept from it.
    pub client_wants_usage: bool,
    /// Whether any control looks at the reply.
    pub inspect: Inspect,
}

/// Whether the texts of a stream are decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inspect {
    /// Every text is shown to the controls.
    Yes,
    /// Events are only searched for their end and for usage.
    No,
}

/// A control refused the text: the stream must be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut;

/// Why a stream can't go on. What was already clean comes out with [`crate::StreamReply::cut`] or
/// [`crate::StreamReply::broken`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StreamFault {
    /// A control refused; `StreamReply::cut` ends the stream.
    #[error("a control refused the stream")]
    Cut,
    /// An event is longer than allowed.
    #[error("an event of the stream is longer than {most} bytes")]
    EventTooLarge {
        /// The limit in bytes.
        most: usize,
    },
    /// An event's data is not JSON.
    #[error("an event of the stream is malformed: {reason}")]
    Malformed {
        /// What is wrong, without any of the data.
        reason: &'static str,
    },
}

/// Looks at a delta, may change it, or refuses it.
pub type Judge<'j> = dyn FnMut(&mut Delta) -> Result<(), Cut> + 'j;
