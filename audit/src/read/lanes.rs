//! Lanes: a log has a second folder for the writer that takes over while the first still ends its calls.
//!
//! Each lane is a log of its own, with its own node id and contiguous sequence. Readers show them as one.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::call::Call;

/// How many writers may be at work at once: one that ends its calls, and its successor.
pub(crate) const LANES: usize = 2;
/// Position in front of the newest record.
pub(super) const NEWEST: u64 = u64::MAX;
/// Position behind the oldest record.
const SPENT: u64 = 0;

/// Folder of a lane; the first is the log's own.
pub(crate) fn lane(dir: &Path, index: usize) -> PathBuf {
    if index == 0 { dir.to_owned() } else { dir.join(format!("lane-{index}")) }
}

/// The folders of all lanes that the log in `dir` can have, in their order; the second need not exist yet.
pub fn lane_folders(dir: &Path) -> Vec<PathBuf> {
    (0..LANES).map(|index| lane(dir, index)).collect()
}

/// The lanes that exist, the first always.
pub(crate) fn lanes(dir: &Path) -> Vec<PathBuf> {
    (0..LANES).map(|index| lane(dir, index)).filter(|path| path == dir || path.is_dir()).collect()
}

/// A place in a listing: in each lane, the record before which older ones stand. Written as numbers with dots
/// between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(Vec<u64>);

/// A text that is no place in a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a place in a listing")]
pub struct NotACursor;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, position) in self.0.iter().enumerate() {
            write!(f, "{}{position}", if index == 0 { "" } else { "." })?;
        }
        Ok(())
    }
}

impl FromStr for Cursor {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Self, NotACursor> {
        let positions: Result<Vec<u64>, _> = text.split('.').map(str::parse).collect();
        positions.ok().filter(|positions| positions.len() <= LANES).map(Self).ok_or(NotACursor)
    }
}

/// Puts the newest calls of several lanes in one order.
pub(super) struct Merge {
    lanes: Vec<Lane>,
}

struct Lane {
    /// Where this page begins.
    from: u64,
    /// Calls, newest last.
    calls: Vec<Call>,
    /// Where the lane goes on once all its calls are taken.
    rest: u64,
    /// Where the next page begins.
    next: u64,
}

impl Merge {
    pub(super) fn new(lanes: usize, after: Option<&Cursor>) -> Self {
        // A lane that came into being after the page before is newer than all of it: it is not gone back to.
        let from =
            |index: usize| after.map_or(NEWEST, |cursor| cursor.0.get(index).copied().unwrap_or(SPENT));
        let lane =
            |index: usize| Lane { from: from(index), calls: Vec::new(), rest: SPENT, next: from(index) };
        Self { lanes: (0..lanes).map(lane).collect() }
    }

    /// Where to read a lane from; none when all of it was shown.
    pub(super) fn from(&self, index: usize) -> Option<u64> {
        self.lanes.get(index).map(|lane| lane.from).filter(|from| *from != SPENT)
    }

    /// The calls of a lane, newest first, and where it goes on.
    pub(super) fn add(&mut self, index: usize, mut calls: Vec<Call>, next: Option<u64>) {
        calls.reverse();
        if let Some(lane) = self.lanes.get_mut(index) {
            lane.rest = next.unwrap_or(SPENT);
            lane.calls = calls;
        }
    }

    /// The newest calls of all, newest first, and where the next page begins.
    pub(super) fn newest(mut self, most: usize) -> (Vec<Call>, Option<Cursor>) {
        let mut calls = Vec::new();
        while calls.len() < most {
            let newest = self.lanes.iter_mut().filter(|lane| !lane.calls.is_empty());
            let newest = newest.max_by_key(|lane| lane.calls.last().map(Call::time));
            let Some((lane, call)) = newest.and_then(|lane| lane.calls.pop().map(|call| (lane, call))) else {
                break;
            };
            lane.next = call.intent.node_seq;
            calls.push(call);
        }
        let places: Vec<u64> =
            self.lanes.iter().map(|lane| if lane.calls.is_empty() { lane.rest } else { lane.next }).collect();
        let more = places.iter().any(|place| *place != SPENT);
        (calls, more.then_some(Cursor(places)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_is_written() {
        for text in ["7", "7.0", "0.18446744073709551615"] {
            assert_eq!(text.parse::<Cursor>().unwrap().to_string(), text);
        }
        for text in ["", ".", "a", "1.2.3", "-1"] {
            assert_eq!(text.parse::<Cursor>(), Err(NotACursor), "{text}");
        }
    }
}
