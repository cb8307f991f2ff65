//! The three clocks of a relayed exchange: whole, first byte, and silence in between.

use std::time::Duration;

use tokio::time::Instant;

/// When waiting ends.
#[derive(Clone, Copy)]
pub struct Deadlines {
    /// The exchange must be over.
    pub total: Instant,
    /// From sending a request to the first byte of its reply.
    pub first_byte: Duration,
    /// Between two reads of a reply.
    pub idle: Duration,
}

impl Deadlines {
    /// When the first byte must be there, if the request is sent now.
    pub fn for_first_byte(&self) -> Instant {
        self.total.min(Instant::now() + self.first_byte)
    }

    /// When the next read must be over.
    pub fn for_read(&self) -> Instant {
        self.total.min(Instant::now() + self.idle)
    }
}
