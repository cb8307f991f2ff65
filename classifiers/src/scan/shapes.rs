//! Words and numbers with a digit in them, tried against all shapes at once.

use regex::bytes::{RegexSet, RegexSetBuilder};

use super::{Compiled, is_word};
use crate::EntityType;
use crate::kinds::{Kind, Trigger};

/// Longest word that is looked at, and longest text that is compared, in bytes.
const WORD: usize = 80;
const REACH: usize = 112;

/// The set of all shapes.
#[derive(Debug)]
pub(super) struct Shapes {
    set: Option<RegexSet>,
    /// The kind of each pattern of the set.
    kinds: Vec<usize>,
}

impl Shapes {
    pub(super) fn new(kinds: &[&'static Kind]) -> Self {
        let shaped = kinds.iter().enumerate().filter(|(_, kind)| matches!(kind.trigger, Trigger::Shape));
        let (kinds, patterns): (Vec<usize>, Vec<String>) =
            shaped.map(|(index, kind)| (index, format!("^(?:{})", kind.pattern))).unzip();
        let set = RegexSetBuilder::new(&patterns).unicode(false).dfa_size_limit(8 << 20).build().ok();
        Self { set: set.filter(|set| !set.is_empty()), kinds }
    }

    /// Calls `found` with the place and kind of everything that begins like a shape.
    pub(super) fn each(&self, bytes: &[u8], found: &mut dyn FnMut(usize, usize)) {
        let Some(set) = &self.set else { return };
        let mut from = 0;
        while let Some(word) = next_word(bytes, from) {
            from = word.1;
            if let Some(start) = candidate(bytes, word) {
                let rest = bytes.get(start..bytes.len().min(start + REACH)).unwrap_or_default();
                for pattern in &set.matches(rest) {
                    if let Some(kind) = self.kinds.get(pattern) {
                        found(start, *kind);
                    }
                }
            }
        }
    }
}

/// Where a shape that begins at `start` ends, if no longer number goes on.
pub(super) fn end(bytes: &[u8], start: usize, compiled: &Compiled) -> Option<usize> {
    let end = compiled.end(bytes, start)?;
    let after = |offset: usize| bytes.get(end + offset).copied();
    let tied = match after(0) {
        Some(b'-') => compiled.kind.entity != EntityType::IpAddress,
        Some(b'.') => true,
        _ => false,
    };
    let goes_on = tied && after(1).is_some_and(|byte| byte.is_ascii_digit());
    (!goes_on).then_some(end)
}

/// The next run of word characters.
fn next_word(bytes: &[u8], from: usize) -> Option<(usize, usize)> {
    let start = from + bytes.get(from..)?.iter().position(|byte| is_word(*byte))?;
    let rest = bytes.get(start..)?;
    let end = start + rest.iter().position(|byte| !is_word(*byte)).unwrap_or(rest.len());
    Some((start, end))
}

/// Where a value may begin in a word: at its start, if the word has a digit or leads up to one, and
/// nothing before ties it to something longer.
fn candidate(bytes: &[u8], word: (usize, usize)) -> Option<usize> {
    let (start, end) = word;
    let text = bytes.get(start..end)?;
    if text.len() > WORD {
        return None;
    }
    let byte = |at: usize| bytes.get(at).copied();
    let before = start.checked_sub(1).and_then(byte);
    // The letter of an escape such as `\n` in source text is not part of the word.
    let escaped = before == Some(b'\\') && matches!(text, [b'n' | b'r' | b't', _, ..]);
    let (start, text) = if escaped { (start + 1, text.get(1..)?) } else { (start, text) };
    let digits = text.iter().any(u8::is_ascii_digit);
    let hexadecimal = text.len() <= 4 && text.iter().all(u8::is_ascii_hexdigit);
    let leads = match (byte(end), byte(end + 1)) {
        (Some(b' ' | b'-' | b'.'), Some(next)) => text.len() <= 6 && next.is_ascii_digit(),
        (Some(b':'), Some(next)) => hexadecimal && (next.is_ascii_hexdigit() || next == b':'),
        _ => false,
    };
    let pairs = hexadecimal && text.len() == 2 && byte(end) == Some(b'-');
    if !(digits || leads || pairs) {
        return None;
    }
    let beyond = start.checked_sub(2).and_then(byte);
    let tied = match before {
        Some(b'-' | b'.' | b':') => {
            beyond.is_some_and(|b| b.is_ascii_alphanumeric()) && before != Some(b':')
                || (before == Some(b':') && beyond.is_some_and(|b| b.is_ascii_digit() || b == b':'))
        }
        Some(b'+' | b'$') => true,
        _ => false,
    };
    (!tied || escaped).then_some(start)
}
