//! Lists of words and patterns, found in whole texts and in texts that arrive in pieces.

use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, AhoCorasickKind, MatchKind};
use regex::{Regex, RegexBuilder};
use thiserror::Error;
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use crate::check;
use crate::view::View;

/// Memory a compiled pattern may take, in bytes.
const PATTERN_SIZE: usize = 1 << 20;
/// Length of all words together up to which they are compiled to a table, in bytes.
const DFA_LIMIT: usize = 16 << 10;
/// Longest word or phrase, in bytes.
const WORD_LIMIT: usize = 256;
/// How far before a term the words that speak for it may begin, in bytes.
const NEAR: usize = 64;
/// Longest of those words, in bytes.
const NEAR_WORD: usize = 32;

/// A named list of terms.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TermGroup {
    /// Words and phrases: found on word boundaries, whatever their case, Unicode form or spacing.
    pub words: Vec<String>,
    /// Regular expressions in the syntax of the regex crate, applied to the text as it is.
    pub patterns: Vec<String>,
    /// What the letters and digits of a term must add up to.
    pub check: Option<CheckDigit>,
    /// Words of which one must begin within the 64 bytes before a term; any if there are none.
    pub near: Vec<String>,
}

/// A rule by which the last sign of a number follows from the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckDigit {
    /// Luhn (ISO/IEC 7812-1, annex B): cards, IMEI and many member numbers.
    Luhn,
    /// ISO 7064 MOD 97-10: IBAN and LEI; letters count from ten.
    Mod97,
    /// ISO 7064 MOD 11-2: ISNI and ORCID; the last sign may be an X.
    Mod11,
}

impl CheckDigit {
    /// All of them by the names that policy files use.
    pub const ALL: [(&'static str, Self); 3] =
        [("luhn", Self::Luhn), ("mod97", Self::Mod97), ("mod11", Self::Mod11)];

    /// Whether a value holds, whatever stands between its letters and digits.
    pub fn holds(self, value: &str) -> bool {
        let signs: String = value.chars().filter(char::is_ascii_alphanumeric).collect();
        match self {
            Self::Luhn => check::luhn(&signs),
            Self::Mod97 => signs.len() > 2 && check::mod97(&signs) == 1,
            Self::Mod11 => check::mod11(&signs),
        }
    }
}

/// A term found in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// Where it stands, in bytes of the text; always on character boundaries.
    pub range: Range<usize>,
    /// Index of the group it belongs to.
    pub group: usize,
}

impl Term {
    fn new(range: Range<usize>, group: usize) -> Self {
        Self { range, group }
    }
}

/// A term that can't be searched for.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LexiconError {
    /// A word without any letter, digit or sign, or one longer than 256 bytes.
    #[error("word {item} is empty or longer than 256 bytes")]
    Word {
        /// Index of the group.
        group: usize,
        /// Index of the word within it.
        item: usize,
    },
    /// A pattern that is no regular expression, is too large, or matches nothing at all.
    #[error("pattern {item} {reason}")]
    Pattern {
        /// Index of the group.
        group: usize,
        /// Index of the pattern within it.
        item: usize,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A word that speaks for a term without any letter, digit or sign, or one longer than 32 bytes.
    #[error("word {item} of those nearby is empty or longer than 32 bytes")]
    Near {
        /// Index of the group.
        group: usize,
        /// Index of the word within those nearby.
        item: usize,
    },
    /// All words together are too many for one automaton.
    #[error("the lists hold too many words")]
    TooLarge,
}

/// A compiled set of term groups.
#[derive(Clone)]
pub struct Lexicon {
    automaton: Option<AhoCorasick>,
    /// Group of each word, by the automaton's pattern id.
    groups: Vec<usize>,
    /// Decomposed words in order, to tell whether a tail may still become one.
    decomposed: Vec<String>,
    /// Length of the longest word in the view, in bytes.
    longest_word: usize,
    patterns: Vec<Pattern>,
    /// By group, what its terms must fulfil besides.
    demands: Vec<Demand>,
}

/// What a term must fulfil besides being on a list.
#[derive(Clone, Default)]
struct Demand {
    check: Option<CheckDigit>,
    /// The words of which one must stand before it.
    near: Option<Box<Lexicon>>,
}

impl Demand {
    fn is_met(&self, text: &str, term: &Range<usize>) -> bool {
        let checked = || {
            let value = text.get(term.clone()).unwrap_or_default();
            self.check.is_none_or(|check| check.holds(value))
        };
        let spoken_for = || {
            let Some(words) = &self.near else { return true };
            let from = text.floor_char_boundary(term.start.saturating_sub(NEAR));
            // One character of context decides whether a word begins there.
            let context = text.floor_char_boundary(from.saturating_sub(1));
            let before = text.get(context..term.start).unwrap_or_default();
            !words.find_between(before, from - context..before.len()).is_empty()
        };
        checked() && spoken_for()
    }
}

#[derive(Clone)]
struct Pattern {
    regex: Regex,
    group: usize,
    longest: Option<usize>,
}

impl Lexicon {
    /// Compiles `groups`.
    ///
    /// # Errors
    /// All terms that can't be searched for.
    pub fn new(groups: &[TermGroup]) -> Result<Self, Vec<LexiconError>> {
        let mut errors = Vec::new();
        let mut words: Vec<(String, usize)> = Vec::new();
        let mut patterns = Vec::new();
        let mut demands = Vec::new();
        for (group, terms) in groups.iter().enumerate() {
            demands.push(Demand { check: terms.check, near: near(group, &terms.near, &mut errors) });
            for (item, word) in terms.words.iter().enumerate() {
                match normalise(word) {
                    Some(word) => words.push((word, group)),
                    None => errors.push(LexiconError::Word { group, item }),
                }
            }
            for (item, pattern) in terms.patterns.iter().enumerate() {
                match compile(pattern) {
                    Ok((regex, longest)) => patterns.push(Pattern { regex, group, longest }),
                    Err(reason) => errors.push(LexiconError::Pattern { group, item, reason }),
                }
            }
        }
        let automaton = match automaton(&words) {
            Ok(automaton) => automaton,
            Err(error) => {
                errors.push(error);
                None
            }
        };
        if !errors.is_empty() {
            return Err(errors);
        }
        let longest_word = words.iter().map(|(word, _)| word.len()).max().unwrap_or(0);
        let mut decomposed: Vec<String> = words.iter().map(|(word, _)| word.nfd().collect()).collect();
        decomposed.sort_unstable();
        let groups = words.into_iter().map(|(_, group)| group).collect();
        Ok(Self { automaton, groups, decomposed, longest_word, patterns, demands })
    }

