//! Lets a text that arrives in pieces be searched for personal data, holding back only its end.
//!
//! The text is decided in blocks of a few words. A block is searched together with what stands before it and
//! with what follows it, always the same stretch of text however the pieces were cut, so a detector may be
//! anything: the result is the same for every cutting. A value that reaches the end of the stretch makes it
//! longer, so long values are found whole.

use std::ops::Range;

use weir_classifiers::Finding;

use crate::nesting::{Nesting, Place, Stands};
use crate::pseudonym::{Ended, escaped, quoted};
use crate::screen::Piece;
use crate::slot::Kind;
use crate::unescape::{is_fill, unescape};

/// A block ends at the first white space from here on, in bytes.
const BLOCK: usize = 32;
/// A block without white space ends here.
const LONGEST_BLOCK: usize = 96;
/// How much of what follows a block is looked at before it is decided.
const AHEAD: usize = 128;
/// How far that grows while a value goes on.
const FARTHEST: usize = 8 << 10;
/// How much of what stands before a block is looked at again.
const CONTEXT: usize = 96;

/// The state of one channel. No `Debug`: it holds text of the reply.
#[derive(Default)]
pub(crate) struct Window {
    /// Context that has been decided, then text that has not.
    buffer: String,
    /// What the buffer means, as far as it can be read: the same bytes, or, in JSON source, its escapes
    /// read in place.
    meant: String,
    /// Where the undecided text begins.
    from: usize,
    /// How far values reach that were judged.
    judged: usize,
    /// How far the text has been passed on or replaced: beyond the undecided text's beginning where a value
    /// reaches into it.
    written: usize,
    /// How many bytes before the buffer belong to the word that the buffer begins with.
    before: usize,
    /// Up to here a long word was searched whole, and nothing was found in what is left of it.
    clear: usize,
    /// Where the JSON source ends that has been decided.
    nesting: Nesting,
}

/// Who searches a stretch, and who judges what is found.
pub(crate) trait Inspector {
    /// The findings in a stretch of what the text means; `source` is the same stretch as it is written.
    fn find(&mut self, meant: &str, source: &str) -> Vec<Finding>;
    /// What becomes of a finding, whose text it is: nothing to leave it as it is.
    fn judge(&mut self, finding: &Finding, text: &str) -> Option<String>;
}

/// Whether a character ends a word of the kind that keys, tokens and addresses are.
fn breaks(c: char) -> bool {
    c.is_ascii_whitespace() || matches!(c, '"' | '\'' | '`' | '<' | '>' | '{' | '}' | '|')
}

/// One block and the stretch that was searched for it.
struct Stretch {
    block: Range<usize>,
    findings: Vec<Finding>,
}

impl Window {
    /// Takes the next piece and gives the text that is decided by now, judged and changed.
    pub(crate) fn push(&mut self, piece: Piece<'_>, inspector: &mut dyn Inspector) -> String {
        self.read(piece);
        let mut out = String::with_capacity(piece.text.len());
        while let Some(stretch) = self.stretch((piece.kind, piece.ended), inspector) {
            let end = stretch.block.end;
            self.rewrite(stretch, (piece.kind, &mut *inspector), &mut out);
            self.from = end;
        }
        let drop = self.boundary(self.from.saturating_sub(CONTEXT));
        let gone = self.meant.get(..drop).unwrap_or_default();
        self.before = gone.rfind(breaks).map_or(self.before + drop, |at| drop - at - 1);
        self.clear = self.clear.saturating_sub(drop);
        self.buffer.drain(..drop);
        self.meant.drain(..drop);
        self.from -= drop;
        self.judged = self.judged.saturating_sub(drop);
        self.written = self.written.saturating_sub(drop);
        out
    }

    fn read(&mut self, piece: Piece<'_>) {
        self.buffer.push_str(piece.text);
        let fresh = self.buffer.get(self.meant.len()..).unwrap_or_default();
        let read = if piece.kind == Kind::Arguments { unescape(fresh, &mut self.meant) } else { 0 };
        if piece.kind != Kind::Arguments || piece.ended == Ended::Yes {
            self.meant.push_str(fresh.get(read..).unwrap_or_default());
        }
    }

    /// The next block that can be decided.
    fn stretch(&mut self, (kind, ended): (Kind, Ended), inspector: &mut dyn Inspector) -> Option<Stretch> {
        let length = self.meant.len();
        let end = self.block_end(ended).filter(|end| *end > self.from)?;
        let start = self.boundary(self.from.saturating_sub(CONTEXT));
        let mut ahead = AHEAD;
        loop {
            if ended == Ended::No && length < end + ahead {
                return None;
            }
            let to = self.boundary((end + ahead).min(length));
            let goes_on = to < length || ended == Ended::No;
            if goes_on && ahead < FARTHEST && self.is_within_word(end, to) {
                ahead *= 2;
                continue;
            }
            let mut findings = self.findings(start..to, kind, inspector);
            if ahead > AHEAD && findings.iter().all(|finding| finding.range.start < end) {
                self.clear = to;
            }
            findings.retain(|finding| finding.range.start < end && finding.range.end > self.from);
            let reaches = findings.iter().any(|finding| finding.range.end >= to);
            if !(goes_on && reaches) || ahead >= FARTHEST {
                findings.sort_by_key(|finding| (finding.range.start, finding.range.end));
                return Some(Stretch { block: self.from..end, findings });
            }
            ahead *= 2;
        }
    }

