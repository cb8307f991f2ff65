//! Searches a text for the kinds of the registry, in one pass for literals and one for numbers.
//!
//! One automaton finds all prefixes, labels and context words. A prefix or label starts a search for its
//! kinds only; a word or number with a digit in it is tried against all shapes at once. Every pattern is
//! anchored and bounded, so the time is linear in the length of the text.

mod literals;
mod shapes;

use regex::bytes::{Regex, RegexBuilder};

use crate::kinds::{self, Check, Kind, Trigger};
use crate::{EntityType, Finding};
pub(crate) use literals::Digit;
use literals::{Hit, Literals};
use shapes::Shapes;

/// Below this a finding is none.
const THRESHOLD: f32 = 0.5;
/// What a good and a bad check digit do to a score.
const GOOD: f32 = 0.25;
const BAD: f32 = 0.35;
/// How far before and after a value a word speaks for it, in bytes.
const BEFORE: usize = 64;
const AFTER: usize = 24;

/// The compiled rows for a set of types.
#[derive(Debug)]
pub(crate) struct Scanner {
    kinds: Vec<Compiled>,
    literals: Literals,
    shapes: Shapes,
    links: Links,
}

/// A row and its pattern.
#[derive(Debug)]
struct Compiled {
    kind: &'static Kind,
    regex: Regex,
}

/// What may stand between a label and its value.
#[derive(Debug)]
struct Links {
    field: Option<Regex>,
    secret: Option<Regex>,
}

/// What the words around a value say of it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Spoken {
    Nothing,
    Near,
    Adjacent,
}

/// What a scan yields besides findings.
pub(crate) struct Scan {
    pub(crate) found: Vec<Finding>,
    /// Digits written as words, in order.
    pub(crate) digits: Vec<Digit>,
    /// Where a dot or an at sign is written as a word, in order.
    pub(crate) signs: Vec<usize>,
}

impl Scanner {
    /// A scanner for `types`.
    pub(crate) fn new(types: &[EntityType]) -> Self {
        let kinds: Vec<Compiled> = kinds::registry()
            .filter(|kind| types.contains(&kind.entity))
            .filter_map(|kind| Some(Compiled { kind, regex: anchored(kind.pattern)? }))
            .collect();
        let rows: Vec<&'static Kind> = kinds.iter().map(|it| it.kind).collect();
        Self { literals: Literals::new(&rows), shapes: Shapes::new(&rows), links: Links::new(), kinds }
    }

    /// Everything in `text`; findings may overlap and are in no order.
    pub(crate) fn scan(&self, text: &str) -> Scan {
        let mut scan = Scan { found: Vec::new(), digits: Vec::new(), signs: Vec::new() };
        let mut words = Vec::new();
        self.literals.each(text.as_bytes(), &mut |hit| {
            self.at_literal(text, &hit, &mut scan);
            if hit.roles.speaks() && hit.stands_alone {
                words.push(hit);
            }
        });
        self.shapes.each(text.as_bytes(), &mut |start, kind| {
            if let Some(compiled) = self.kinds.get(kind)
                && let Some(end) = shapes::end(text.as_bytes(), start, compiled)
            {
                let spoken = self.spoken(text, &words, (kind, start, end));
                scan.found.extend(judge(text, compiled, (start, end), spoken));
            }
        });
        scan
    }

    fn at_literal(&self, text: &str, hit: &Hit<'_>, scan: &mut Scan) {
        if hit.opens {
            for kind in &hit.roles.prefixes {
                self.try_at(text, (*kind, hit.start), scan);
            }
        }
        for kind in &hit.roles.inside {
            if let Some(Trigger::Inside(_, fewest, most)) = self.kinds.get(*kind).map(|it| it.kind.trigger) {
                for back in (fewest..=most).rev() {
                    let start = hit.start.checked_sub(back);
                    if let Some(start) = start.filter(|start| literals::opens(text.as_bytes(), *start)) {
                        self.try_at(text, (*kind, start), scan);
                    }
                }
            }
        }
        if hit.stands_alone {
            scan.digits.extend(hit.digit());
            scan.signs.extend(hit.roles.sign.then_some(hit.start));
            if !hit.roles.labels.is_empty() {
                self.behind_label(text, hit, scan);
            }
        }
    }

    fn try_at(&self, text: &str, place: (usize, usize), scan: &mut Scan) {
        let (kind, start) = place;
        let Some(compiled) = self.kinds.get(kind) else { return };
        if let Some(end) = compiled.end(text.as_bytes(), start) {
            scan.found.extend(judge(text, compiled, (start, end), Spoken::Nothing));
        }
    }

    /// Tries the kinds of a label on what follows it, without and with an opening quotation mark.
    fn behind_label(&self, text: &str, hit: &Hit<'_>, scan: &mut Scan) {
        let bytes = text.as_bytes();
        for kind in &hit.roles.labels {
            let Some(compiled) = self.kinds.get(*kind) else { continue };
            let secret = compiled.kind.entity.is_secret();
            let regex = if secret { &self.links.secret } else { &self.links.field };
            let Some(link) = link(regex.as_ref(), bytes, hit.end) else { continue };
            if secret && !link.is_clear && !hit.is_option {
                continue;
            }
            for start in [Some(link.end), link.quoted].into_iter().flatten() {
                if let Some(end) = compiled.end(bytes, start) {
                    let value = literals::unquoted(bytes, start..end);
                    scan.found.extend(judge(text, compiled, (value.start, value.end), Spoken::Nothing));
                    break;
                }
            }
        }
    }