    /// Whether there is nothing to search for.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty() && self.patterns.is_empty()
    }

    /// Whether every pattern has an upper length, as texts that arrive in pieces need.
    pub fn is_bounded(&self) -> bool {
        self.patterns.iter().all(|pattern| pattern.longest.is_some())
    }

    /// All terms in `text`, in order; terms of different words and groups may overlap.
    pub fn find(&self, text: &str) -> Vec<Term> {
        self.find_between(text, 0..text.len() + 1)
    }

    /// The terms of `text` that begin within `starts`. What stands before serves as context only.
    pub fn find_between(&self, text: &str, starts: Range<usize>) -> Vec<Term> {
        let mut found = Vec::new();
        if let Some(automaton) = &self.automaton {
            let view = View::words(text);
            for hit in automaton.find_overlapping_iter(view.text()) {
                if on_boundaries(view.text(), hit.range()) {
                    let range = view.original(hit.range());
                    let group = self.groups.get(hit.pattern().as_usize()).copied().unwrap_or_default();
                    if starts.contains(&range.start) {
                        found.push(Term::new(range, group));
                    }
                }
            }
        }
        for pattern in &self.patterns {
            let mut at = starts.start;
            while let Some(hit) = pattern.regex.find_at(text, at).filter(|hit| starts.contains(&hit.start()))
            {
                found.push(Term::new(hit.range(), pattern.group));
                at = hit.end();
            }
        }
        found.retain(|term| self.demands.get(term.group).is_none_or(|it| it.is_met(text, &term.range)));
        found.sort_unstable_by_key(|term| (term.range.start, term.range.end, term.group));
        found.dedup();
        found
    }

    /// How far `text` is settled: terms that begin before the result are as [`Lexicon::find`] says,
    /// whatever may follow; a term that begins there or later may still grow, end or turn out to be
    /// part of a longer word. Never less than `from`, which is known to be settled.
    pub fn settled(&self, text: &str, from: usize) -> usize {
        let mut settled = text.len();
        for pattern in &self.patterns {
            // The longest match and one character of context after it.
            let reach = pattern.longest.unwrap_or(text.len()) + 4;
            settled = settled.min(text.floor_char_boundary(text.len().saturating_sub(reach)));
        }
        if self.automaton.is_some() {
            settled = settled.min(self.pending_word(text, from));
        }
        settled.max(from)
    }

