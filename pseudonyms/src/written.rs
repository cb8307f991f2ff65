//! What was written a short while ago, so that a value that each exchange has isn't written by each.

use std::collections::HashMap;

use crate::sealed::Row;

/// A value that was written so recently is not written again.
const FRESH: u64 = 3600;
/// Most values that are known to be written.
const KNOWN: usize = 65_536;

/// When rows were written, by owner and name, in seconds since 1970.
#[derive(Default)]
pub(crate) struct Written(HashMap<([u8; 16], [u8; 32]), u64>);

impl Written {
    pub(crate) fn is_fresh(&self, place: ([u8; 16], [u8; 32]), now: u64) -> bool {
        self.0.get(&place).is_some_and(|at| now.saturating_sub(*at) < FRESH)
    }

    pub(crate) fn note(&mut self, rows: &[Row], now: u64) {
        if self.0.len() > KNOWN {
            self.0.clear();
        }
        self.0.extend(rows.iter().map(|row| ((row.owner, row.name), now)));
    }

    pub(crate) fn forget(&mut self, owner: [u8; 16]) {
        self.0.retain(|(known, _), _| *known != owner);
    }
}