    fn spoken(&self, text: &str, words: &[Hit<'_>], place: (usize, usize, usize)) -> Spoken {
        let (kind, start, end) = place;
        let from = words.partition_point(|word| word.end <= start);
        let before = words.get(..from).unwrap_or_default().iter().rev();
        let mut spoken = Spoken::Nothing;
        for word in before.take_while(|word| start - word.end <= BEFORE) {
            if word.roles.context.contains(&kind) {
                spoken = Spoken::Near;
                let link = link(self.links.field.as_ref(), text.as_bytes(), word.end);
                if link.is_some_and(|link| link.end == start || link.quoted == Some(start)) {
                    return Spoken::Adjacent;
                }
            }
        }
        let after = words.get(from..).unwrap_or_default().iter().skip_while(|word| word.start < end);
        let named =
            after.take_while(|word| word.start - end <= AFTER).any(|word| word.roles.context.contains(&kind));
        if named { Spoken::Near } else { spoken }
    }
}

impl Compiled {
    /// Where the value that begins at `start` ends, if there is one that isn't part of a longer word.
    fn end(&self, bytes: &[u8], start: usize) -> Option<usize> {
        let rest = bytes.get(start..)?;
        let end = start + self.regex.find(rest)?.end();
        let last = bytes.get(end.checked_sub(1)?).copied()?;
        let next = bytes.get(end).copied();
        let cut = is_word(last) && next.is_some_and(is_word);
        (!cut).then_some(end)
    }
}

impl Links {
    fn new() -> Self {
        const FIELD: &str = r#"^(?:\\?["'`\])]|\*\*)?\s{0,4}(?:\([^()\n]{0,24}\)\s?)?(?:(?:is|was|are|no|nr|num|number|nummer|numero|id|ist|lautet|est|es|jest|of|code)\b\.?\s{0,3}|(?:n?\xc2[\xb0\xba]|\xc3[\xa8\xa9])\s{0,3}|#\s?){0,3}[:=>|-]{0,3}\s{0,4}"#;
        const SECRET: &str = r#"^(?:[_-][A-Za-z0-9]{1,12}){0,2}(?:\\?["'`\])]){0,2}(?:\s?:\s?(?:&'?[a-z]{0,8} ?)?(?:str|[Ss]tring|char)\b)?\s{0,4}(?:(?:is|was|ist|est|es|jest|to)\b\s?)?[:=>|]{0,3}\s{0,4}"#;
        let compile = |pattern: &str| RegexBuilder::new(pattern).unicode(false).build().ok();
        Self { field: compile(FIELD), secret: compile(SECRET) }
    }
}

/// The link that follows a label ending at `at`.
fn link(regex: Option<&Regex>, bytes: &[u8], at: usize) -> Option<Link> {
    let rest = bytes.get(at..bytes.len().min(at + 96))?;
    let linked = regex?.find(rest)?;
    let written = linked.as_bytes();
    let end = at + linked.end();
    let quotes = match bytes.get(end..)? {
        [b'\\', b'"' | b'\'', ..] => 2,
        [b'"' | b'\'' | b'`' | b'(' | b'[' | b'<', ..] => 1,
        _ => 0,
    };
    let word = written.windows(3).any(|it| matches!(it, b"is " | b"was" | b"ist" | b"est" | b"es " | b"to "));
    let is_clear = word || written.iter().any(|byte| matches!(byte, b':' | b'=' | b'>' | b'|'));
    Some(Link { end, quoted: (quotes > 0).then_some(end + quotes), is_clear })
}

/// A link between a label and a value.
struct Link {
    end: usize,
    /// Where the value begins if a quotation mark opens it.
    quoted: Option<usize>,
    /// Whether more than a space links them.
    is_clear: bool,
}

/// A finding, if pattern, check and words together make it one.
fn judge(text: &str, compiled: &Compiled, place: (usize, usize), spoken: Spoken) -> Option<Finding> {
    let (start, end) = (text.floor_char_boundary(place.0), text.ceil_char_boundary(place.1));
    let value = text.get(start..end)?;
    let lift = match spoken {
        Spoken::Nothing => 0.0,
        Spoken::Near => 0.4,
        Spoken::Adjacent => 0.6,
    };
    let moved = match compiled.kind.check {
        Check::None => 0.0,
        Check::Must(check) if check(value) => 0.0,
        Check::Must(_) => return None,
        Check::Sum(check) if check(&compact(value)) => GOOD,
        Check::Sum(_) => match spoken {
            Spoken::Nothing => -BAD,
            Spoken::Near => -0.2,
            Spoken::Adjacent => -0.1,
        },
    };
    let score = (compiled.kind.score + lift + moved).min(0.99);
    (score >= THRESHOLD && !value.is_empty()).then_some(Finding {
        entity: compiled.kind.entity,
        range: start..end,
        score,
    })
}

/// Letters and digits alone, in capitals.
pub(crate) fn compact(value: &str) -> String {
    value.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect()
}

fn anchored(pattern: &str) -> Option<Regex> {
    RegexBuilder::new(&format!("^(?:{pattern})")).unicode(false).build().ok()
}

/// A letter, digit, underscore or part of a character beyond ASCII.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

#[cfg(test)]
#[expect(clippy::string_slice, reason = "a wrong offset should fail the test")]
mod tests;
