//! The fast tagger first, and the accurate one where the fast one is unsure.

use std::ops::Range;

use crate::detectors::{Deadline, Source, Unsearched};
use crate::tagger::{CUT, Tagger};
use crate::windows::Cut;
use crate::{AccurateTagger, EntityType, Finding};

/// What the accurate tagger reads at a time, some hundred word pieces. Where nothing in the core is unsure it
/// isn't read again.
const AGAIN: Cut = Cut { core: 320, margin: 120 };

/// Both taggers.
pub(crate) struct Cascade {
    fast: Tagger,
    accurate: AccurateTagger,
}

impl Cascade {
    /// Both shipped taggers, where both can be made ready.
    pub fn shipped() -> Option<Self> {
        Some(Self { fast: Tagger::shipped().ok()?, accurate: AccurateTagger::shipped().ok()? })
    }
}

impl Source for Cascade {
    fn types(&self) -> &[EntityType] {
        self.fast.types()
    }

    fn find(&self, text: &str, deadline: Deadline) -> Result<Vec<Finding>, Unsearched> {
        let mut found: Vec<Finding> = Vec::new();
        let mut unsure: Vec<Range<usize>> = Vec::new();
        for window in CUT.windows(text) {
            deadline.check()?;
            let (here, doubts) = self.fast.find_and_doubt(text.get(window.read.clone()).unwrap_or_default());
            found.extend(window.own(here));
            let by = window.read.start;
            let moved = doubts.into_iter().map(|it| it.start + by..it.end + by);
            unsure.extend(moved.filter(|it| window.core.contains(&it.start)));
        }
        if unsure.is_empty() {
            return Ok(found);
        }
        let mut settled: Vec<Finding> = Vec::with_capacity(found.len());
        let mut found = found.into_iter().peekable();
        let mut unsure = unsure.into_iter().peekable();
        for window in AGAIN.windows(text) {
            let end = window.core.end;
            let own: Vec<Finding> = std::iter::from_fn(|| found.next_if(|it| it.range.start < end)).collect();
            let doubts = std::iter::from_fn(|| unsure.next_if(|it| it.start < end)).count();
            if doubts == 0 {
                settled.extend(own);
                continue;
            }
            let again = self.accurate.find(text.get(window.read.clone()).unwrap_or_default(), deadline)?;
            settled.extend(window.own(again));
        }
        Ok(settled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unsure_stretches_are_read_again() {
        let cascade = Cascade::shipped().unwrap();
        // Nothing to doubt: what the fast tagger says stands.
        let plain = "the quick brown fox jumps over the lazy dog. ".repeat(20);
        assert_eq!(
            cascade.find(&plain, Deadline::NEVER),
            Source::find(&cascade.fast, &plain, Deadline::NEVER)
        );
        // Someone unknown somewhere in a long text is found all the same.
        let text = format!("{plain}Dear Mrs Margaret Thompson, {plain}");
        let found = cascade.find(&text, Deadline::NEVER).unwrap();
        let name = found.iter().find(|it| it.entity == EntityType::Person).unwrap();
        assert!(text.get(name.range.clone()).unwrap().contains("Thompson"));
    }

    #[test]
    fn findings_are_in_order_and_on_characters() {
        let cascade = Cascade::shipped().unwrap();
        let line = "é user: jdoe42, Frau Ingrid Bauer aus Köln (47 Jahre), will or may? 漢字 ";
        let text = line.repeat(40);
        let mut last = 0;
        for found in cascade.find(&text, Deadline::NEVER).unwrap() {
            assert!(found.range.start >= last && text.get(found.range.clone()).is_some());
            last = found.range.start;
        }
    }
}