    /// Where the first word begins that the end of `text` may still complete.
    fn pending_word(&self, text: &str, from: usize) -> usize {
        // One character of context decides whether a word may begin at `from`.
        let context = text.floor_char_boundary(from.saturating_sub(1));
        let Some(tail) = text.get(context..) else { return text.len() };
        let view = View::words(tail);
        let folded = view.text();
        let mut before = match context {
            0 => None,
            _ => text.get(..context).and_then(|head| head.chars().next_back()),
        };
        for (at, c) in folded.char_indices() {
            let near = folded.len() - at <= self.longest_word;
            if near && !joins(before, Some(c)) && self.may_become_word(folded.get(at..).unwrap_or_default()) {
                return context + view.original(at..at).start;
            }
            before = Some(c);
        }
        text.len()
    }

    fn may_become_word(&self, tail: &str) -> bool {
        let tail: String = tail.nfd().flat_map(char::to_lowercase).collect();
        let at = self.decomposed.partition_point(|word| word.as_str() < tail.as_str());
        self.decomposed.get(at).is_some_and(|word| word.starts_with(&tail))
    }
}

/// A word as the view spells it, or nothing when there is nothing to find.
fn normalise(word: &str) -> Option<String> {
    let view = View::words(word.trim());
    let folded = view.text().trim().to_lowercase();
    (!folded.is_empty() && folded.len() <= WORD_LIMIT).then_some(folded)
}

/// A lexicon of the words that speak for a group's terms; none if any term will do.
fn near(group: usize, words: &[String], errors: &mut Vec<LexiconError>) -> Option<Box<Lexicon>> {
    let too_long = |word: &String| word.trim().is_empty() || word.len() > NEAR_WORD;
    let faulty = words.iter().enumerate().filter(|(_, word)| too_long(word));
    let before = errors.len();
    errors.extend(faulty.map(|(item, _)| LexiconError::Near { group, item }));
    if words.is_empty() || errors.len() > before {
        return None;
    }
    match Lexicon::new(&[TermGroup { words: words.to_vec(), ..TermGroup::default() }]) {
        Ok(words) => Some(Box::new(words)),
        Err(faults) => {
            errors.extend(faults);
            None
        }
    }
}

fn automaton(words: &[(String, usize)]) -> Result<Option<AhoCorasick>, LexiconError> {
    if words.is_empty() {
        return Ok(None);
    }
    // The fastest automaton, as long as its table stays small.
    let total: usize = words.iter().map(|(word, _)| word.len()).sum();
    let kind = if total <= DFA_LIMIT { AhoCorasickKind::DFA } else { AhoCorasickKind::ContiguousNFA };
    AhoCorasickBuilder::new()
        .kind(Some(kind))
        .match_kind(MatchKind::Standard)
        .ascii_case_insensitive(true)
        .build(words.iter().map(|(word, _)| word))
        .map(Some)
        .map_err(|_| LexiconError::TooLarge)
}

fn compile(pattern: &str) -> Result<(Regex, Option<usize>), &'static str> {
    let built = RegexBuilder::new(pattern).size_limit(PATTERN_SIZE).dfa_size_limit(PATTERN_SIZE).build();
    let regex = match built {
        Ok(regex) => regex,
        Err(regex::Error::CompiledTooBig(_)) => return Err("is too large"),
        Err(_) => return Err("is not a regular expression"),
    };
    let parsed = regex_syntax::parse(pattern).map_err(|_| "is not a regular expression")?;
    match parsed.properties().minimum_len() {
        Some(1..) => Ok((regex, parsed.properties().maximum_len())),
        _ => Err("matches empty text"),
    }
}

/// Whether a hit stands on its own rather than inside a longer word.
fn on_boundaries(text: &str, hit: Range<usize>) -> bool {
    let edge = |range: Range<usize>| text.get(range).unwrap_or_default();
    let before = edge(0..hit.start).chars().next_back();
    let after = edge(hit.end..text.len()).chars().next();
    let word = edge(hit);
    !joins(before, word.chars().next()) && !joins(word.chars().next_back(), after)
}

/// Whether two neighbouring characters belong to the same word.
fn joins(left: Option<char>, right: Option<char>) -> bool {
    match (left, right) {
        (Some(left), Some(right)) => {
            is_combining_mark(right)
                || (is_word(left) && is_word(right) && !(unspaced(left) || unspaced(right)))
        }
        _ => false,
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || is_combining_mark(c)
}

/// Scripts that put no space between words: Thai, Lao, Myanmar, Khmer, kana and Han.
fn unspaced(c: char) -> bool {
    matches!(u32::from(c),
        0xe00..=0xeff | 0x1000..=0x109f | 0x1780..=0x17ff | 0x3040..=0x30ff | 0x3400..=0x4dbf | 0x4e00..=0x9fff
        | 0xf900..=0xfaff | 0x20000..=0x323af)
}

#[cfg(test)]
#[expect(clippy::string_slice, reason = "a wrong offset should fail the test")]
mod tests;
