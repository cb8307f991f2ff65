//! Where rows are written to: what an indexer asks of a database.

use crate::batch::{Batch, LaneId, Watermark};
use crate::error::IndexError;

/// A database that takes rows. Used by one indexer, on a thread of its own, so it may wait for its database.
pub trait Store: Send {
    /// How far a lane is indexed; the default for a lane that is new.
    ///
    /// # Errors
    /// When the database fails.
    fn watermark(&mut self, lane: LaneId) -> Result<Watermark, IndexError>;

    /// Writes a batch and moves the position, both or neither; the new position.
    ///
    /// # Errors
    /// [`IndexError::Moved`] when the position is not the one the batch follows; [`IndexError::Conflict`] when a
    /// record is indexed already with other content; otherwise when the database fails, and then it is not known
    /// whether the batch was written: the position must be read again.
    fn apply(&mut self, batch: &Batch) -> Result<Watermark, IndexError>;

    /// Makes ready for another try after a failure: connects anew, or rebuilds what is damaged.
    ///
    /// # Errors
    /// When the database still fails.
    fn restore(&mut self, failure: &IndexError) -> Result<(), IndexError>;

    /// Deletes all that is indexed of one log, so that it is indexed again from its beginning.
    ///
    /// # Errors
    /// When the database fails.
    fn clear(&mut self, source: uuid::Uuid) -> Result<(), IndexError>;

    /// Takes a person's data out of the rows; how many calls it changed. May be repeated. The indexer does the same
    /// when it meets the erasure's record.
    ///
    /// # Errors
    /// When the database fails.
    fn erase(&mut self, erasure: &Erasure) -> Result<u64, IndexError>;

    /// Drops calls announced before `time`, and events written before it; how many calls.
    ///
    /// # Errors
    /// When the database fails.
    fn drop_before(&mut self, time: crate::Micros) -> Result<u64, IndexError>;
}

/// A subject whose data is to be taken out of the index.
#[derive(Clone, PartialEq, Eq)]
pub struct Erasure {
    /// Tenant of the subject.
    pub tenant: String,
    /// The subject's random reference.
    pub subject_ref: String,
    /// When it was decided.
    pub time: crate::Micros,
}
