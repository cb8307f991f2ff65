//! What the model said and what the client read so far, for citations that come later.

use std::collections::HashMap;

use crate::offsets::Shifts;

/// Citations of longer answers keep the places they came with, in bytes.
const LONGEST: usize = 256 << 10;

/// The answers of a stream, by choice or item and content part. There is no `Debug`: they are the user's.
#[derive(Default)]
pub struct Spoken(HashMap<(u32, u32), (String, String)>);

impl Spoken {
    /// The answer at a place goes on: what came, and what became of it.
    pub fn add(&mut self, place: (u32, u32), came: &str, became: &str) {
        let (before, after) = self.0.entry(place).or_default();
        if before.len() + after.len() <= LONGEST {
            before.push_str(came);
            after.push_str(became);
        }
    }

    /// What became of the answer at a place so far.
    pub fn shifts(&self, place: (u32, u32)) -> Option<Shifts> {
        let (before, after) = self.0.get(&place)?;
        (before.len() + after.len() <= LONGEST).then(|| Shifts::between(before, after))
    }
}
