//! Where values are kept, as the thread that writes and whoever reads see it.

use std::collections::HashSet;
use std::time::Instant;

use crate::error::LastingError;
use crate::lasting::Told;
use crate::sealed::{Found, Held, Kept, Owner};

/// A place that keeps values. Its functions wait for it, so they are called where waiting is allowed.
pub(crate) trait Backend: Send + Sync {
    /// Seals and writes a batch, all of it or nothing; which exchanges' values are not kept after all, because they
    /// belong to what was erased.
    fn write(&self, batch: &Batch, now: u64) -> Result<HashSet<usize>, LastingError>;

    /// Notes how this node knows a subject whose values it has read.
    fn meet(&self, owner: &Owner) -> Result<(), LastingError>;

    /// What was kept for the same subject or in the same conversation, and whether the subject is met.
    fn recall(&self, owner: &Owner) -> Result<(Vec<Kept>, bool), LastingError>;

    /// What was tied.
    fn follow(&self, tenant: (&str, [u8; 32]), tie: [u8; 32]) -> Result<Vec<(Kept, Held)>, LastingError>;

    /// What is known of a pseudonym.
    fn look_up(&self, tenant: (&str, [u8; 32]), name: [u8; 32]) -> Result<Vec<Found>, LastingError>;

    /// Deletes the values of a subject, by the reference that this node's records have, and by its name where that is
    /// known; how many.
    fn forget(&self, reference: [u8; 16], owner: Option<&Owner>) -> Result<u64, LastingError>;

    /// Deletes what was last used before a time; how many.
    fn prune(&self, before: i64) -> Result<u64, LastingError>;
}

/// What is written at once.
#[derive(Default)]
pub(crate) struct Batch {
    pub(crate) kept: Vec<Keep>,
    pub(crate) ties: Vec<Tie>,
}

/// Values of one exchange, and who waits for them.
pub(crate) struct Keep {
    pub(crate) owner: Owner,
    pub(crate) names: Vec<Kept>,
    pub(crate) told: Option<Told>,
    /// When they were handed over.
    pub(crate) came: Instant,
}

/// Pseudonyms of one exchange, and those that it took over from an earlier one, by what a later one may name.
pub(crate) struct Tie {
    pub(crate) tie: [u8; 32],
    pub(crate) owner: Owner,
    pub(crate) names: Vec<[u8; 32]>,
    pub(crate) held: Vec<Held>,
}

impl Batch {
    pub(crate) fn len(&self) -> usize {
        self.kept.len() + self.ties.len()
    }
}
