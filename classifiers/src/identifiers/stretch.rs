//! Stretches of digits and the separators people write between them.

use super::{byte_before, is_word};

/// What may stand between two groups of one number.
const SEPARATORS: [&[u8]; 17] = [
    b" ", b"-", b".", b"/", b"\n", b")", b"(", b") ", b" (", b")-", b"-(", b" - ", b" / ", b")/", b"/(",
    b") - ", b" -",
];
const LONGEST_SEPARATOR: usize = 4;

/// A group of digits without a separator inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Group {
    pub(super) fn len(self) -> usize {
        self.end - self.start
    }
}

/// Groups of digits joined by separators, with letters on neither side.
pub(super) struct Stretch<'b> {
    /// The whole text, for what stands around the number.
    pub(super) bytes: &'b [u8],
    pub(super) groups: &'b [Group],
}

impl<'b> Stretch<'b> {
    /// The groups that begin at `place` or later.
    pub(super) fn after(&self, place: usize) -> Self {
        let skip = self.groups.partition_point(|group| group.start < place);
        Self { bytes: self.bytes, groups: self.groups.get(skip..).unwrap_or_default() }
    }

    /// The digits of a group.
    pub(super) fn digits(&self, group: Group) -> &'b [u8] {
        self.bytes.get(group.start..group.end).unwrap_or_default()
    }

    /// What stands between two neighbouring groups.
    pub(super) fn between(&self, left: Group, right: Group) -> &'b [u8] {
        self.bytes.get(left.end..right.start).unwrap_or_default()
    }

    pub(super) fn before(&self, at: usize) -> Option<u8> {
        byte_before(self.bytes, at)
    }

    pub(super) fn at(&self, at: usize) -> Option<u8> {
        self.bytes.get(at).copied()
    }
}

/// Walks over the stretches of a text.
pub(super) struct Stretches<'b> {
    bytes: &'b [u8],
    from: usize,
    groups: Vec<Group>,
}

impl<'b> Stretches<'b> {
    pub(super) fn new(bytes: &'b [u8]) -> Self {
        Self { bytes, from: 0, groups: Vec::new() }
    }

    /// The next stretch with enough digits to be a number of interest.
    pub(super) fn next_stretch(&mut self) -> Option<Stretch<'_>> {
        loop {
            let rest = self.bytes.get(self.from..)?;
            let start = self.from + rest.iter().position(u8::is_ascii_digit)?;
            self.collect(start);
            let digits: usize = self.groups.iter().map(|group| group.len()).sum();
            if digits >= super::FEWEST_DIGITS {
                return Some(Stretch { bytes: self.bytes, groups: &self.groups });
            }
        }
    }

    /// Collects the groups of the stretch at `start`. Groups that touch a letter are left out, and
    /// end the stretch: they are parts of names, hashes and identifiers.
    fn collect(&mut self, start: usize) {
        self.groups.clear();
        let mut at = start;
        loop {
            let end = self.digits_end(at);
            self.from = end;
            let inside_word = self.touches_word(at, end);
            if inside_word {
                self.from = self.word_end(end);
                // A hyphen ties what went before to this word: then it is one identifier.
                let tied = matches!(byte_before(self.bytes, at), Some(b'-' | b'_'));
                if tied {
                    self.drop_tied();
                }
                return;
            }
            self.groups.push(Group { start: at, end });
            match self.next_group(end) {
                Some(next) => at = next,
                None => return,
            }
        }
    }

    fn touches_word(&self, start: usize, end: usize) -> bool {
        let after = self.bytes.get(end).copied();
        let before = byte_before(self.bytes, start);
        let hyphenated = |byte: Option<u8>, beyond: Option<u8>| {
            matches!(byte, Some(b'-' | b'_')) && beyond.is_some_and(|b| b.is_ascii_alphabetic())
        };
        before.is_some_and(is_word)
            || after.is_some_and(is_word)
            || hyphenated(before, start.checked_sub(2).and_then(|at| self.bytes.get(at)).copied())
            || hyphenated(after, self.bytes.get(end + 1).copied())
    }

    /// Takes back the groups that hyphens tie to the word that follows.
    fn drop_tied(&mut self) {
        while let Some(last) = self.groups.pop() {
            if !matches!(byte_before(self.bytes, last.start), Some(b'-' | b'_')) {
                return;
            }
        }
    }

    fn digits_end(&self, from: usize) -> usize {
        let rest = self.bytes.get(from..).unwrap_or_default();
        from + rest.iter().position(|b| !b.is_ascii_digit()).unwrap_or(rest.len())
    }

    fn word_end(&self, from: usize) -> usize {
        let rest = self.bytes.get(from..).unwrap_or_default();
        from + rest.iter().position(|b| !is_word(*b)).unwrap_or(rest.len())
    }

    fn next_group(&self, end: usize) -> Option<usize> {
        let rest = self.bytes.get(end..)?;
        let gap = rest.iter().take(LONGEST_SEPARATOR + 1).position(u8::is_ascii_digit)?;
        let separator = rest.get(..gap)?;
        SEPARATORS.contains(&separator).then_some(end + gap)
    }
}
