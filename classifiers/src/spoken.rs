//! Values written as people say them: digits as words, addresses with "at" and "dot".

use std::ops::Range;
use std::sync::LazyLock;

use regex::bytes::Regex;

use crate::scan::Digit;

/// Fewest digits in a row that may be a number of interest.
const FEWEST: usize = 7;
/// How far around a word for a sign an address is looked for, in bytes.
const LONGEST: usize = 120;
/// Text before the digits that says what they are, in bytes.
const CONTEXT: usize = 80;

static ADDRESS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    const DOT: &str = r"(?: ?[(\[]dot[)\]] ?| dot | punkt | point | punto |\.)";
    const AT: &str = r"(?: ?[(\[](?:at|ät)[)\]] ?| at | ät | chez | arroba |@)";
    // Letters of ASCII only: a word boundary of Unicode would cost many times as much.
    let ending = r"(?:com|org|net|edu|gov|io|info|biz|de|fr|es|it|nl|pl|pt|uk|co|eu|ch|at|us|ca|au|in|br|dev|app|ai|me)";
    let name = r"[a-z0-9](?:[a-z0-9_+-]{0,40})";
    Regex::new(&format!(r"(?i)\b{name}(?:{DOT}{name}){{0,3}}{AT}{name}(?:{DOT}{name}){{0,3}}{DOT}{ending}\b"))
        .ok()
});

/// Digits said one by one: where, and the text with them as digits after what stood before.
pub(crate) struct Said {
    pub(crate) range: Range<usize>,
    pub(crate) text: String,
    /// Where the digits begin in `text`.
    pub(crate) digits: usize,
}

/// All runs of digits that are said one by one.
pub(crate) fn numbers(text: &str, digits: &[Digit]) -> Vec<Said> {
    let mut said = Vec::new();
    let mut run: Vec<Digit> = Vec::new();
    for digit in digits {
        let joined = run.last().is_some_and(|last| joins(text, last.end..digit.start));
        if !joined {
            said.extend(number(text, &run));
            run.clear();
        }
        run.push(*digit);
    }
    said.extend(number(text, &run));
    said
}

/// Addresses said with words for the signs, around the places of such words. At least one sign must be
/// a word.
pub(crate) fn addresses(text: &str, places: &[usize]) -> Vec<Range<usize>> {
    let Some(regex) = ADDRESS.as_ref() else { return Vec::new() };
    let mut found: Vec<Range<usize>> = Vec::new();
    for place in places {
        let from = found.last().map_or(0, |last| last.end).max(place.saturating_sub(LONGEST));
        let from = text.ceil_char_boundary(from);
        let window = text.get(from..text.floor_char_boundary(place + LONGEST)).unwrap_or_default();
        if *place < from {
            continue;
        }
        let hits = regex.find_iter(window.as_bytes()).map(|hit| hit.range());
        let said = hits.filter(|hit| window.get(hit.clone()).is_some_and(is_said));
        found.extend(said.map(|hit| from + hit.start..from + hit.end));
    }
    found
}

/// The address that is said, as it is written.
pub(crate) fn written(said: &str) -> String {
    let mut text = said.to_lowercase();
    for (word, sign) in [("(at)", "@"), ("[at]", "@"), ("(dot)", "."), ("[dot]", ".")] {
        text = text.replace(word, sign);
    }
    for (word, sign) in [
        (" at ", "@"),
        (" ät ", "@"),
        (" chez ", "@"),
        (" arroba ", "@"),
        (" dot ", "."),
        (" punkt ", "."),
        (" point ", "."),
        (" punto ", "."),
    ] {
        text = text.replace(word, sign);
    }
    text.split_whitespace().collect()
}

/// An address has a word for its at sign only if it has one for a dot too: "at example.com" is a place.
fn is_said(text: &str) -> bool {
    const WORDS: [&str; 22] = [
        "the", "a", "an", "this", "that", "my", "our", "your", "and", "or", "look", "is", "are", "was", "me",
        "us", "him", "here", "be", "not", "up", "only",
    ];
    let lower = text.to_lowercase();
    let plain = written(&lower);
    let (name, host) = plain.split_once('@').unwrap_or_default();
    if WORDS.contains(&name) || WORDS.iter().any(|word| host.split('.').next() == Some(*word)) {
        return false;
    }
    let dots = ["dot", "punkt", "point", "punto"].iter().any(|word| lower.contains(word));
    let signs = ["@", "(at)", "[at]", "(ät)", "[ät]"].iter().any(|sign| lower.contains(sign));
    dots || (signs && !lower.contains('@'))
}

fn joins(text: &str, gap: Range<usize>) -> bool {
    let gap = text.get(gap).unwrap_or("x");
    !gap.is_empty()
        && gap.len() <= 3
        && gap.bytes().all(|byte| matches!(byte, b' ' | b',' | b'-' | b'.' | b'\n'))
}

fn number(text: &str, run: &[Digit]) -> Option<Said> {
    let (first, last) = (run.first()?, run.last()?);
    if run.len() < FEWEST {
        return None;
    }
    let from = text.floor_char_boundary(first.start.saturating_sub(CONTEXT));
    let mut plain = text.get(from..first.start)?.to_owned();
    let digits = plain.len();
    plain.extend(run.iter().map(|digit| char::from(digit.value)));
    Some(Said { range: first.start..last.end, text: plain, digits })
}