    /// Whether a word goes on at `to` that began before `end`, and may be a value that reads as one only when it is
    /// whole, such as a token of several parts. Not so for words that are too long, or were searched already.
    fn is_within_word(&self, end: usize, to: usize) -> bool {
        if to <= self.clear {
            return false;
        }
        let read = self.meant.get(..to).unwrap_or_default();
        let began = read.rfind(breaks).map_or(0, |at| at + 1);
        let drained = if began == 0 { self.before } else { 0 };
        began < end && drained + to - began < FARTHEST
    }

    /// What is found in a stretch. A value in JSON source never reaches across a quote.
    fn findings(&self, stretch: Range<usize>, kind: Kind, inspector: &mut dyn Inspector) -> Vec<Finding> {
        let meant = self.meant.get(stretch.clone()).unwrap_or_default();
        let found = inspector.find(meant, self.buffer.get(stretch.clone()).unwrap_or_default());
        let mut findings = Vec::with_capacity(found.len());
        for finding in found {
            let text = meant.get(finding.range.clone()).unwrap_or_default();
            if kind != Kind::Arguments {
                findings.push(Finding { range: moved(finding.range, stretch.start), ..finding });
                continue;
            }
            let mut at = finding.range.start;
            for part in text.split('"') {
                let value = part.trim_matches(|c: char| c.is_whitespace() || is_fill(c));
                let begin = at + part.len()
                    - part.trim_start_matches(|c: char| c.is_whitespace() || is_fill(c)).len();
                at += part.len() + 1;
                if value.chars().any(char::is_alphanumeric) {
                    let end = filled(meant, begin + value.len());
                    findings.push(Finding { range: moved(begin..end, stretch.start), ..finding.clone() });
                }
            }
        }
        findings
    }

    /// Where the block ends that begins with the undecided text; nothing when that can't be said yet.
    fn block_end(&self, ended: Ended) -> Option<usize> {
        let length = self.meant.len();
        let (least, most) = (self.from + BLOCK, self.from + LONGEST_BLOCK);
        let words = self.meant.as_bytes().get(least.min(length)..most.min(length)).unwrap_or_default();
        let space = words.iter().position(|byte| matches!(byte, b' ' | b'\n'));
        match space {
            // White space itself begins the next block, which it may belong to as the gap of a number.
            Some(offset) => Some(least + offset),
            None if length >= most => Some(self.boundary(most)),
            None if ended == Ended::Yes => Some(length),
            None => None,
        }
    }

    /// Appends a block with what the findings in it become.
    fn rewrite(&mut self, stretch: Stretch, judging: (Kind, &mut dyn Inspector), out: &mut String) {
        let (kind, inspector) = judging;
        let Stretch { block, findings } = stretch;
        let mut at = block.start.max(self.written);
        let before = self.judged;
        for finding in findings {
            let Range { start, end } = finding.range.clone();
            // What was decided with an earlier block is not judged again.
            if end <= before {
                continue;
            }
            self.judged = self.judged.max(end);
            let text = self.buffer.get(start..end).unwrap_or_default();
            let Some(with) = inspector.judge(&finding, text) else { continue };
            let begin = start.max(at);
            if end > begin {
                self.pass(at..begin, kind, out);
                out.push_str(&self.placed(&with, kind));
                self.follow(begin..end, kind);
                at = end;
            }
        }
        if at < block.end {
            self.pass(at..block.end, kind, out);
        }
        self.written = at.max(block.end);
    }

    /// A replacement as it must be written where the decided text ends.
    fn placed(&self, with: &str, kind: Kind) -> String {
        if kind != Kind::Arguments {
            return with.to_owned();
        }
        let Place { depth, stands } = self.nesting.place();
        match stands {
            Stands::InText => escaped(with, depth),
            Stands::Between => quoted(with, depth),
        }
    }

    fn pass(&mut self, range: Range<usize>, kind: Kind, out: &mut String) {
        out.push_str(self.buffer.get(range.clone()).unwrap_or_default());
        self.follow(range, kind);
    }

    fn follow(&mut self, range: Range<usize>, kind: Kind) {
        if kind == Kind::Arguments {
            self.nesting.push(self.buffer.get(range).unwrap_or_default());
        }
    }

    /// The last place up to `at` where both texts can be cut.
    fn boundary(&self, at: usize) -> usize {
        let both = |at: &usize| self.buffer.is_char_boundary(*at) && self.meant.is_char_boundary(*at);
        (0..=at).rev().find(both).unwrap_or(0)
    }
}

/// The end of the escape that a value ends in.
fn filled(meant: &str, end: usize) -> usize {
    let rest = meant.get(end..).unwrap_or_default();
    end + rest.len() - rest.trim_start_matches(is_fill).len()
}

fn moved(range: Range<usize>, by: usize) -> Range<usize> {
    range.start + by..range.end + by
}
