//! Whether every call that came in is in the log, ended, and in the index: counts, and what they say.

use std::collections::HashSet;
use std::path::Path;

use uuid::Uuid;

use crate::error::AuditError;
use crate::read::{self, LANES, lane};
use crate::record::{Kind, Record};

/// What one lane of a log holds, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Number of the lane.
    pub lane: usize,
    /// Records in all.
    pub records: u64,
    /// `node_seq` of the oldest record that is kept.
    pub first_seq: u64,
    /// `node_seq` of the newest record.
    pub last_seq: u64,
    /// Calls announced.
    pub intents: u64,
    /// Calls that ended with a report.
    pub completions: u64,
    /// Calls whose end was never reported.
    pub abandoned: u64,
    /// Calls announced and not yet ended.
    pub open: u64,
    /// Ends whose intent is not there, or that came twice. Only retention explains one, where `first_seq` is not 1.
    pub strays: u64,
    /// Calls that `gap` records say went unrecorded.
    pub unrecorded: u64,
}

/// Counts what each lane of the log in `dir` holds, in one pass. Memory grows with the open calls only.
///
/// # Errors
/// As [`read::iterate`]: a damaged log is not counted.
pub fn count(dir: &Path) -> Result<Vec<Counts>, AuditError> {
    let folders = (0..LANES).map(|index| (index, lane(dir, index)));
    let existing = folders.filter(|(index, folder)| *index == 0 || folder.is_dir());
    existing.map(|(index, folder)| count_lane(index, &folder)).collect()
}

fn count_lane(index: usize, folder: &Path) -> Result<Counts, AuditError> {
    let mut counts = Counts { lane: index, ..Counts::default() };
    let mut open = HashSet::new();
    for record in read::iterate(folder)? {
        counts.add(&record?, &mut open);
    }
    counts.open = open.len() as u64;
    Ok(counts)
}

impl Counts {
    fn add(&mut self, record: &Record, open: &mut HashSet<Uuid>) {
        if self.records == 0 {
            self.first_seq = record.node_seq;
        }
        self.last_seq = record.node_seq;
        self.records += 1;
        match record.kind {
            Kind::Intent => {
                self.intents += 1;
                open.insert(record.record_id);
            }
            Kind::Completion | Kind::Abandoned => {
                let of_call = record.intent_id.is_some_and(|id| open.remove(&id));
                let count = match (of_call, record.kind) {
                    (false, _) => &mut self.strays,
                    (true, Kind::Completion) => &mut self.completions,
                    (true, _) => &mut self.abandoned,
                };
                *count += 1;
            }
            Kind::Gap => self.unrecorded += record.gap.as_ref().map_or(0, |gap| gap.calls),
            _ => {}
        }
    }
}

/// What is to be held against each other, all since the same moment and taken at the same moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// Calls that the gateway took in to be recorded.
    pub calls_in: u64,
    /// Calls that passed without a record and are counted in `gap` records, in mode `observe` only.
    pub unrecorded: u64,
    /// Intents in the log.
    pub intents: u64,
    /// Completions in the log.
    pub completions: u64,
    /// Abandoned calls in the log.
    pub abandoned: u64,
    /// Calls announced and not yet ended.
    pub open: u64,
    /// Calls in the index; `None` where there is none.
    pub indexed: Option<u64>,
}

/// What the counts say. A difference is positive where something is missing, negative where there is too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Calls in = intents + unrecorded; intents = completions + abandoned + open = indexed.
    Complete,
    /// The counts disagree.
    Differs {
        /// Calls without an intent and without a place in a gap record.
        unannounced: i128,
        /// Intents that neither ended nor are open.
        unended: i128,
        /// Intents that the index doesn't have yet.
        unindexed: i128,
    },
}

impl Flow {
    /// Holds the counts against each other.
    pub fn verdict(&self) -> Verdict {
        let missing = |whole: u64, parts: &[u64]| {
            i128::from(whole) - parts.iter().map(|part| i128::from(*part)).sum::<i128>()
        };
        let unannounced = missing(self.calls_in, &[self.intents, self.unrecorded]);
        let unended = missing(self.intents, &[self.completions, self.abandoned, self.open]);
        let unindexed = self.indexed.map_or(0, |indexed| missing(self.intents, &[indexed]));
        if (unannounced, unended, unindexed) == (0, 0, 0) {
            return Verdict::Complete;
        }
        Verdict::Differs { unannounced, unended, unindexed }
    }
}

impl Extend<Counts> for Flow {
    /// Adds what lanes hold.
    fn extend<T: IntoIterator<Item = Counts>>(&mut self, lanes: T) {
        for counts in lanes {
            self.intents += counts.intents;
            self.completions += counts.completions;
            self.abandoned += counts.abandoned;
            self.open += counts.open;
            self.unrecorded += counts.unrecorded;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_held_against_each_other() {
        let check = |flow: Flow, expect: (i128, i128, i128)| {
            let (unannounced, unended, unindexed) = expect;
            let differs = Verdict::Differs { unannounced, unended, unindexed };
            assert_eq!(
                flow.verdict(),
                if expect == (0, 0, 0) { Verdict::Complete } else { differs },
                "{flow:?}"
            );
        };
        let good = Flow {
            calls_in: 10,
            unrecorded: 1,
            intents: 9,
            completions: 6,
            abandoned: 1,
            open: 2,
            indexed: Some(9),
        };
        check(good, (0, 0, 0));
        check(Flow { indexed: None, ..good }, (0, 0, 0));
        check(Flow { calls_in: 11, ..good }, (1, 0, 0));
        check(Flow { calls_in: 9, ..good }, (-1, 0, 0));
        check(Flow { open: 1, ..good }, (0, 1, 0));
        check(Flow { completions: 7, ..good }, (0, -1, 0));
        check(Flow { indexed: Some(7), ..good }, (0, 0, 2));
        check(Flow { intents: 8, ..good }, (1, -1, -1));
        check(
            Flow { intents: u64::MAX, ..good },
            (10 - 1 - i128::from(u64::MAX), i128::from(u64::MAX) - 9, i128::from(u64::MAX) - 9),
        );
    }
}
