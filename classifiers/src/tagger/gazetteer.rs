//! Words of known names and places. Only their hashes are kept.
//!
//! What each of the eight lists is, `training/generate/gazetteer.py` decides; the model learns what a
//! list means.

use super::hash::Table;

/// The list of months and days of the week.
pub const CALENDAR: u8 = 1 << 5;

/// From the hash of a word to the lists it stands on.
#[derive(Clone, Default)]
pub struct Gazetteer {
    table: Table,
    lists: Vec<u8>,
}

impl Gazetteer {
    /// A gazetteer of `hashes` with, at the same place, their lists.
    pub fn new(hashes: &[u32], lists: Vec<u8>) -> Self {
        Self { table: Table::new(hashes), lists }
    }

    /// The lists, as bits, that the word of this hash stands on.
    pub fn lists(&self, word: u32) -> u8 {
        self.table.find(word).and_then(|place| self.lists.get(place)).copied().unwrap_or(0)
    }
}
