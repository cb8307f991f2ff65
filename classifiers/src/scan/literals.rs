//! All literals of the registry in one automaton: prefixes, labels, context words and words for digits.

use std::collections::BTreeMap;
use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, AhoCorasickKind, MatchKind};
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use super::is_word;
use crate::kinds::{Kind, Trigger};

/// Words for the ten digits in English, German, French, Spanish and Italian.
const DIGITS: [&[&str]; 10] = [
    &["zero", "oh", "null", "zéro", "cero"],
    &["one", "eins", "un", "uno"],
    &["two", "zwei", "zwo", "deux", "dos", "due"],
    &["three", "drei", "trois", "tres", "tre"],
    &["four", "vier", "quatre", "cuatro", "quattro"],
    &["five", "fünf", "cinq", "cinco", "cinque"],
    &["six", "sechs", "seis", "sei"],
    &["seven", "sieben", "sept", "siete", "sette"],
    &["eight", "acht", "huit", "ocho", "otto"],
    &["nine", "neun", "neuf", "nueve", "nove"],
];

/// What a literal is for, by kind.
#[derive(Clone, Debug, Default)]
pub(super) struct Roles {
    pub(super) prefixes: Vec<usize>,
    pub(super) inside: Vec<usize>,
    pub(super) labels: Vec<usize>,
    pub(super) context: Vec<usize>,
    /// Whether it is a word for a dot or an at sign.
    pub(super) sign: bool,
    digit: Option<u8>,
}

/// A digit written as a word.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Digit {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// The digit in ASCII.
    pub(crate) value: u8,
}

/// A literal in a text.
#[derive(Clone, Debug)]
pub(super) struct Hit<'l> {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) roles: &'l Roles,
    /// Whether a value may begin here: no word runs into it.
    pub(super) opens: bool,
    /// Whether it is a word of its own.
    pub(super) stands_alone: bool,
    /// Whether hyphens stand before it, as before an option of a command.
    pub(super) is_option: bool,
}

/// The automaton and the roles of its patterns.
#[derive(Debug)]
pub(super) struct Literals {
    automaton: Option<AhoCorasick>,
    roles: Vec<Roles>,
}

impl Roles {
    /// Whether it speaks for a kind nearby.
    pub(super) fn speaks(&self) -> bool {
        !self.context.is_empty()
    }
}

impl Hit<'_> {
    pub(super) fn digit(&self) -> Option<Digit> {
        self.roles.digit.map(|value| Digit { start: self.start, end: self.end, value })
    }
}

impl Literals {
    pub(super) fn new(kinds: &[&'static Kind]) -> Self {
        let mut all: BTreeMap<String, Roles> = BTreeMap::new();
        for (index, kind) in kinds.iter().enumerate() {
            match kind.trigger {
                Trigger::Prefix(prefixes) => {
                    for prefix in prefixes {
                        all.entry(prefix.to_ascii_lowercase()).or_default().prefixes.push(index);
                    }
                }
                Trigger::Inside(literal, ..) => {
                    all.entry(literal.to_ascii_lowercase()).or_default().inside.push(index);
                }
                Trigger::Label | Trigger::Shape => {}
            }
            for spelling in kind.words.iter().flat_map(|word| spellings(word)) {
                let roles = all.entry(spelling).or_default();
                let list = if matches!(kind.trigger, Trigger::Label) {
                    &mut roles.labels
                } else {
                    &mut roles.context
                };
                if !list.contains(&index) {
                    list.push(index);
                }
            }
        }
        for (value, words) in (b'0'..).zip(DIGITS) {
            for word in words {
                all.entry((*word).to_owned()).or_default().digit = Some(value);
            }
        }
        for word in ["dot", "punkt", "punto", "(at)", "[at]"] {
            all.entry(word.to_owned()).or_default().sign = true;
        }
        let (literals, roles): (Vec<String>, Vec<Roles>) = all.into_iter().unzip();
        let automaton = AhoCorasickBuilder::new()
            .kind(Some(AhoCorasickKind::DFA))
            .match_kind(MatchKind::Standard)
            .ascii_case_insensitive(true)
            .build(&literals)
            .ok();
        Self { automaton, roles }
    }

    /// Calls `found` for every literal in `bytes`, in the order of their ends.
    pub(super) fn each<'l>(&'l self, bytes: &[u8], found: &mut dyn FnMut(Hit<'l>)) {
        let Some(automaton) = &self.automaton else { return };
        for hit in automaton.find_overlapping_iter(bytes) {
            let Some(roles) = self.roles.get(hit.pattern().as_usize()) else { continue };
            let opens = opens(bytes, hit.start());
            let before = byte(bytes, hit.start().checked_sub(1));
            let first = byte(bytes, Some(hit.start()));
            // A capital after a small letter begins a word, as in `userPassword`.
            let humped = before.is_some_and(|b| b.is_ascii_lowercase())
                && first.is_some_and(|b| b.is_ascii_uppercase());
            let begins = opens || humped || before == Some(b'_');
            let ends = !byte(bytes, Some(hit.end())).is_some_and(|b| b.is_ascii_alphanumeric() || b >= 0x80);
            found(Hit {
                start: hit.start(),
                end: hit.end(),
                roles,
                opens,
                stands_alone: begins && ends,
                is_option: before == Some(b'-'),
            });
        }
    }
}

/// Whether a value may begin at `start`: after no letter or digit, unless that is the letter of an escape.
pub(super) fn opens(bytes: &[u8], start: usize) -> bool {
    let Some(before) = byte(bytes, start.checked_sub(1)) else { return true };
    let escaped = matches!(before, b'n' | b'r' | b't') && byte(bytes, start.checked_sub(2)) == Some(b'\\');
    !is_word(before) || escaped
}

/// A value without the quotation marks around it.
pub(super) fn unquoted(bytes: &[u8], range: Range<usize>) -> Range<usize> {
    let mark = |byte: &u8| matches!(byte, b'"' | b'\'' | b'`' | b'\\');
    let value = bytes.get(range.clone()).unwrap_or_default();
    let front = value.iter().take_while(|byte| mark(byte)).count();
    let back = value.iter().skip(front).rev().take_while(|byte| mark(byte)).count();
    range.start + front..range.end - back
}

fn byte(bytes: &[u8], at: Option<usize>) -> Option<u8> {
    at.and_then(|at| bytes.get(at)).copied()
}

/// The ways a label is written: with spaces, underscores, hyphens or nothing, with accents and without.
fn spellings(word: &str) -> Vec<String> {
    let word = word.to_lowercase();
    let bare: String = word.nfd().filter(|c| !is_combining_mark(*c)).collect();
    let mut all: Vec<String> = [word.as_str(), bare.as_str()]
        .into_iter()
        .flat_map(|word| {
            [word.to_owned(), word.replace(' ', "_"), word.replace(' ', "-"), word.replace(' ', "")]
        })
        .collect();
    all.sort_unstable();
    all.dedup();
    all
}
